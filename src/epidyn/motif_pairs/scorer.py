"""A model of motif pairs as a scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError
from torch import Tensor

from epidyn.described import Rows, plain
from epidyn.elements import ROLES, Role
from epidyn.errors import ConfigError, ModelFileError
from epidyn.matrices import Matrix
from epidyn.motif_pairs.features import COMPOSITION, ElementFeatures
from epidyn.motif_pairs.terms import DistanceTerm, Terms
from epidyn.motif_scores.scanner import ALL, BEST

LONGEST = 1_000_000
_TERMS = ("center", "scale", "singles", "pairs", "pair_weights")
DISTANCE = "distance"
_TYPES = (torch.float64, torch.int64)


class MotifPairsConfig(BaseModel):
    """What such a model reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enhancer_length: int = Field(3000, ge=1, le=LONGEST, description="enhancer window, bases")
    promoter_length: int = Field(2000, ge=1, le=LONGEST, description="promoter window, bases")
    sites: Annotated[int, Field(ge=1, le=BEST, strict=True)] | Literal["all"] = Field(
        ALL, description="sites of a motif that are added up: so many of the best, or all"
    )
    composition: bool = Field(True, description="whether the share of G and C may be a term")
    distance: bool = Field(False, description="whether the distance between the elements may be a term")


class _Saved(MotifPairsConfig):
    """The configuration in a model file, with id, name and collection of each motif."""

    composition: StrictBool
    distance: StrictBool = False  # files that were written before there was one lack it
    matrices: list[tuple[str, str, str]]


class MotifPairsScorer:
    """Scores pairs by their motifs; holds the motifs of its terms alone.

    Parameters
    ----------
    config
        What it reads.
    matrices
        The motifs that are its features, but for composition.
    terms
        Over these features.
    """

    kind: ClassVar[str] = "motif-pairs"

    def __init__(self, config: MotifPairsConfig, matrices: Sequence[Matrix], terms: Terms) -> None:
        self.config, self.matrices, self.terms = config, list(matrices), terms
        self.features = ElementFeatures(matrices, sites=config.sites, composition=config.composition)

    @classmethod
    def of(cls, config: MotifPairsConfig, matrices: Sequence[Matrix], terms: Terms) -> Self:
        """Build a scorer of terms over more features than they use; the others are left out."""
        used = terms.used()
        composition = len(matrices)  # its number, after the motifs
        held = {"composition": config.composition and composition in used, "distance": terms.distance is not None}
        kept = config.model_copy(update=held)
        return cls(kept, [matrices[number] for number in used if number < composition], terms.of(used))

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        return {"enhancer": self.config.enhancer_length, "promoter": self.config.promoter_length}

    @property
    def stem_bytes(self) -> dict[Role, int]:
        """Bytes of one element's standardised features; never 0."""
        return dict.fromkeys(ROLES, 8 * max(1, len(self.features.names)))

    def to(self, device: torch.device) -> None:
        """Raise ConfigError unless this is the CPU."""
        if device.type != "cpu":
            raise ConfigError(f"a model of motif pairs computes on the CPU, not on {device}. Leave out --device.")

    def encode(self, role: Role, codes: npt.NDArray[np.uint8]) -> Tensor:
        """Return standardised features, float64 (n, features), of base codes, uint8 (n, length)."""
        return torch.from_numpy(self.terms.standardised(ROLES.index(role), self.features(codes)))

    def score(self, enhancer: Tensor, promoter: Tensor) -> npt.NDArray[np.float32]:
        """Return the logits of a batch of pairs."""
        return self.terms.logits(enhancer.numpy(), promoter.numpy()).astype(np.float32)

    @property
    def reads_distance(self) -> bool:
        """Whether a pair's distance is one of the terms."""
        return self.terms.distance is not None

    def of_distance(self, distance: npt.NDArray[np.number]) -> npt.NDArray[np.float32]:
        """Return what the distance adds to the logits of pairs."""
        return self.terms.of_distance(distance).astype(np.float32)

    def parts(self) -> Mapping[str, Self]:
        """Return the terms of motifs by themselves, without those of composition and distance."""
        if not (self.config.composition or self.config.distance):
            return {"motifs": self}
        config = self.config.model_copy(update={"distance": False})
        of_motifs = self.terms.among(np.arange(len(self.matrices)))
        return {"motifs": type(self)(config, self.matrices, of_motifs)}

    def tensors(self) -> dict[str, Tensor]:
        """Return motifs and terms."""
        widths = [len(each.frequencies) for each in self.matrices]
        frequencies = np.concatenate([np.empty((0, 4)), *(each.frequencies for each in self.matrices)])
        arrays = {
            "frequencies": frequencies,
            "widths": np.array(widths, dtype=np.int64),
            **{name: getattr(self.terms, name) for name in _TERMS},
            "intercept": np.array([self.terms.intercept]),
            **({} if self.terms.distance is None else {DISTANCE: np.array(self.terms.distance)}),
        }
        return {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in arrays.items()}

    def configuration(self) -> dict[str, Any]:
        """Return what it reads, and which motifs it holds."""
        return {
            **self.config.model_dump(),
            "matrices": [[each.id, each.name, each.collection] for each in self.matrices],
        }

    def describe(self) -> Rows:
        """Return what it reads, and its terms, the strongest first; weights are of standardised scores."""
        rows = [(name, plain(value)) for name, value in self.config.model_dump().items()]
        names = [f"{each.name} ({each.id})" for each in self.matrices] + [COMPOSITION] * self.config.composition
        for rank, term in enumerate(self.terms.ranked(), 1):
            where = zip(ROLES, (term.enhancer, term.promoter), strict=True)
            words = " with ".join(f"{names[at]} at the {role}" for role, at in where if at is not None)
            rows.append((f"term {rank}", f"{term.weight:+.3f} {words or 'log distance between them'}"))
        return rows

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """Rebuild the scorer; raises ModelFileError if the parts do not fit."""
        try:
            saved = _Saved.model_validate(configuration)
        except ValidationError as error:
            rows = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            raise ModelFileError("its motif-pairs configuration cannot be used:", rows) from error
        # NumPy lacks some types of torch; none of those is ours, so that what is put in their place is refused.
        known = {name: each if each.dtype in _TYPES else torch.empty(0) for name, each in tensors.items()}
        arrays = {name: each.numpy() for name, each in known.items()}
        _check(saved, arrays)
        ends = np.cumsum(arrays["widths"])[:-1]
        columns = np.split(arrays["frequencies"], ends) if saved.matrices else []
        matrices = [Matrix(*words, each) for words, each in zip(saved.matrices, columns, strict=True)]
        intercept = float(arrays["intercept"][0])
        distance = DistanceTerm(*arrays[DISTANCE].tolist()) if saved.distance else None
        terms = Terms(**{name: arrays[name] for name in _TERMS}, intercept=intercept, distance=distance)
        return cls(MotifPairsConfig(**saved.model_dump(exclude={"matrices"})), matrices, terms)


def _check(saved: _Saved, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Raise ModelFileError unless all arrays are there, of shapes that belong together and of sound numbers."""
    motifs, products = len(saved.matrices), arrays.get("pair_weights", np.empty(0)).size
    features = motifs + saved.composition
    columns = int(arrays["widths"].sum()) if arrays.get("widths", np.array(0)).shape == (motifs,) else -1
    wanted = {
        "frequencies": ((columns, 4), np.float64),
        "widths": ((motifs,), np.int64),
        "center": ((2, features), np.float64),
        "scale": ((2, features), np.float64),
        "singles": ((2, features), np.float64),
        "pairs": ((products, 2), np.int64),
        "pair_weights": ((products,), np.float64),
        "intercept": ((1,), np.float64),
        **({DISTANCE: ((3,), np.float64)} if saved.distance else {}),
    }
    found = {name: (each.shape, each.dtype.type) for name, each in arrays.items()}
    if found != wanted:
        wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        raise ModelFileError("its numbers do not fit its motif-pairs configuration:", wrong)
    sound = {
        "frequencies": (arrays["frequencies"] >= 0).all() and np.allclose(arrays["frequencies"].sum(axis=1), 1),
        "widths": (arrays["widths"] > 0).all(),
        "scale": (arrays["scale"] > 0).all(),
        "pairs": ((arrays["pairs"] >= 0) & (arrays["pairs"] < features)).all(),
        **{name: np.isfinite(arrays[name]).all() for name in ("center", "singles", "pair_weights", "intercept")},
        **({DISTANCE: np.isfinite(arrays[DISTANCE]).all() and arrays[DISTANCE][1] > 0} if saved.distance else {}),
    }
    if not all(sound.values()):
        raise ModelFileError(
            "its numbers cannot be used:", sorted(name for name, fine in sound.items() if not fine)
        )
