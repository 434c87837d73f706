"""Progress bars: to stderr, off when it is no terminal or :func:`quiet` was called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress

_state = {"quiet": False}
_displays: list[Progress] = []


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
    """Show a progress bar while the block runs; within the block of another bar, below that one.

    Yields a function ``advance(amount, note)``; amounts add up to ``total`` (None: not known).
    """
    if _state["quiet"] or not sys.stderr.isatty():
        yield _off
        return
    with _display() as shown:
        task = shown.add_task(label, total=total, note="")

        def advance(amount: float, note: str = "") -> None:
            shown.update(task, advance=amount, note=note)

        try:
            yield advance
        finally:
            shown.refresh()  # the last state, also of a bar that was quicker than the display
            shown.remove_task(task)


@contextmanager
def _display() -> Iterator[Progress]:
    """The display at hand, or a new one for the outermost bar."""
    if _displays:
        yield _displays[-1]
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    # rich would send what the block prints to the console, which is stderr: results bound for a file or pipe too.
    redirect = sys.stdout.isatty()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=redirect) as shown:
        _displays.append(shown)
        try:
            yield shown
        finally:
            _displays.pop()
