"""Options that several commands share."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from epidyn import progress

LOG_HANDLER = "command line"


def _quiet(on: bool) -> None:
    """Silence the screen alone: a run's log file goes on."""
    progress.quiet(on)
    for handler in logging.getLogger("epidyn").handlers:
        if handler.get_name() == LOG_HANDLER:
            handler.setLevel(logging.WARNING if on else logging.NOTSET)


def given(context: typer.Context, name: str) -> bool:
    """Tell whether the user gave an option, be it its default; ``name`` is the parameter's in the function."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


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
