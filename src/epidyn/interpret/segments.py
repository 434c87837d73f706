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
from epidyn.interpret.effects import EffectsFolder, window_starts

TOP_SHARE = 0.01
CONTROLS = 5  # at most, for each important segment
GC_TOLERANCE = 0.05  # by which the share of G+C of a control may differ, alone and with its flanks
DEFAULT_FLANK = 5
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
    folder: EffectsFolder,
    genome: Genome,
    *,
    role: str | None = None,
    share: float = TOP_SHARE,
    flank: int = DEFAULT_FLANK,
    seed: int = 0,
) -> Segments:
    """Find important segments and matched controls.

    An element that several pairs share is counted once: the effect of each of its masks is the mean over them. Of
    segments that overlap in the genome, since their windows do, the most important is kept. Otherwise copies of
    one segment would pass for instances of a motif.

    Controls, up to five a segment, lie in the same window, have the same length and the same share of G+C (to
    0.05, by themselves and with their flanks), keep off important segments and other controls, and their bases
    matter no more than the window's median. A network that reads base composition has important segments of a
    composition, and no place of that composition that matters little: those segments have no control.

    Parameters
    ----------
    folder
        Effects of masking, or of saturation mutagenesis: then a base is what a mask is, with the mean over its
        substitutions.
    genome
        That the pairs were explained on.
    role
        Only ``enhancer`` or ``promoter``; both if it is None.
    share
        Of all masks, that may be important.
    flank
        Bases on both sides of a segment that are looked at with it.
    seed
        Of the draw of controls.

    Raises
    ------
    ConfigError
        If the share is not between 0 and 1.
    InputFileError
        If the effects are estimates, are damaged, none is positive, or there is none of the role.
    """
    if not 0 < share < 1:
        raise ConfigError(f"the share of important masks is {share}; it must lie between 0 and 1.")
    method = folder.settings["method"]
    if method not in ("mask", "saturation"):
        raise InputFileError(
            f"{folder.path} holds effects of {method}; motifs need those of masking. Run `epidyn explain --method "
            "mask`."
        )
    masks = mean_effects(folder, role)
    effect = masks["effect"].to_numpy()
    threshold = float(np.quantile(effect, 1 - share, method="higher"))
    chosen = (effect >= threshold) & (effect > 0)
    if not chosen.any():
        raise InputFileError(f"no mask in {folder.path} lowers the score of its pair. Explain more pairs.")
    merged = _merge(masks[chosen], touching=method == "saturation")
    important = _without_copies(merged)
    drawer = _Drawer(genome, merged, flank, np.random.default_rng(seed))
    controls, counts = _controls(masks, important, drawer)
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
        chunk = chunk.assign(window=window_starts(chunk, folder.settings), count=1)
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


def _merge(masks: pd.DataFrame, *, touching: bool) -> pd.DataFrame:
    """Unite masks of one element that overlap, or touch; masks are in order."""
    same = (masks[_ELEMENT].to_numpy()[1:] == masks[_ELEMENT].to_numpy()[:-1]).all(axis=1)
    overlaps = masks["start"].to_numpy()[1:] < masks["end"].to_numpy()[:-1] + touching
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


def _controls(masks: pd.DataFrame, important: pd.DataFrame, drawer: _Drawer) -> tuple[pd.DataFrame, Floats]:
    """Draw controls for each important segment; return them and the counts of A, C, G, T in all windows."""
    of_element = important.groupby(_ELEMENT, sort=False).indices
    found: list[tuple[int, int, int, int, float]] = []
    counts = np.zeros(4)
    for element, rows in masks.groupby(_ELEMENT, sort=False).indices.items():
        window = _Window.of(masks.iloc[rows], drawer.genome, drawer.flank)
        counts += np.bincount(window.codes, minlength=5)[:4]
        numbers = np.asarray(of_element.get(element, ())).tolist()
        for draw, number in ((draw, number) for draw in range(CONTROLS) for number in numbers):
            start, end = important.loc[number, ["start", "end"]]
            control = drawer.draw(window, int(start), int(end))
            if control is not None:
                found.append((number, draw, *control))
    drawn = pd.DataFrame(sorted(found), columns=["segment", "draw", "start", "end", "importance"])
    placed = important.loc[drawn["segment"], _ELEMENT].reset_index(drop=True)
    return placed.join(drawn)[[*important.columns, "segment", "draw"]], counts


@dataclass(frozen=True, eq=False)
class _Window:
    """The scanned bases of one element, with flanks; the masks' mean effect, and its mean size, on each."""

    chrom: str
    first: int
    flanked: Codes
    effect: Floats
    size: Floats

    @classmethod
    def of(cls, masks: pd.DataFrame, genome: Genome, flank: int) -> _Window:
        first, last = int(masks["start"].min()), int(masks["end"].max())
        start, end = masks["start"].to_numpy() - first, masks["end"].to_numpy() - first
        effect = masks["effect"].to_numpy()
        sums = np.zeros((3, last - first + 1))
        for row, values in zip(sums, (effect, np.abs(effect), np.ones(len(effect))), strict=True):
            np.add.at(row, start, values)
            np.add.at(row, end, -values)
        total, size, covered = sums.cumsum(axis=1)[:, :-1]
        covered = np.maximum(covered, 1)
        chrom = str(masks["chrom"].iloc[0])
        return cls(chrom, first, genome.fetch(chrom, first - flank, last + flank), total / covered, size / covered)

    @property
    def codes(self) -> Codes:
        """The scanned bases alone."""
        flank = (len(self.flanked) - len(self.effect)) // 2
        return self.flanked[flank : flank + len(self.effect)]


class _Drawer:
    """Draws controls that keep off important segments, with their flanks, and each other."""

    def __init__(self, genome: Genome, important: pd.DataFrame, flank: int, rng: np.random.Generator) -> None:
        self.genome, self.flank, self.rng = genome, flank, rng
        self._taken = {
            chrom: [(start - flank, end + flank) for start, end in rows[["start", "end"]].itertuples(index=False)]
            for chrom, rows in important.groupby("chrom", sort=False)
        }

    def draw(self, window: _Window, start: int, end: int) -> tuple[int, int, float] | None:
        """Return start, end and mean effect of a control for the segment from ``start`` to ``end``, or None."""
        length, at, bad = end - start, start - window.first, window.codes == N
        taken = self._taken.setdefault(window.chrom, [])
        for low, high in taken:
            bad[max(low - window.first, 0) : max(high - window.first, 0)] = True
        fits = (_means(bad, length) == 0) & (
            _means(window.size, length) <= np.median(window.size) * (1 + _ROUNDING)
        )
        for codes, span in ((window.codes, length), (window.flanked, length + 2 * self.flank)):
            gc = _means(np.isin(codes, (1, 2)), span)
            fits &= np.abs(gc - gc[at]) <= GC_TOLERANCE + _ROUNDING
        places = np.flatnonzero(fits)
        if not len(places):
            return None
        place = int(self.rng.choice(places))
        taken.append((window.first + place, window.first + place + length))
        return *taken[-1], float(window.effect[place : place + length].mean())


def _means(values: npt.NDArray[np.generic], length: int) -> Floats:
    """Return the mean over each run of ``length`` values, (len(values) - length + 1,)."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return np.asarray((total[length:] - total[:-length]) / length)
