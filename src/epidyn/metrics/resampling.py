"""How sure a score is, and whether two differ: the bootstrap, over pairs or over blocks of pairs.

Pairs of one chromosome share elements and neighbourhoods, so they are not independent: an interval that resamples
single pairs is too narrow. Drawing whole chromosomes keeps what they share together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse, stats

from epidyn import progress
from epidyn.errors import MetricError
from epidyn.metrics.summary import Floats, checked

DRAWS = 2000
LEVEL = 0.95
SCORES = ("auroc", "aupr")

# Fewer blocks say nothing of how blocks differ.
LEAST_BLOCKS = 3

# Below it, p is told no more precisely: it is read off a t distribution, far out in whose tail no draw lies.
LEAST_P = 0.001

# Numbers held at once for draws that are worked on together.
_CHUNK = 200_000


@dataclass(frozen=True)
class Interval:
    """A score with the interval that covers the truth in ``level`` of all samples.

    Attributes
    ----------
    value, low, high
        The score and its bounds.
    level
        For example 0.95.
    blocks
        Number of blocks drawn, 0 where single pairs were.
    """

    value: float
    low: float
    high: float
    level: float
    blocks: int

    @property
    def drawn(self) -> str:
        """What was drawn, in words; that an interval of single pairs is too narrow is said."""
        return _drawn(self.blocks)


@dataclass(frozen=True)
class Comparison:
    """First minus second score on the same pairs, with its interval, and the p of no difference (two-sided)."""

    difference: float
    low: float
    high: float
    p: float
    level: float
    blocks: int

    @property
    def drawn(self) -> str:
        """What was drawn, in words, as :attr:`Interval.drawn`."""
        return _drawn(self.blocks)

    @property
    def p_text(self) -> str:
        """The p to be shown: two digits, or ``< 0.001``."""
        return f"< {LEAST_P}" if self.p < LEAST_P else f"{self.p:.2g}"


def _drawn(blocks: int) -> str:
    return f"{blocks} chromosomes" if blocks else "single pairs: too narrow"


def intervals(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return AUROC and AUPR with bootstrap intervals; parameters and errors as :class:`Bootstrap`."""
    return Bootstrap(labels, [scores], blocks=blocks, draws=draws, level=level, seed=seed).intervals()


def compare(
    labels: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Return how two scores of the same pairs differ in AUROC and AUPR; parameters as :class:`Bootstrap`."""
    return Bootstrap(labels, [first, second], blocks=blocks, draws=draws, level=level, seed=seed).compare(0, 1)


class Bootstrap:
    """AUROC and AUPR of one or more scores of the same pairs, as they are and in resampled data sets.

    All scores are resampled alike, so what makes a data set hard for two of them cancels when they are compared.

    Parameters
    ----------
    labels
        0 or 1, shape (n,); both must occur.
    scores
        Arrays of finite numbers, each (n,); higher means interacting.
    blocks
        What is drawn as a whole, for example chromosomes, any values (n,). Without it single pairs are drawn, of
        each label as many as there are.
    draws
        Number of resampled data sets; those in which a label is missing are left out.
    level
        Share of intervals that are to cover the truth.
    seed
        Of the draws.

    Raises
    ------
    MetricError
        As :func:`epidyn.metrics.auroc`; with fewer than 3 blocks; or if fewer than two draws have both labels.
    """

    def __init__(
        self,
        labels: npt.ArrayLike,
        scores: Sequence[npt.ArrayLike],
        *,
        blocks: npt.ArrayLike | None = None,
        draws: int = DRAWS,
        level: float = LEVEL,
        seed: int = 0,
    ) -> None:
        pairs = [checked(labels, each) for each in scores]
        truth = pairs[0][0]
        units, count = (np.arange(len(truth)), len(truth)) if blocks is None else _numbered(blocks)
        self.level = level
        self.blocks = 0 if blocks is None else count
        self._freedom = np.inf if blocks is None else count - 1
        ranked = [Ranked(truth, values, units) for _, values in pairs]
        self._whole = np.array([each.areas(np.ones((count, 1)))[0] for each in ranked])
        rng = np.random.default_rng(seed)
        at_once = max(1, min(draws, _CHUNK // max(count, *(each.size for each in ranked))))
        drawn = []
        with progress.bar("Bootstrap", draws) as advance:
            for done in range(0, draws, at_once):
                now = min(at_once, draws - done)
                counts = _draw_pairs(truth, now, rng) if blocks is None else _draw_blocks(count, now, rng)
                drawn.append(np.stack([each.areas(counts) for each in ranked], axis=1))
                advance(now)
        areas = np.concatenate(drawn) if drawn else np.empty((0, len(ranked), len(SCORES)))
        self._areas = areas[np.isfinite(areas).all(axis=(1, 2))]
        if len(self._areas) < 2:
            raise MetricError(
                f"{len(self._areas)} of {draws} draws have both labels; an interval needs 2 or more. "
                "Draw more often."
            )

    def intervals(self, which: int = 0) -> dict[str, Interval]:
        """Return AUROC and AUPR of the score at place ``which`` of ``scores`` with their intervals.

        The bounds are those of a t interval on the log-odds scale with the bootstrap's standard error, and
        blocks - 1 degrees of freedom: with 23 chromosomes it covers better than percentiles. A score of exactly 0
        or 1 is its own interval: resampling cannot tell how far off it is.
        """
        values, reach = self._whole[which], self._reach(self._areas[:, which])
        found = {}
        for name, value, error in zip(SCORES, values.tolist(), reach.tolist(), strict=True):
            low = high = value
            if 0 < value < 1:
                centre, half = np.log(value / (1 - value)), error / (value * (1 - value))
                low, high = stats.logistic.cdf([centre - half, centre + half]).tolist()
            found[name] = Interval(value, low, high, self.level, self.blocks)
        return found

    def compare(self, first: int, second: int) -> dict[str, Comparison]:
        """Return how the score at place ``first`` differs from that at ``second`` in AUROC and AUPR."""
        apart = self._areas[:, first] - self._areas[:, second]
        values, errors, reach = self._whole[first] - self._whole[second], self._errors(apart), self._reach(apart)
        compared = {}
        for at, name in enumerate(SCORES):
            value, error, half = float(values[at]), float(errors[at]), float(reach[at])
            p = 2 * float(stats.t.sf(abs(value) / error, self._freedom)) if error > 0 else float(value == 0)
            compared[name] = Comparison(value, value - half, value + half, p, self.level, self.blocks)
        return compared

    def _errors(self, drawn: Floats) -> Floats:
        """Return the standard error of what has the values ``drawn`` (draws, scores), float64 (scores,)."""
        # k blocks drawn from k vary less than k new blocks would, by (k - 1) / k.
        correction = np.sqrt(self.blocks / (self.blocks - 1)) if self.blocks else 1.0
        errors: Floats = correction * drawn.std(axis=0, ddof=1)
        return errors

    def _reach(self, drawn: Floats) -> Floats:
        """Return how far the interval of what has the values ``drawn`` reaches to either side."""
        reach: Floats = stats.t.ppf((1 + self.level) / 2, self._freedom) * self._errors(drawn)
        return reach


class Ranked:
    """Pairs in order of falling score, summed over the units that are drawn: areas of any draw without a new sort.

    Only places at which positives stand matter to either area. For each such place it keeps how many positives of
    each unit stand there, and how many negatives of each unit stand at it and between it and the one before.

    Parameters
    ----------
    labels, scores
        As :func:`epidyn.metrics.summary.checked` returns them, (n,).
    units
        Number of what each pair is drawn with, from 0, int (n,).
    """

    def __init__(self, labels: npt.NDArray[np.int64], scores: Floats, units: npt.NDArray[np.integer]) -> None:
        order = np.argsort(-scores, kind="stable")
        group = np.cumsum(np.diff(scores[order], prepend=scores[order[0]]) != 0)
        positive = labels[order] == 1
        has_positives = np.bincount(group[positive], minlength=group[-1] + 1) > 0
        places = np.cumsum(has_positives)
        self._places, count = int(places[-1]), int(units.max()) + 1
        # Negatives: above place 0, at place 0, between places 0 and 1, at place 1, ... below the last.
        bins = (2 * places - has_positives)[group]
        rows, unit = (places - 1)[group], units[order]
        self._positives = _sums(rows[positive], unit[positive], (self._places, count))
        self._negatives = _sums(bins[~positive], unit[~positive], (2 * self._places + 1, count))

    @property
    def size(self) -> int:
        """Number of places and gaps between them: what a draw needs memory for."""
        return 2 * self._places + 1

    def areas(self, counts: Floats) -> Floats:
        """Return AUROC (ties count half) and average precision of each draw.

        Parameters
        ----------
        counts
            How often each unit is drawn, float64 (units, draws).

        Returns
        -------
        float64 (draws, 2)
            NaN where a draw lacks a label.
        """
        gained, negatives = self._positives @ counts, self._negatives @ counts
        above, false = np.cumsum(gained, axis=0), np.cumsum(negatives, axis=0)
        tied, called = negatives[1::2], above + false[1::2]
        positives, below = above[-1], false[-1] - false[1::2]
        precision = np.divide(above, called, out=np.zeros_like(above), where=called > 0)
        with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that a missing label stands for
            auroc = (gained * (below + tied / 2)).sum(axis=0) / (positives * false[-1])
            aupr = (gained * precision).sum(axis=0) / np.where(false[-1] > 0, positives, np.nan)
        return np.stack([auroc, aupr], axis=1)


def _sums(
    rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer], shape: tuple[int, int]
) -> sparse.csr_array:
    """Return how often each row and column come together."""
    return sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()


def _numbered(blocks: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], int]:
    """Return the number of each pair's block, from 0, and how many there are."""
    names, number = np.unique(np.asarray(blocks), return_inverse=True)
    if len(names) < LEAST_BLOCKS:
        raise MetricError(
            f"an interval by blocks needs {LEAST_BLOCKS} of them or more; these pairs lie in {len(names)}: "
            f"{', '.join(map(str, names))}. Draw single pairs instead; that interval is too narrow."
        )
    return number, len(names)


def _draw_pairs(labels: npt.NDArray[np.int64], draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each pair is drawn, float64 (n, draws); of each label as many as there are."""
    counts = np.empty((len(labels), draws))
    for rows in (np.flatnonzero(labels == label) for label in (0, 1)):
        for draw in range(draws):
            counts[rows, draw] = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
    return counts


def _draw_blocks(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each block is drawn, with replacement, float64 (count, draws)."""
    return rng.multinomial(count, np.full(count, 1 / count), size=draws).T.astype(np.float64)
