"""``epidyn kmers``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from epidyn.cli.options import Force, GenomeSpec, Quiet, Seed
from epidyn.cli.tables import print_rows

if TYPE_CHECKING:
    from collections.abc import Iterator


def kmers(
    genome: GenomeSpec,
    out: Annotated[Path, typer.Option(help="Vectors to write (.npy), for train --kmer-vectors; and OUT.json.")],
    epochs: Annotated[int, typer.Option(help="Passes over the genome.")] = 10,
    dimensions: Annotated[int, typer.Option(help="Length of a vector.")] = 100,
    window: Annotated[int, typer.Option(help="Words of context at either side.")] = 10,
    contigs: Annotated[str | None, typer.Option(help="Sequences to read, as chr1,chr2; default all.")] = None,
    sample: Annotated[float, typer.Option(help="Share of the genome to read, drawn once.")] = 1.0,
    workers: Annotated[int, typer.Option(help="Threads; with more than 1 no two calls give the same.")] = 1,
    compare_seed: Annotated[
        int | None, typer.Option(min=0, help="Train again from this seed and say how far neighbourhoods agree.")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train 6-mer vectors on a genome, by skip-gram as dna2vec does, and say whether they make sense."""
    from epidyn.genome import Genome
    from epidyn.kmer_training import Settings, write_vectors

    settings = Settings(dimensions=dimensions, window=window, epochs=epochs, workers=workers, seed=seed)
    names = None if contigs is None else [name.strip() for name in contigs.split(",") if name.strip()]
    with Genome.open(genome) as opened:
        report = write_vectors(
            opened, out, settings, contigs=names, share=sample, compare_seed=compare_seed, force=force
        )
    print_rows(list(_rows(report)))


def _rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "bases", f"{report['bases']:,}"
    yield "6-mers read", f"{report['words']:,}"
    yield "6-mers without a vector", f"{len(report['unseen']):,}"
    yield "standard deviation", f"{report['standard_deviation']:.3f}"
    for name in ("random", "reverse_complements", "one_base_neighbours", "shifted_by_one"):
        found = report[name]
        if found["pairs"]:
            text = f"cosine {found['cosine']:.3f}, closer than random pairs {found['closer']:.1%} of the time"
            yield name.replace("_", " "), text if name != "random" else f"cosine {found['cosine']:.3f}"
    if "agreement" in report:
        agreed = report["agreement"]
        yield (
            f"agreement with seed {agreed['seed']}",
            f"{agreed['share']:.1%} of the {agreed['neighbours']} nearest neighbours",
        )
