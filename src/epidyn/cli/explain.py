"""``epidyn explain``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from epidyn.cli.options import Force, GenomeSpec, PairsPath, Quiet
from epidyn.errors import ConfigError


def explain(
    model: Annotated[Path, typer.Option(help="Model file.")],
    pairs: PairsPath,
    genome: GenomeSpec,
    out: Annotated[Path, typer.Option(help="Folder to make: pairs.tsv, effects.tsv.gz, explain.json.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="mask (the default), saturation (each base by each other), gradient, integrated; of a model of "
            "motif pairs also terms: what each term and each site adds to the logit."
        ),
    ] = None,
    width: Annotated[int | None, typer.Option(help="Bases masked at once; 6.", show_default=False)] = None,
    step: Annotated[int | None, typer.Option(help="Bases from mask to mask; 3.", show_default=False)] = None,
    replace: Annotated[
        str | None,
        typer.Option(help="Masked by N (the default), or shuffle: by other bases, dinucleotides as they were."),
    ] = None,
    shuffles: Annotated[
        int | None, typer.Option(help="With --replace shuffle: how many are averaged; 3.", show_default=False)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="With --replace shuffle: their seed; 0.", show_default=False)
    ] = None,
    element: Annotated[str | None, typer.Option(help="both (the default), enhancer or promoter.")] = None,
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
    max_indel: Annotated[
        int | None, typer.Option(help="With --variants: longest indel scored, bases; 50.", show_default=False)
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Mask or replace bases of confident pairs and write how the score changes; goes on after a kill.

    Of a model of motif pairs --method terms writes instead what each of its terms and each site adds to the score.
    """
    from epidyn.genome import Genome
    from epidyn.interpret.explain import ExplainSettings, explain_table
    from epidyn.interpret.terms import explain_terms
    from epidyn.interpret.variants import DEFAULT_MAX_INDEL, explain_variants

    terms = method == "terms"
    masking: dict[str, Any] = {"method": method, "element": element, "replace": replace, "width": width}
    masking |= {"step": step, "shuffles": shuffles, "seed": seed}
    given = {name: value for name, value in masking.items() if value is not None}
    _refuse_without_use(given, variants=variants is not None, max_indel=max_indel)
    if terms:
        del given["method"]
    if min_probability is not None or variants is not None:
        given["min_probability"] = min_probability or 0.0
    settings = ExplainSettings(**given, top=top, label=label)
    longest = DEFAULT_MAX_INDEL if max_indel is None else max_indel
    with Genome.open(genome) as opened:
        if terms:
            explain_terms(model, pairs, opened, out, settings, batch_size=batch_size, force=force)
            return
        if variants is None:
            explain_table(model, pairs, opened, out, settings, batch_size=batch_size, force=force)
            return
        found = explain_variants(
            model, pairs, opened, variants, out, settings, max_indel=longest, batch_size=batch_size, force=force
        )
    print(
        f"{found.alleles:,} alleles: {found.scored:,} scored in {found.rows:,} rows, {found.outside:,} in no "
        f"window, {sum(found.skipped.values()):,} skipped"
    )
    for reason, count in sorted(found.skipped.items()):
        print(f"  {count:,} {reason}")


def _refuse_without_use(given: Mapping[str, Any], *, variants: bool, max_indel: int | None) -> None:
    """Refuse options that would change nothing; ``given`` are those of masks and substitutions."""
    useless: dict[str, list[str]] = {}
    if variants:
        useless["with --variants"] = list(given)
    elif max_indel is not None:
        useless["without --variants"] = ["max_indel"]
    if given.get("method") == "saturation":
        useless["with --method saturation"] = [name for name in ("width", "step") if name in given]
    if given.get("method") == "terms":
        useless["with --method terms"] = [name for name in given if name != "method"]
    if given.get("replace") != "shuffle":
        useless["without --replace shuffle"] = [name for name in ("shuffles", "seed") if name in given]
    for where, names in useless.items():
        if names:
            listed = ", ".join(f"--{name.replace('_', '-')}" for name in names)
            raise ConfigError(
                f"{listed} mean{'s' * (len(names) == 1)} nothing {where}. Leave out what does not fit."
            )
