"""Scores of predictions, how sure they are, and how two of them compare: pure functions on arrays."""

from epidyn.metrics.resampling import LEAST_BLOCKS, Comparison, Interval, compare, intervals
from epidyn.metrics.summary import Curves, Summary, aupr, auroc, curves, summarise

__all__ = [
    "LEAST_BLOCKS",
    "Comparison",
    "Curves",
    "Interval",
    "Summary",
    "aupr",
    "auroc",
    "compare",
    "curves",
    "intervals",
    "summarise",
]
