"""Leakage: what a split lets a model know of its test pairs without reading their sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from epidyn.elements import ROLES, Role, element_numbers
from epidyn.spans import Spans, overlaps
from epidyn.splits import Split

CURE = "Use --split chromosome-kfold:5 or loco."


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

    @property
    def leaks(self) -> bool:
        """Whether any test pair shares anything with training."""
        return max(self.enhancer_seen, self.promoter_seen, self.window_overlaps) > 0

    def words(self) -> str:
        """Return one line that says it."""
        if not self.leaks:
            return f"split {self.split}: no test pair shares an element or an overlapping window with training"
        return (
            f"split {self.split} leaks: {_percent(self.promoter_seen)} of the test pairs have a promoter that "
            f"training has seen, {_percent(self.enhancer_seen)} an enhancer, {_percent(self.window_overlaps)} a "
            f"window that overlaps one of training's, and {_percent(self.one_label_promoters)} of all promoters "
            f"have one label only; scores on it say little about new loci. {CURE}"
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
    labels = pairs["label"]
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
    )


def _percent(share: float) -> str:
    """Return a share as a percentage; what is neither none nor all is never rounded to it."""
    if 0 < share < 0.005 or 0.995 < share < 1:
        return "under 1%" if share < 0.5 else "over 99%"
    return f"{share:.0%}"
