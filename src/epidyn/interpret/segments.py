"""Important segments of the explained elements, and control segments of the same windows that matter little.

The rule is this project's (the article's formula is in a supplement that is not at hand): masks in the top 1% of
all that were tried, whose effect on the logit is positive, are important; overlapping ones merge into a segment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.elements import Codes
from epidyn.errors import ConfigError, InputFileError
from epidyn.genome import Genome
from epidyn.genome.codes import N
from epidyn.interpret.effects import EffectsFolder

TOP_SHARE = 0.01
CONTROLS = 5  # at most, for each important segment
CANDIDATES = 50  # places looked at for a control; the one nearest in G+C is taken
_ROUNDING = 1e-9
_MASK = ["role", "chrom", "window", "start", "end"]
_ELEMENT = ["role", "chrom", "window"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Segments:
    """What was found in the effects of a folder.

    Attributes
    ----------
    important, controls
        One row a segment: ``role``, ``chrom``, ``start``, ``end`` (0-based, half-open), ``window`` (where the
        window of its element begins) and ``importance`` (mean effect of its masks on the logit). Controls have
        two columns more: ``segment``, the row of the important segment that each is for, and ``draw``, 0 to 4.
    threshold
        The smallest effect of an important mask.
    masks
        How many distinct masks were tried.
    background
        Shares of A, C, G, T in the windows, both strands, (4,).
    """

    important: pd.DataFrame
    controls: pd.DataFrame
    threshold: float
    masks: int
    background: Floats


def find_segments(
    folder: EffectsFolder, genome: Genome, *, role: str | None = None, share: float = TOP_SHARE, seed: int = 0
) -> Segments:
    """Find important segments and matched controls.

    An element that several pairs share is counted once: the effect of each of its masks is the mean over them. Of
    segments that overlap in the genome, since their windows do, the most important is kept. Otherwise copies of
    one segment would pass for instances of a motif.

    Controls, up to five a segment, lie in the same window, have the same length, overlap no important segment and
    no other control, and their bases matter no more than the window's median; among such places, the one whose G+C
    is nearest to that of the segment is taken, since a network that reads base composition has important segments
    of a composition.

    Parameters
    ----------
    folder
        Effects of masking.
    genome
        That the pairs were explained on.
    role
        Only ``enhancer`` or ``promoter``; both if it is None.
    share
        Of all masks, that may be important.
    seed
        Of the draw of controls.

    Raises
    ------
    ConfigError
        If the share is not between 0 and 1.
    InputFileError
        If the effects are not those of masking, are damaged, none is positive, or there is none of the role.
    """
    if not 0 < share < 1:
        raise ConfigError(f"the share of important masks is {share}; it must lie between 0 and 1.")
    if folder.settings["method"] != "mask":
        raise InputFileError(
            f"{folder.path} holds effects of {folder.settings['method']}; motifs need those of masking. Run "
            "`epidyn explain --method mask`."
        )
    masks = mean_effects(folder, role)
    effect = masks["effect"].to_numpy()
    threshold = float(np.quantile(effect, 1 - share, method="higher"))
    chosen = (effect >= threshold) & (effect > 0)
    if not chosen.any():
        raise InputFileError(f"no mask in {folder.path} lowers the score of its pair. Explain more pairs.")
    merged = _merge(masks[chosen])
    important = _without_copies(merged)
    controls, counts = _controls(masks, important, merged, genome, np.random.default_rng(seed))
    both = counts + counts[::-1]
    return Segments(important, controls, threshold, len(masks), np.asarray(both / both.sum()))


def mean_effects(folder: EffectsFolder, role: str | None = None) -> pd.DataFrame:
    """Return role, chrom, window, start, end and mean effect over pairs of each distinct mask, in order.

    Memory is that of the distinct masks.

    Raises
    ------
    InputFileError
        If there is none of the role.
    """
    sums: pd.DataFrame | None = None
    for chunk in folder.effects():
        chunk = chunk if role is None else chunk[chunk["role"] == role]
        chunk = chunk.assign(window=chunk["start"] - chunk["offset"], count=1)
        part = chunk.groupby(_MASK, sort=False)[["effect", "count"]].sum()
        sums = part if sums is None else sums.add(part, fill_value=0)
    if sums is None or sums.empty:
        raise InputFileError(f"{folder.path} has no effects of {role or 'any element'}. Explain that element too.")
    found = sums.sort_index().reset_index()
    return found.assign(effect=found["effect"] / found["count"]).drop(columns="count")


def bases(table: pd.DataFrame, genome: Genome, *, flank: int = 0) -> list[Codes]:
    """Return the base codes of segments, uint8 (length + 2 flanks,) each; N beyond the chromosome."""
    return [
        genome.fetch(chrom, int(start) - flank, int(end) + flank)
        for chrom, start, end in table[["chrom", "start", "end"]].itertuples(index=False)
    ]


def _merge(masks: pd.DataFrame) -> pd.DataFrame:
    """Unite masks of one element that overlap; masks are in order."""
    same = (masks[_ELEMENT].to_numpy()[1:] == masks[_ELEMENT].to_numpy()[:-1]).all(axis=1)
    overlaps = masks["start"].to_numpy()[1:] < masks["end"].to_numpy()[:-1]
    grouped = masks.groupby(np.concatenate([[0], np.cumsum(~(same & overlaps))]))
    return pd.DataFrame(
        {
            **{name: grouped[name].first() for name in _ELEMENT},
            "start": grouped["start"].min(),
            "end": grouped["end"].max(),
            "importance": grouped["effect"].mean(),
        }
    ).reset_index(drop=True)[["role", "chrom", "start", "end", "window", "importance"]]


def _without_copies(segments: pd.DataFrame) -> pd.DataFrame:
    """Keep of segments that overlap in the genome, or do so through others, the most important."""
    placed = segments.sort_values(["chrom", "start", "end"], kind="stable")
    reach = placed.groupby("chrom", sort=False)["end"].cummax().groupby(placed["chrom"], sort=False).shift()
    run = (~(placed["start"] < reach)).cumsum()  # no reach (the first of a chromosome) begins a run
    best = placed.groupby(run)["importance"].idxmax()
    return segments.loc[sorted(best)].reset_index(drop=True)


def _controls(
    masks: pd.DataFrame, important: pd.DataFrame, avoided: pd.DataFrame, genome: Genome, rng: np.random.Generator
) -> tuple[pd.DataFrame, Floats]:
    """Draw controls for each important segment; return them and the counts of A, C, G, T in all windows."""
    of_element = important.groupby(_ELEMENT, sort=False).indices
    taken = {
        chrom: [*rows[["start", "end"]].itertuples(index=False, name=None)]
        for chrom, rows in avoided.groupby("chrom", sort=False)
    }
    found: list[tuple[int, int, int, int, float]] = []
    counts = np.zeros(4)
    for element, rows in masks.groupby(_ELEMENT, sort=False).indices.items():
        window = _Window.of(masks.iloc[rows], genome)
        counts += np.bincount(window.codes, minlength=5)[:4]
        busy = taken.setdefault(str(masks["chrom"].iloc[rows[0]]), [])
        numbers = np.asarray(of_element.get(element, ())).tolist()
        for draw, number in ((draw, number) for draw in range(CONTROLS) for number in numbers):
            start, end = important.loc[number, ["start", "end"]]
            control = window.draw(int(start), int(end), busy, rng)
            if control is not None:
                busy.append(control[:2])
                found.append((number, draw, *control))
    drawn = pd.DataFrame(sorted(found), columns=["segment", "draw", "start", "end", "importance"])
    placed = important.loc[drawn["segment"], _ELEMENT].reset_index(drop=True)
    return placed.join(drawn)[[*important.columns, "segment", "draw"]], counts


@dataclass(frozen=True, eq=False)
class _Window:
    """The scanned bases of one element, and the mean effect and mean size of effect of the masks on each."""

    first: int
    codes: Codes
    effect: Floats
    size: Floats

    @classmethod
    def of(cls, masks: pd.DataFrame, genome: Genome) -> _Window:
        first, last = int(masks["start"].min()), int(masks["end"].max())
        start, end = masks["start"].to_numpy() - first, masks["end"].to_numpy() - first
        effect = masks["effect"].to_numpy()
        sums = np.zeros((3, last - first + 1))
        for row, values in zip(sums, (effect, np.abs(effect), np.ones(len(effect))), strict=True):
            np.add.at(row, start, values)
            np.add.at(row, end, -values)
        total, size, covered = sums.cumsum(axis=1)[:, :-1]
        covered = np.maximum(covered, 1)
        return cls(first, genome.fetch(masks["chrom"].iloc[0], first, last), total / covered, size / covered)

    def draw(
        self, start: int, end: int, taken: list[tuple[int, int]], rng: np.random.Generator
    ) -> tuple[int, int, float] | None:
        """Return start, end and mean effect of a control for the segment from ``start`` to ``end``, or None."""
        length, bad = end - start, self.codes == N
        for low, high in taken:
            bad[max(low - self.first, 0) : max(high - self.first, 0)] = True
        size, gc = _means(self.size, length), _means(np.isin(self.codes, (1, 2)), length)
        places = np.flatnonzero((_means(bad, length) == 0) & (size <= np.median(self.size) * (1 + _ROUNDING)))
        if not len(places):
            return None
        places = rng.permutation(places)[:CANDIDATES]
        place = int(places[np.argmin(np.abs(gc[places] - gc[start - self.first]))])
        return self.first + place, self.first + place + length, float(self.effect[place : place + length].mean())


def _means(values: npt.NDArray[np.generic], length: int) -> Floats:
    """Return the mean over each run of ``length`` values, (len(values) - length + 1,)."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return np.asarray((total[length:] - total[:-length]) / length)
