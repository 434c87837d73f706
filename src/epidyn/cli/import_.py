"""``epidyn import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, Quiet


def import_(
    weights: Annotated[Path, typer.Argument(help="The authors' state_dict (.pth).")],
    out: Annotated[Path, typer.Option(help="Model file to write.")],
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn published weights into a model file; nothing in them is run."""
    from epidyn.files import refuse_output
    from epidyn.published import read_published

    refuse_output(out, (weights,), force=force)
    read_published(weights).save(out)
