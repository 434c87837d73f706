"""Options that several commands share."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from epidyn import progress
from epidyn.errors import WorkerError

log = logging.getLogger("epidyn")

LOG_HANDLER = "command line"


def _quiet(on: bool) -> None:
    """Silence the screen alone: a run's log file goes on."""
    progress.quiet(on)
    for handler in log.handlers:
        if handler.get_name() == LOG_HANDLER:
            handler.setLevel(logging.WARNING if on else logging.NOTSET)


def given(context: typer.Context, name: str) -> bool:
    """Tell whether the user gave an option, be it its default; ``name`` is the parameter's in the function."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@contextmanager
def told_how_to_go_on(*words: object, once: Path) -> Iterator[None]:
    """Say by which words the work goes on if it is stopped and ``once``, which makes that possible, is there."""
    try:
        yield
    except (KeyboardInterrupt, WorkerError):
        if once.is_file():
            log.warning("go on with `%s`", shlex.join(["epidyn", *map(str, words)]))
        raise


Quiet = Annotated[
    bool,
    typer.Option("--quiet", callback=_quiet, help="No progress bars and no reports, only results and errors."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
GenomeSpec = Annotated[
    str,
    typer.Option("--genome", help="FASTA (plain or bgzipped), 2bit, or random:hg19[:SEED].", metavar="GENOME"),
]
PairsPath = Annotated[
    Path, typer.Option("--pairs", help="Pair table: TargetFinder, BENGI, BEDPE, or our columns.")
]
