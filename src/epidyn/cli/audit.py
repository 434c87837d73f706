"""``epidyn audit``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epidyn.cli.options import Force, Quiet, Seed

if TYPE_CHECKING:
    from epidyn.audit import Audit
    from epidyn.audit.scoring import BaselineScores, Spread
    from epidyn.metrics import Interval


def audit(
    pairs: Annotated[
        Path, typer.Argument(help="Labelled pair table: TargetFinder, BENGI, BEDPE, or our columns.")
    ],
    genome: Annotated[
        str | None,
        typer.Option(help="FASTA or 2bit: measure what base composition gives, too.", metavar="GENOME"),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="A model's scores of some of the pairs, as predict writes them: what do they add?"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for audit.html, audit.json and the figures.")] = None,
    splits: Annotated[int, typer.Option(help="Random splits, 2 or more.")] = 5,
    controls: Annotated[
        list[str] | None,
        typer.Option(
            help="Also train a network under this control: random-genome, shuffle-sequence or shuffle-labels. May "
            "be given several times; each takes as long as `epidyn train`."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings of the controls' training, as train takes.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of the controls' training, as train takes it; default random.")
    ] = None,
    fold: Annotated[
        str | None, typer.Option(help="Test fold of the controls' training, under a split that has folds.")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Say what any split of a table gives to a model that reads no sequence."""
    from epidyn.audit import Training, control_run, is_ours, run_controls, with_controls, write_audit
    from epidyn.audit import audit as library_audit
    from epidyn.files import refuse_filled_folder
    from epidyn.genome import Genome
    from epidyn.pairs import read_pairs
    from epidyn.scores import read_scores

    names = controls or []
    going_on = bool(names) and out is not None and is_ours(out)
    if out is not None:
        refuse_filled_folder(out, force=force or going_on)
    table = read_pairs(pairs)
    run = control_run(names, table, genome, out, Training(config, split, fold, seed))
    scored = None if scores is None else read_scores(scores)
    with nullcontext() if genome is None else Genome.open(genome) as opened:
        found = library_audit(table, opened, scored, splits=splits, seed=seed)
    if run is not None and out is not None:
        found = with_controls(found, run_controls(names, run, out, force=force))
    page = None if out is None else write_audit(found, out, force=force or going_on or run is not None)
    _print(found)
    if page is not None:
        print(f"\npage: {page}")


def _print(found: Audit) -> None:
    facts = found.facts
    print(
        f"{facts.pairs:,} pairs, {facts.positives:,} positive (prevalence {facts.prevalence:.4f}), "
        f"{len(facts.chromosomes)} chromosomes\n"
    )
    over = f"random split, mean (sd) of {found.settings.splits}"
    print(f"{'':<19}  {over:<30}  chromosomes held out, 95% interval")
    print(f"{'':<19}  {'AUROC':<14}  {'AUPR':<14}  {'AUROC':<20}  {'AUPR':<20}".rstrip())
    for each in found.baselines:
        print(_line(each))
    chance = f"{facts.prevalence:.3f}"
    print(f"{'chance':<19}  {'0.500':<14}  {chance:<14}  {'0.500':<20}  {chance}")
    if found.model is not None:
        model = found.model
        print(
            f"\non the {model.pairs:,} pairs of {model.source}\n{'':<19}  {'AUROC':<20}  {'AUPR':<20}  explained"
        )
        print(f"{'model':<19}  {_interval(model.scores['auroc'])}  {_interval(model.scores['aupr'])}")
        for baseline in model.baselines:
            explained = "-" if baseline.explained is None else f"{baseline.explained:.0%}"
            print(
                f"{baseline.name:<19}  {_interval(baseline.scores['auroc'])}  "
                f"{_interval(baseline.scores['aupr'])}  {explained}"
            )
    print("", *found.verdict.sentences, sep="\n")


def _line(each: BaselineScores) -> str:
    cells = [_spread(each.random.auroc), _spread(each.random.aupr)]
    held_out = each.held_out
    cells += [
        f"{'-' if held_out is None else _interval(held_out.pooled[score]):<20}" for score in ("auroc", "aupr")
    ]
    return "  ".join([f"{each.name:<19}", *cells]).rstrip()


def _spread(found: Spread) -> str:
    return f"{found.mean:.3f} ({found.sd:.3f})" + " "


def _interval(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f}-{found.high:.3f})"
