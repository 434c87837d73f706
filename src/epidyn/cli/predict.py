"""``epidyn predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, GenomeSpec, PairsPath, Quiet


def predict(
    model: Annotated[Path, typer.Option(help="Model file.")],
    pairs: PairsPath,
    genome: GenomeSpec,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Scores to write, as the name ends: .bedpe, .parquet, .interact (UCSC's browser), .longrange "
            "(WashU's), else TSV. Default: standard output."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Pairs scored at once; the result does not depend on it.")] = 64,
    rc_average: Annotated[
        bool, typer.Option("--rc-average", help="Average with both windows reverse-complemented.")
    ] = False,
    prevalence: Annotated[
        float | None, typer.Option(help="Share of interacting pairs where the probabilities are to hold.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    stem_memory: Annotated[
        int, typer.Option(help="Megabytes for what is computed once an element, as long as it fits.")
    ] = 1024,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Score each pair of a table, of any length, in row order."""
    from epidyn.genome import Genome
    from epidyn.predict import predict_table
    from epidyn.stems import MEGABYTE

    with Genome.open(genome) as opened:
        predict_table(
            model,
            pairs,
            opened,
            out,
            batch_size=batch_size,
            rc_average=rc_average,
            prevalence=prevalence,
            device=device,
            stem_memory=stem_memory * MEGABYTE,
            force=force,
        )
