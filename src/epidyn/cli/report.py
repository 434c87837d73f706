"""``epidyn report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, Quiet


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folders, cross-validations and audits, or folders that hold them at any depth.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for report.html, report.md, report.csv and the figures.")],
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Put finished runs together as the article's tables and figures, beside its published numbers."""
    from epidyn.report import MARKDOWN, TABLE, write_report

    page = write_report(runs, out, force=force)
    print(f"page: {page}\ntables: {out / MARKDOWN}, {out / TABLE}")
