"""``epidyn evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from epidyn.cli.options import Force, Quiet, Seed

if TYPE_CHECKING:
    from epidyn.evaluation import Compared, Evaluation

_METRICS = "metrics.json"
_FIGURES = ("roc.png", "precision_recall.png", "calibration.png")

Rows = list[tuple[str, str]]


def evaluate(
    scores: Annotated[Path, typer.Option(help="Scores of labelled pairs, as predict writes them.")],
    compare: Annotated[
        Path | None, typer.Option(help="Other scores of the same pairs, row by row: which are better?")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for metrics.json and the figures.")] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="A pair counts as interacting from this probability on.")
    ] = 0.5,
    interval: Annotated[
        str,
        typer.Option(
            metavar="blocks|pairs|none",
            help="What the bootstrap draws for intervals: whole chromosomes; single pairs, as if they were "
            "independent, which is too narrow; or no intervals.",
        ),
    ] = "blocks",
    draws: Annotated[int, typer.Option(help="Number of bootstrap draws, 100 or more.")] = 2000,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Say how good scores are, how sure that is, and whether they are better than others of the same pairs."""
    from epidyn.cli.tables import print_rows
    from epidyn.errors import MetricError
    from epidyn.evaluation import evaluate as library_evaluate
    from epidyn.files import refuse_filled_folder
    from epidyn.scores import read_scores

    if out is not None:
        refuse_filled_folder(out, force=force)
    table = read_scores(scores)
    other = None if compare is None else read_scores(compare)
    try:
        found = library_evaluate(table, other, threshold=threshold, resample=interval, draws=draws, seed=seed)
    except MetricError as error:
        raise MetricError(f"{scores}: {error.headline}") from error
    rows = [*_rows(found), *_lines(found)]
    if compare is not None and found.compared is not None:
        rows += _compared(found.compared, compare)
    if out is not None:
        sources = {"scores": str(scores), "compared_with": None if compare is None else str(compare)}
        _write(out, {**found.report(), **sources}, table, force=force)
        rows.append(("figures", ", ".join(str(out / name) for name in _FIGURES)))
    print_rows(rows)


def _write(out: Path, report: dict[str, object], table: pd.DataFrame, *, force: bool) -> None:
    from epidyn import plots
    from epidyn.files import prepare_output_folder, write_json
    from epidyn.scores import PROBABILITY, RAW_PROBABILITY, ranking

    prepare_output_folder(out, force=force, own=(_METRICS, *_FIGURES))
    write_json(out / _METRICS, report)
    labels, rank = table["label"], ranking(table)
    plots.roc(labels, rank, out / _FIGURES[0])
    plots.precision_recall(labels, rank, out / _FIGURES[1])
    plots.calibration(labels, table[PROBABILITY], out / _FIGURES[2], raw=table.get(RAW_PROBABILITY))


def _rows(found: Evaluation) -> Rows:
    from epidyn.cli.tables import interval_text

    summary = found.summary
    prevalence, at = summary["prevalence"], summary["threshold"]
    areas = {name: f"{summary[name]:.4f}" for name in ("auroc", "aupr")}
    areas |= {name: interval_text(each) for name, each in found.intervals.items()}
    brier = f"always saying the prevalence: {prevalence * (1 - prevalence):.4f}"
    if found.raw_brier is not None:
        brier = f"before calibration: {found.raw_brier:.4f}; {brier}"
    return [
        *((name.upper(), text) for name, text in areas.items()),
        ("AUPR of chance", f"{prevalence:.4f}   (the prevalence)"),
        *(
            (
                f"precision at recall {recall}",
                f"{precision:.4f}   ({precision / prevalence:.1f} times the prevalence)",
            )
            for recall, precision in summary["precision_at_recall"].items()
        ),
        *(
            (name.upper() if name == "mcc" else name, f"{summary[name]:.4f}   (at {at:g})")
            for name in ("mcc", "f1", "precision", "recall")
        ),
        ("Brier score", f"{summary['brier']:.4f}   ({brier})"),
        (
            "pairs",
            f"{summary['pairs']:,}   ({summary['positives']:,} positive, {summary['negatives']:,} negative)",
        ),
    ]


def _lines(found: Evaluation) -> Rows:
    """Return a row for each cell line, if there are several."""
    return [
        (
            line,
            (f"AUROC {scores['auroc']:.4f}, AUPR {scores['aupr']:.4f}" if "auroc" in scores else "one label only")
            + f"   ({scores['pairs']:,} pairs, {scores['positives']:,} positive)",
        )
        for line, scores in found.lines.items()
        if len(found.lines) > 1
    ]


def _compared(compared: Compared, path: Path) -> Rows:
    from epidyn.cli.tables import interval_text

    return [
        ("compared with", str(path)),
        *((f"its {name.upper()}", interval_text(each)) for name, each in compared.intervals.items()),
        *(
            (
                f"{name.upper()} less its",
                f"{each.difference:+.4f}   ({each.level:.0%} interval {each.low:+.4f} to {each.high:+.4f}, "
                f"p {each.p_text})",
            )
            for name, each in compared.differences.items()
        ),
    ]
