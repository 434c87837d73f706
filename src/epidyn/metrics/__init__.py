"""Scores of predictions, how sure they are, and how two of them compare: pure functions on arrays."""

from epidyn.metrics.resampling import Comparison, Interval, compare, intervals
from epidyn.metrics.summary import Curves, Summary, aupr, auroc, curves, summarise

__all__ = [
    "Comparison",
    "Curves",
    "Interval",
    "Summary",
    "auroc",
    "aupr",
    "compare",
    "curves",
    "intervals",
    "summarise",
]
