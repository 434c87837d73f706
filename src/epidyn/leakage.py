"""Leakage: what a split lets a model know of its test pairs without reading their sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from epidyn.elements import ROLES, Ints, Role, element_numbers, place_numbers
from epidyn.pairs import line_rows
from epidyn.spans import Spans, overlaps
from epidyn.splits import Split

CURE = "Use --split chromosome-kfold:5 or loco."
# Each line has its own folds under chromosome-kfold:K, so that lines of one fold test different chromosomes.
POOLED_CURE = "Use --split loco."


@dataclass(frozen=True)
class Leakage:
    """What training, validation included, and test share; shares are of the test pairs unless said otherwise.

    Attributes
    ----------
    split
        The split, as asked for.
    test_pairs
        Number of test pairs, at least 1.
    enhancer_seen, promoter_seen, both_seen
        Share whose enhancer, promoter, or both (not necessarily in one pair) occur in training.
    pair_seen
        Share of which training has the same pair.
    window_overlaps
        Share of which a window overlaps one that training reads, whatever the roles.
    one_label_promoters
        Share of the table's promoters whose pairs all have one label.
    duplicates
        Rows of the table that repeat the pair of an earlier row.
    conflicts
        Pairs of the table that have both labels.
    cell_lines
        Number of cell lines in the table.
    other_line_seen
        Share whose enhancer or promoter, in either role, training has in another cell line.
    """

    split: str
    test_pairs: int
    enhancer_seen: float
    promoter_seen: float
    both_seen: float
    pair_seen: float
    window_overlaps: float
    one_label_promoters: float
    duplicates: int
    conflicts: int
    cell_lines: int
    other_line_seen: float

    @property
    def leaks(self) -> bool:
        """Whether any test pair shares anything with training."""
        return max(self.enhancer_seen, self.promoter_seen, self.window_overlaps) > 0

    def words(self) -> str:
        """Return one line that says it."""
        pooled = self.cell_lines > 1
        split = f"split {self.split} of {self.cell_lines} cell lines pooled" if pooled else f"split {self.split}"
        if not self.leaks:
            return f"{split}: no test pair shares an element or an overlapping window with training"
        return (
            f"{split} leaks: {_percent(self.promoter_seen)} of the test pairs have a promoter that "
            f"training has seen, {_percent(self.enhancer_seen)} an enhancer, {_percent(self.window_overlaps)} a "
            f"window that overlaps one of training's, "
            + (f"{_percent(self.other_line_seen)} an element that it has in another line, " if pooled else "")
            + f"and {_percent(self.one_label_promoters)} of all promoters have one label only; scores on it say "
            f"little about new loci. {POOLED_CURE if pooled else CURE}"
        )

    def report(self) -> dict[str, Any]:
        """Return all of it but the split's name as plain values, with ``leaks`` and the ``summary`` in words."""
        numbers = asdict(self)
        del numbers["split"]
        return {**numbers, "leaks": self.leaks, "summary": self.words()}


def measure(pairs: pd.DataFrame, split: Split, spans: Mapping[Role, Spans]) -> Leakage | None:
    """Measure what the test part of a split shares with training and validation.

    Parameters
    ----------
    pairs
        The labelled table that was split. An element is its coordinates, whatever the cell line.
    split
        Its parts.
    spans
        Of the windows that are read of each row, shifted copies included where training sees them.

    Returns
    -------
    Leakage or None
        None if the split has no test part.
    """
    test = split.rows("test")
    if not len(test):
        return None
    training = np.union1d(split.rows("train"), split.rows("validation"))
    number = {role: element_numbers(pairs, role) for role in ROLES}
    pair = number["enhancer"] * (number["promoter"].max() + 1) + number["promoter"]
    seen = {role: np.isin(number[role][test], number[role][training]) for role in ROLES}
    read = [spans[role].where(training) for role in ROLES]
    overlap = np.any([overlaps(spans[role].where(test), read) for role in ROLES], axis=0)
    labels, lines = pairs["label"], line_rows(pairs)
    return Leakage(
        split=split.name,
        test_pairs=len(test),
        enhancer_seen=float(seen["enhancer"].mean()),
        promoter_seen=float(seen["promoter"].mean()),
        both_seen=float((seen["enhancer"] & seen["promoter"]).mean()),
        pair_seen=float(np.isin(pair[test], pair[training]).mean()),
        window_overlaps=float(overlap.mean()),
        one_label_promoters=float((labels.groupby(number["promoter"]).nunique() == 1).mean()),
        duplicates=len(pair) - len(np.unique(pair)),
        conflicts=int((labels.groupby(pair).nunique() > 1).sum()),
        cell_lines=len(lines),
        other_line_seen=_other_line_seen(pairs, split, list(lines.values())),
    )


def _other_line_seen(pairs: pd.DataFrame, split: Split, lines: Sequence[Ints]) -> float:
    place, parts = place_numbers(pairs), split.parts
    training = (parts == "train") | (parts == "validation")
    seen = np.zeros(len(pairs), dtype=bool)
    for rows in lines:
        others = training.copy()
        others[rows] = False
        seen[rows] = np.isin(place[rows], place[others]).any(axis=1)
    return float(seen[parts == "test"].mean())


def _percent(share: float) -> str:
    """Return a share as a percentage; what is neither none nor all is never rounded to it."""
    if 0 < share < 0.005 or 0.995 < share < 1:
        return "under 1%" if share < 0.5 else "over 99%"
    return f"{share:.0%}"
