"""Important segments of the explained elements, and control segments of the same elements that matter little.

The rule is this project's (the article's formula is in a supplement that is not at hand): masks in the top 1% of
all that were tried, whose effect on the logit is positive, are important; overlapping ones merge into a segment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.errors import ConfigError, InputFileError
from epidyn.interpret.effects import EffectsFolder

TOP_SHARE = 0.01
_MASK = ["role", "chrom", "window", "start", "end"]
_ELEMENT = ["role", "chrom", "window"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Segments:
    """What was found in the effects of a folder.

    Attributes
    ----------
    important, controls
        One row a segment: ``role``, ``chrom``, ``start``, ``end`` (0-based, half-open), ``window`` (where the
        window of its element begins) and ``importance`` (mean effect of its masks on the logit). A control has
        the length of the important segment in the same row; where its element has no room for one, ``start`` and
        ``end`` are missing.
    threshold
        The smallest effect of an important mask.
    masks
        How many distinct masks were tried.
    """

    important: pd.DataFrame
    controls: pd.DataFrame
    threshold: float
    masks: int


def find_segments(folder: EffectsFolder, *, share: float = TOP_SHARE, seed: int = 0) -> Segments:
    """Find important segments and matched controls.

    An element that several pairs share is counted once: the effect of each of its masks is the mean over them.
    Otherwise copies of one segment would pass for instances of a motif.

    Parameters
    ----------
    folder
        Effects of masking.
    share
        Of all masks, that may be important.
    seed
        Of the draw of controls.

    Raises
    ------
    ConfigError
        If the share is not between 0 and 1.
    InputFileError
        If the effects are not those of masking, are damaged, or none is positive.
    """
    if not 0 < share < 1:
        raise ConfigError(f"the share of important masks is {share}; it must lie between 0 and 1.")
    if folder.settings["method"] != "mask":
        raise InputFileError(
            f"{folder.path} holds effects of {folder.settings['method']}; motifs need those of masking. Run "
            "`epidyn explain --method mask`."
        )
    masks = mean_effects(folder)
    effect = masks["effect"].to_numpy()
    threshold = float(np.quantile(effect, 1 - share, method="higher"))
    chosen = (effect >= threshold) & (effect > 0)
    if not chosen.any():
        raise InputFileError(f"no mask in {folder.path} lowers the score of its pair. Explain more pairs.")
    important = _merge(masks[chosen])
    return Segments(important, _controls(masks, chosen, important, seed), threshold, len(masks))


def mean_effects(folder: EffectsFolder) -> pd.DataFrame:
    """Return role, chrom, window, start, end and mean effect over pairs of each distinct mask, in order.

    Memory is that of the distinct masks.
    """
    sums: pd.DataFrame | None = None
    for chunk in folder.effects():
        chunk = chunk.assign(window=chunk["start"] - chunk["offset"], count=1)
        part = chunk.groupby(_MASK, sort=False)[["effect", "count"]].sum()
        sums = part if sums is None else sums.add(part, fill_value=0)
    assert sums is not None  # the folder was checked to have effects
    found = sums.sort_index().reset_index()
    return found.assign(effect=found["effect"] / found["count"]).drop(columns="count")


def _merge(masks: pd.DataFrame) -> pd.DataFrame:
    """Unite masks of one element that overlap; masks are in order."""
    same = (masks[_ELEMENT].to_numpy()[1:] == masks[_ELEMENT].to_numpy()[:-1]).all(axis=1)
    overlaps = masks["start"].to_numpy()[1:] < masks["end"].to_numpy()[:-1]
    number = np.concatenate([[0], np.cumsum(~(same & overlaps))])
    grouped = masks.groupby(number)
    return pd.DataFrame(
        {
            **{name: grouped[name].first() for name in _ELEMENT},
            "start": grouped["start"].min(),
            "end": grouped["end"].max(),
            "importance": grouped["effect"].mean(),
        }
    ).reset_index(drop=True)[["role", "chrom", "start", "end", "window", "importance"]]


def _controls(
    masks: pd.DataFrame, chosen: npt.NDArray[np.bool_], important: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Draw for each important segment one of its length from its element where masks matter little."""
    rng = np.random.default_rng(seed)
    rows = masks.groupby(_ELEMENT, sort=False).indices
    found: list[tuple[int, int, float] | None] = [None] * len(important)
    for element, members in important.groupby(_ELEMENT, sort=False).indices.items():
        of_element = np.asarray(rows[element])
        drawer = _Drawer(masks.iloc[of_element], chosen[of_element], rng)
        for number in np.asarray(members).tolist():
            start, end = important.loc[number, ["start", "end"]]
            found[number] = drawer.draw(int(end) - int(start))
    start, end, importance = (
        pd.Series([None if each is None else each[place] for each in found], dtype=kind)
        for place, kind in ((0, pd.Int64Dtype()), (1, pd.Int64Dtype()), (2, pd.Float64Dtype()))
    )
    return important.assign(start=start, end=end, importance=importance)


class _Drawer:
    """Draws control segments from one element, apart from what is important and from each other."""

    def __init__(self, masks: pd.DataFrame, chosen: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
        self.start, self.end = masks["start"].to_numpy(), masks["end"].to_numpy()
        self.effect = masks["effect"].to_numpy()
        self.rng = rng
        self.taken = list(zip(self.start[chosen].tolist(), self.end[chosen].tolist(), strict=True))

    def draw(self, length: int) -> tuple[int, int, float] | None:
        """Return start, end and mean effect of a segment whose masks are all of the weaker half, or None."""
        small = np.abs(self.effect) <= np.median(np.abs(self.effect))
        for first in self.rng.permutation(len(self.start)).tolist():
            start = int(self.start[first])
            end = start + length
            if end > self.end[-1] or any(start < high and low < end for low, high in self.taken):
                continue
            inside = (self.start < end) & (self.end > start)
            if small[inside].all():
                self.taken.append((start, end))
                return start, end, float(self.effect[inside].mean())
        return None
