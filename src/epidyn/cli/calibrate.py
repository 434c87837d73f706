"""``epidyn calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, Quiet


def calibrate(
    model: Annotated[Path, typer.Option(help="Model file; one that is calibrated is calibrated anew.")],
    scores: Annotated[
        Path,
        typer.Option(
            help="Its scores of labelled pairs, as predict writes them without --prevalence. Take validation or "
            "other held-out pairs, never the test pairs that will be reported."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Model file to write: the same model, calibrated.")],
    method: Annotated[
        str,
        typer.Option(
            metavar="platt|isotonic",
            help="A line through the logits, two numbers, for hundreds of pairs; or any rising function, for "
            "thousands.",
        ),
    ] = "platt",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Fit a model's probabilities to labelled pairs, so that of the pairs at 0.3 three in ten interact."""
    from epidyn.calibrate import calibrate as library_calibrate
    from epidyn.cli.tables import print_rows

    fitted = library_calibrate(model, scores, out, method=method, force=force)
    print_rows(
        [
            ("calibration", fitted.words()),
            ("pairs", f"{fitted.pairs:,}   ({fitted.positives:,} positive, prevalence {fitted.prevalence:.4f})"),
            (
                "Brier score",
                f"{fitted.brier_after:.4f}   (before: {fitted.brier_before:.4f}; both on these pairs)",
            ),
            ("model", str(out)),
        ]
    )
