"""Scores of predictions, how sure they are, and how two of them compare: pure functions on arrays."""

from epidyn.metrics.resampling import DRAWS, LEAST_BLOCKS, Bootstrap, Comparison, Interval, compare, intervals
from epidyn.metrics.summary import (
    CalibrationCurve,
    Curves,
    LabelCounts,
    Summary,
    aupr,
    auroc,
    brier,
    calibration_curve,
    curves,
    label_counts,
    precision_at_recall,
    summarise,
)

__all__ = [
    "DRAWS",
    "LEAST_BLOCKS",
    "Bootstrap",
    "CalibrationCurve",
    "Comparison",
    "Curves",
    "Interval",
    "LabelCounts",
    "Summary",
    "aupr",
    "auroc",
    "brier",
    "calibration_curve",
    "compare",
    "curves",
    "intervals",
    "label_counts",
    "precision_at_recall",
    "summarise",
]
