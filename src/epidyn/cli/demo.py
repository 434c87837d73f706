"""``epidyn demo``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, Quiet, Seed
from epidyn.cli.tables import print_rows


def demo(
    out: Annotated[
        Path | None, typer.Option(help="Folder to keep everything in; default a temporary one.")
    ] = None,
    seed: Seed = 0,
    shuffle_labels: Annotated[
        bool, typer.Option("--shuffle-labels", help="Control: permute labels within chromosome and distance bin.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a genome and pairs, train on five chromosomes, and score the pairs of two others."""
    from epidyn.demo import TEST, run_demo

    folder = out if out is not None else Path(tempfile.mkdtemp(prefix="epidyn-demo-"))
    result = run_demo(folder, seed=seed, shuffle_labels=shuffle_labels, force=force)
    scores, counts = result.summary, result.pairs
    print_rows(
        [
            (
                "simulated pairs",
                f"{sum(counts.values()):,}, interacting ones carry more motif instances (presence rule)",
            ),
            ("trained on", f"{counts['train']:,} pairs; {counts['validation']:,} for early stopping"),
            (
                "held out",
                f"{scores['positives']} positive and {scores['negatives']} negative pairs of {', '.join(TEST)}",
            ),
            (
                "labels",
                "permuted within chromosomes: nothing is left to learn" if shuffle_labels else "as simulated",
            ),
            ("figures", f"{folder / 'held-out'}/roc.png, precision_recall.png"),
            ("model", str(folder / "run" / "model.safetensors")),
        ]
    )
    print()
    print_rows(
        [
            ("AUROC held-out chromosomes", f"{scores['auroc']:.3f}"),
            ("AUPR held-out chromosomes", f"{scores['aupr']:.3f}   (chance: {scores['prevalence']:.3f})"),
            ("AUROC of base composition alone", f"{result.composition_auroc:.3f}"),
        ]
    )
