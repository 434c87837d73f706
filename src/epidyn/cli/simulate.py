"""``epidyn simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, Quiet, Seed


def simulate(
    out: Annotated[Path, typer.Option(help="Folder for genome.fa, pairs.csv, truth.bed and families.json.")],
    chromosomes: Annotated[int, typer.Option(help="Chromosomes.")] = 8,
    pairs_per_chromosome: Annotated[int, typer.Option(help="Pairs on each chromosome.")] = 300,
    positive_fraction: Annotated[float, typer.Option(help="Share of the pairs that interact.")] = 0.5,
    pairs_per_promoter: Annotated[int, typer.Option(help="Pairs that share a promoter.")] = 1,
    enhancer_length: Annotated[int, typer.Option(help="Enhancer window, bases.")] = 3000,
    promoter_length: Annotated[int, typer.Option(help="Promoter window, bases.")] = 2000,
    instances: Annotated[int, typer.Option(help="Motif instances an element carries.")] = 4,
    decoys: Annotated[int, typer.Option(help="Decoy motifs an element carries, whatever its label.")] = 2,
    classes: Annotated[int, typer.Option(help="Motif classes used, 2 to 6.")] = 6,
    presence: Annotated[
        float, typer.Option(help="Weight of the rule: interacting pairs carry more motif instances.")
    ] = 1.0,
    pairing: Annotated[
        float, typer.Option(help="Weight of the rule: interacting pairs carry motifs of one class.")
    ] = 0.0,
    propensity: Annotated[
        float,
        typer.Option(help="Weight of the rule: a promoter's pairs mostly share one label; sequence says nothing."),
    ] = 0.0,
    propensity_purity: Annotated[float, typer.Option(help="Share of such promoters with one label only.")] = 0.92,
    cell_line: Annotated[
        str,
        typer.Option(
            help="Cell line in the pair table; several as NAME:WEIGHT,NAME:WEIGHT, in files of their own."
        ),
    ] = "simulated",
    shared: Annotated[
        float, typer.Option(help="Share of the promoters that, with their pairs, all cell lines have.")
    ] = 0.0,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make a genome and pairs with a known motif grammar, and write down everything that was planted."""
    settings = {name: value for name, value in locals().items() if name not in ("out", "force", "quiet")}
    from epidyn.simulate import configure, write_simulation
    from epidyn.simulate import simulate as library_simulate

    write_simulation(library_simulate(configure(settings)), out, force=force)
