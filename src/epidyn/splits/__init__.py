"""Who is in training, validation and test."""

from epidyn.splits.chromosomes import fold_named, folds
from epidyn.splits.split import (
    DISJOINT,
    PARTS,
    TEST_FRACTION,
    VALIDATION_FRACTION,
    Split,
    draw_samples,
    make_split,
    split_name,
)

__all__ = [
    "DISJOINT",
    "PARTS",
    "TEST_FRACTION",
    "VALIDATION_FRACTION",
    "Split",
    "draw_samples",
    "fold_named",
    "folds",
    "make_split",
    "split_name",
]
