"""Progress bars: to stderr, off when it is no terminal or :func:`quiet` was called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_state = {"quiet": False, "showing": False}


def quiet(on: bool = True) -> None:
    """Switch all progress bars of this process off (or on again)."""
    _state["quiet"] = on


class Advance(Protocol):
    """Move a bar on by ``amount``; ``note`` is shown behind it."""

    def __call__(self, amount: float, note: str = "") -> None: ...


def _off(amount: float, note: str = "") -> None:
    pass


@contextmanager
def bar(label: str, total: float | None) -> Iterator[Advance]:
    """Show a progress bar while the block runs.

    Yields a function ``advance(amount, note)``; amounts add up to ``total`` (None: not known). Within the block of
    another bar nothing is shown: the outer one tells how far the whole is.
    """
    if _state["quiet"] or _state["showing"] or not sys.stderr.isatty():
        yield _off
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    # rich would send what the block prints to the console, which is stderr: results bound for a file or pipe too.
    redirect = sys.stdout.isatty()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=redirect) as shown:
        task = shown.add_task(label, total=total, note="")

        def advance(amount: float, note: str = "") -> None:
            shown.update(task, advance=amount, note=note)

        _state["showing"] = True
        try:
            yield advance
        finally:
            _state["showing"] = False
