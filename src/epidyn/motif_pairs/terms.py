"""The terms of a model of motif pairs: what its logit is a sum of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Term(NamedTuple):
    """A product of one feature of each element, by number, or a feature of one alone, and its weight.

    That of the distance has neither.
    """

    enhancer: int | None
    promoter: int | None
    weight: float


class DistanceTerm(NamedTuple):
    """What the distance between two elements adds to their logit: ``weight`` times its standardised logarithm.

    Attributes
    ----------
    center, scale
        Of the logarithm, base 10, of distances in bases.
    weight
        Of the logarithm so standardised.
    """

    center: float
    scale: float
    weight: float

    @staticmethod
    def logarithm(distance: npt.NDArray[np.number]) -> Floats:
        """Return what is standardised, (n,), of distances in bases, (n,); less than one base counts as one."""
        return np.asarray(np.log10(np.maximum(distance, 1.0)), dtype=np.float64)

    def __call__(self, distance: npt.NDArray[np.number]) -> Floats:
        """Return the share of the logit, (n,), of distances in bases, (n,)."""
        return np.asarray(self.weight * (self.logarithm(distance) - self.center) / self.scale)


@dataclass(frozen=True, eq=False)
class Terms:
    """A logit as a sum over features of the enhancer, features of the promoter, and products of one of each.

    The distance between the elements may add to it.

    Attributes
    ----------
    center, scale
        Of either role's features: what is subtracted, and by what is then divided; float64 (2, features), the
        enhancer's first.
    singles
        Weight of each feature so standardised, float64 (2, features).
    pairs
        Which feature of the enhancer and which of the promoter make each product, int64 (products, 2).
    pair_weights
        Weight of each product of standardised features, float64 (products,).
    intercept
        What is added to all.
    distance
        What the distance between the elements adds; None where it is not looked at.
    """

    center: Floats
    scale: Floats
    singles: Floats
    pairs: Ints
    pair_weights: Floats
    intercept: float
    distance: DistanceTerm | None = None

    def standardised(self, role: int, features: npt.NDArray[np.float32]) -> Floats:
        """Return features of elements, (n, features), of role 0 (enhancer) or 1 (promoter), standardised."""
        return np.asarray((features - self.center[role]) / self.scale[role])

    def logits(self, enhancer: Floats, promoter: Floats) -> Floats:
        """Return the logits of pairs, (n,), of the standardised features of their elements, (n, features) each.

        Without what :meth:`of_distance` adds.
        """
        products = enhancer[:, self.pairs[:, 0]] * promoter[:, self.pairs[:, 1]]
        total: Floats = (
            self.intercept + enhancer @ self.singles[0] + promoter @ self.singles[1] + products @ self.pair_weights
        )
        return total

    def of_distance(self, distance: npt.NDArray[np.number]) -> Floats:
        """Return what the distance between the elements adds to the logits of pairs, (n,), in bases, (n,)."""
        return np.zeros(len(distance)) if self.distance is None else self.distance(distance)

    def ranked(self) -> list[Term]:
        """Return what is added to the intercept, the strongest first; pairs before singles of one weight."""
        found = [
            Term(int(first), int(second), float(weight))
            for (first, second), weight in zip(self.pairs, self.pair_weights, strict=True)
        ]
        found += [Term(int(at), None, float(self.singles[0, at])) for at in np.flatnonzero(self.singles[0])]
        found += [Term(None, int(at), float(self.singles[1, at])) for at in np.flatnonzero(self.singles[1])]
        found += [] if self.distance is None else [Term(None, None, self.distance.weight)]
        return sorted(found, key=lambda term: -abs(term.weight))

    def used(self) -> Ints:
        """Return the features that some term holds, by number, sorted."""
        used: Ints = np.union1d(np.flatnonzero(self.singles.any(axis=0)), self.pairs)
        return used

    def of(self, features: Ints) -> Terms:
        """Return the same terms over these features alone, by number, sorted; all that are used among them."""
        chosen = (slice(None), features)
        return Terms(
            self.center[chosen],
            self.scale[chosen],
            self.singles[chosen],
            np.searchsorted(features, self.pairs),
            self.pair_weights,
            self.intercept,
            self.distance,
        )

    def among(self, features: Ints) -> Terms:
        """Return the terms that look at nothing but these features, by number; the others are dropped."""
        chosen = np.isin(np.arange(self.singles.shape[1]), features)
        kept = chosen[self.pairs].all(axis=1)
        singles = np.where(chosen, self.singles, 0.0)
        return replace(
            self, singles=singles, pairs=self.pairs[kept], pair_weights=self.pair_weights[kept], distance=None
        )
