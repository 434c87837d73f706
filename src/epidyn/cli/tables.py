"""Plain tables on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from epidyn.described import aligned

if TYPE_CHECKING:
    from epidyn.metrics import Interval


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two aligned columns."""
    print(aligned(rows))


def interval_text(interval: Interval) -> str:
    """Return a score with its interval and what the bootstrap drew."""
    return (
        f"{interval.value:.4f}   ({interval.level:.0%} interval {interval.low:.4f} to {interval.high:.4f}, "
        f"bootstrap over {interval.drawn})"
    )
