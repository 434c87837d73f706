"""``epidyn evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, Quiet

_FILES = ("metrics.json", "roc.png", "precision_recall.png")


def evaluate(
    scores: Annotated[Path, typer.Option(help="Scores of labelled pairs, as predict writes them.")],
    out: Annotated[Path | None, typer.Option(help="Folder for metrics.json and the ROC and PR figures.")] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="A pair counts as interacting from this probability on.")
    ] = 0.5,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Say how good scores are: AUROC, AUPR beside the prevalence it must be compared with, and more."""
    from epidyn import plots
    from epidyn.cli.tables import print_rows
    from epidyn.errors import MetricError
    from epidyn.files import prepare_output_folder, write_text
    from epidyn.scores import ranking, read_scores, summarise

    table = read_scores(scores)
    try:
        summary = summarise(table, threshold)
    except MetricError as error:
        raise MetricError(f"{scores}: {error.headline}") from error
    if out is not None:
        prepare_output_folder(out, force=force, own=_FILES)
        write_text(out / "metrics.json", json.dumps(summary, indent=2) + "\n")
        plots.roc(table["label"], ranking(table), out / "roc.png")
        plots.precision_recall(table["label"], ranking(table), out / "precision_recall.png")
    print_rows(
        [
            ("AUROC", f"{summary['auroc']:.4f}"),
            ("AUPR", f"{summary['aupr']:.4f}   (chance: the prevalence, {summary['prevalence']:.4f})"),
            *(
                (name.upper() if name == "mcc" else name, f"{summary[name]:.4f}   (at {threshold:g})")
                for name in ("mcc", "f1", "precision", "recall")
            ),
            (
                "pairs",
                f"{summary['pairs']:,}   ({summary['positives']:,} positive, {summary['negatives']:,} negative)",
            ),
            *([("figures", f"{out / _FILES[1]}, {out / _FILES[2]}")] if out is not None else []),
        ]
    )
