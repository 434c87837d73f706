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
    width: Annotated[
        int | None, typer.Option(help="Bases masked at once. [default: 6]", show_default=False)
    ] = None,
    step: Annotated[
        int | None, typer.Option(help="Bases from mask to mask. [default: 3]", show_default=False)
    ] = None,
    replace: Annotated[
        str, typer.Option(help="Masked by N, or by shuffle: other bases, dinucleotides as they were.")
    ] = "N",
    shuffles: Annotated[int, typer.Option(help="With --replace shuffle: shuffles that are averaged.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the shuffles.")] = 0,
    element: Annotated[str, typer.Option(help="both, enhancer or promoter.")] = "both",
    min_probability: Annotated[
        float | None,
        typer.Option(help="Pairs below it are left out; 0.95, or with --variants 0.", show_default=False),
    ] = None,
    top: Annotated[int | None, typer.Option(help="The N highest pairs, whatever their probability.")] = None,
    label: Annotated[int | None, typer.Option(help="Only pairs with this label, 0 or 1.")] = None,
    batch_size: Annotated[int, typer.Option(help="Perturbations scored at once.")] = 64,
    variants: Annotated[
        Path | None,
        typer.Option(help="VCF: score each variant in a window, in place of masks. Writes variants.tsv."),
    ] = None,
    max_indel: Annotated[int, typer.Option(help="With --variants: longest indel that is scored, bases.")] = 50,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Mask or replace bases of confident pairs and write how the score changes; goes on after a kill."""
    from epidyn.genome import Genome
    from epidyn.interpret.explain import DEFAULT_MIN_PROBABILITY, ExplainSettings, explain_table
    from epidyn.interpret.variants import explain_variants

    if min_probability is None:
        min_probability = 0.0 if variants else DEFAULT_MIN_PROBABILITY
    given: dict[str, Any] = {"method": method, "element": element, "replace": replace}
    given |= {name: value for name, value in (("width", width), ("step", step)) if value is not None}
    if "width" in given or "step" in given:
        _refuse_masks_without_use(method, variants)
    settings = ExplainSettings(
        **given, shuffles=shuffles, seed=seed, min_probability=min_probability, top=top, label=label
    )
    with Genome.open(genome) as opened:
        if variants is None:
            explain_table(model, pairs, opened, out, settings, batch_size=batch_size, force=force)
            return
        found = explain_variants(
            model, pairs, opened, variants, out, settings, max_indel=max_indel, batch_size=batch_size, force=force
        )
    print(
        f"{found.alleles:,} alleles: {found.scored:,} scored in {found.rows:,} rows, {found.outside:,} in no "
        f"window, {sum(found.skipped.values()):,} skipped"
    )
    for reason, count in sorted(found.skipped.items()):
        print(f"  {count:,} {reason}")


def _refuse_masks_without_use(method: str, variants: Path | None) -> None:
    """Refuse the options of masks where none is made."""
    from epidyn.errors import ConfigError

    if variants is not None or method == "saturation":
        what = "--variants" if variants is not None else "--method saturation"
        raise ConfigError(f"--width and --step are those of masks, and {what} makes none. Leave them out.")
