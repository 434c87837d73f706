"""``epidyn explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epidyn.cli.options import Force, GenomeSpec, PairsPath, Quiet


def explain(
    model: Annotated[Path, typer.Option(help="Model file.")],
    pairs: PairsPath,
    genome: GenomeSpec,
    out: Annotated[Path, typer.Option(help="Folder to make: pairs.tsv, effects.tsv.gz, explain.json.")],
    method: Annotated[
        str, typer.Option(help="mask (runs of N), saturation (each base by each other), gradient, integrated.")
    ] = "mask",
    width: Annotated[int, typer.Option(help="Bases masked at once.")] = 6,
    step: Annotated[int, typer.Option(help="Bases from mask to mask.")] = 3,
    element: Annotated[str, typer.Option(help="both, enhancer or promoter.")] = "both",
    min_probability: Annotated[float, typer.Option(help="Pairs below it are left out.")] = 0.95,
    top: Annotated[int | None, typer.Option(help="The N highest pairs, whatever their probability.")] = None,
    label: Annotated[int | None, typer.Option(help="Only pairs with this label, 0 or 1.")] = None,
    batch_size: Annotated[int, typer.Option(help="Perturbations scored at once.")] = 64,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Mask or replace bases of confident pairs and write how the score changes; goes on after a kill."""
    from epidyn.genome import Genome
    from epidyn.interpret.explain import ExplainSettings, explain_table

    given: dict[str, Any] = {"method": method, "element": element}
    settings = ExplainSettings(
        **given, width=width, step=step, min_probability=min_probability, top=top, label=label
    )
    with Genome.open(genome) as opened:
        explain_table(model, pairs, opened, out, settings, batch_size=batch_size, force=force)
