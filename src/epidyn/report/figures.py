"""The figures of the report, as PNG: readable in grey and by the colour-blind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from epidyn import metrics, progress
from epidyn.plots import BLUE, PALETTE, VERMILION, panels, save, verbatim
from epidyn.report.collect import Run
from epidyn.report.experiments import EXPERIMENTS, OURS, REGIMES, SCORES
from epidyn.report.files import CrossvalMetrics
from epidyn.report.published import read_published
from epidyn.report.rows import Row, ordered_lines
from epidyn.scores import ranking, read_scores
from epidyn.training.folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
_HATCHES = ("", "///", "...", "\\\\\\", "xx", "---", "++", "oo", "**", "||", "//..")
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (7, 2)))
_GREY = "#555555"
_COLOURS = 6  # of the palette; on black and on pale yellow no pattern is seen


@dataclass(frozen=True)
class Figure:
    """A figure of an experiment.

    Attributes
    ----------
    experiment
        Which.
    name
        Of the file.
    caption
        What it shows.
    """

    experiment: str
    name: str
    caption: str


Draw = Callable[[Path], None]


def draw_all(rows: Sequence[Row], runs: Sequence[Run], folder: Path) -> list[Figure]:
    """Draw every figure that there is something to draw for; return them in the order of the report."""
    planned = [*_planned_bars(rows), *_planned_maps(rows), *_planned_curves(runs), *_planned_folds(runs)]
    planned.sort(key=lambda each: list(EXPERIMENTS).index(each[0].experiment))
    with progress.bar("Figures", len(planned)) as advance:
        for figure, draw in planned:
            draw(folder / figure.name)
            advance(1, figure.name)
    return [figure for figure, _ in planned]


def _label(name: str, longest: int = 24) -> str:
    """Return a name as matplotlib shows it as it stands, cut if no figure has room for it."""
    short = name if len(name) <= longest else name[: longest - 1] + "…"
    return verbatim(short)


def _planned_bars(rows: Sequence[Row]) -> list[tuple[Figure, Draw]]:
    planned: list[tuple[Figure, Draw]] = []
    for name in ("architecture", "fusion", "oversampling", "optimisers", "regimes", "bengi", "comparison"):
        members = [row for row in rows if row.experiment == name and row.measure in SCORES]
        if any(row.ours is not None for row in members):
            caption = (
                f"{EXPERIMENTS[name].title}: AUROC and AUPR. Bars are ours, with 95% t intervals over seeds where "
                "there are several, grey ones controls and baselines; hollow bars are published, not rerun; a "
                "diamond is the article's number for the bar at its place."
            )
            figure = Figure(name, f"{name}.png", caption)
            planned.append((figure, partial(bars, members)))
    return planned


def bars(rows: Sequence[Row], path: Path) -> None:
    """Draw AUROC and AUPR of every ``what`` on every line, ours beside the published numbers."""
    rows = [row for row in rows if row.ours is not None or row.published is not None]
    run_on = {row.line for row in rows if row.ours is not None}
    rows = [row for row in rows if row.line in run_on]
    lines = ordered_lines(rows)
    whats = list(dict.fromkeys(row.what for row in rows))
    figure, drawn = panels(2, 7.2, width=max(6.5, 2.2 + 0.22 * len(lines) * (len(whats) + 1)), down=True)
    for axes, measure in zip(drawn, SCORES, strict=True):
        for number, what in enumerate(whats):
            of_what = [row for row in rows if row.what == what and row.measure == measure]
            _bar_series(axes, of_what, lines, number, len(whats))
        axes.set_xticks(range(len(lines)), map(_label, lines))
        axes.set_xlim(-0.6, len(lines) - 0.4)
        axes.set_ylim(0, 1.05)
        axes.set_ylabel(measure.upper())
    drawn[0].axhline(0.5, color=_GREY, linestyle=":", linewidth=1, label="chance (AUROC 0.5; AUPR: prevalence)")
    _chance(drawn[1], rows, lines)
    handles, labels = drawn[0].get_legend_handles_labels()
    kept = dict(zip(labels, handles, strict=True))
    figure.legend(kept.values(), kept.keys(), loc="outside upper center", ncols=3, frameon=False, fontsize="small")
    save(figure, path)


def _bar_series(axes: Axes, rows: Sequence[Row], lines: Sequence[str], number: int, count: int) -> None:
    width = 0.86 / count
    at = {line: place - 0.43 + width * (number + 0.5) for place, line in enumerate(lines)}
    for row in rows:
        value = row.ours if row.ours is not None else row.published
        foreign = row.kind == "published, not rerun"
        colour = PALETTE[number % _COLOURS] if row.kind == "run" else "white" if foreign else "0.8"
        if value is None:
            continue
        if row.ours is not None or foreign:
            axes.bar(
                at[row.line],
                value,
                width,
                color=colour,
                hatch=_HATCHES[number % len(_HATCHES)],
                edgecolor=_GREY if foreign else "black",
                linewidth=0.6,
                label=_label(f"{row.what} (published)" if foreign else row.what, 64),
            )
        if row.ours is not None and row.low is not None and row.high is not None:
            reach = [[row.ours - row.low], [row.high - row.ours]]
            axes.errorbar(at[row.line], row.ours, yerr=reach, color="black", capsize=2, linewidth=1)
        if row.published is not None and not foreign:
            axes.plot(
                at[row.line], row.published, "D", color="white", markeredgecolor="black", markersize=4,
                linestyle="none", label="published",
            )  # fmt: skip


def _chance(axes: Axes, rows: Sequence[Row], lines: Sequence[str]) -> None:
    for place, line in enumerate(lines):
        shares = [row.prevalence for row in rows if row.line == line and row.prevalence is not None]
        if shares:
            share = float(np.mean(shares))
            axes.plot([place - 0.45, place + 0.45], [share, share], color=_GREY, linestyle=":", linewidth=1)


def _planned_maps(rows: Sequence[Row]) -> list[tuple[Figure, Draw]]:
    planned: list[tuple[Figure, Draw]] = []
    matrix = [row for row in rows if row.experiment == "cross-line" and row.kind in ("run", "not run")]
    if any(row.ours is not None for row in matrix):
        caption = "AUROC and AUPR of each specific model (row: trained on) on each line's test pairs (column)."
        planned.append((Figure("cross-line", "cross_line.png", caption), partial(cross_line, matrix)))
    for regime, words in (("general", "general"), ("fine-tuned", "fine-tuned")):
        cells = _less_specific(rows, REGIMES[regime])
        if cells:
            caption = (
                f"{words.capitalize()} less specific model, AUROC and AUPR: above 0 the {words} one is better."
            )
            figure = Figure("regimes", f"{regime.replace('-', '_')}_less_specific.png", caption)
            planned.append((figure, partial(less_specific, cells, words)))
    return planned


def _less_specific(rows: Sequence[Row], what: str) -> dict[tuple[str, str], float]:
    """Return ``what`` less the specific model, by measure and line, where both were run."""
    ours = {
        (row.what, row.measure, row.line): row.ours
        for row in rows
        if row.experiment == "regimes" and row.kind == "run" and row.ours is not None
    }
    found = {}
    for name, measure, line in ours:
        specific = ours.get((REGIMES["specific"], measure, line))
        if name == what and specific is not None:
            found[measure, line] = ours[name, measure, line] - specific
    return found


def less_specific(cells: dict[tuple[str, str], float], words: str, path: Path) -> None:
    """Draw the differences of one regime to the specific one; ``cells`` by measure and line."""
    lines = list(dict.fromkeys(line for _, line in cells))
    values = np.array([[cells.get((measure, line), np.nan) for line in lines] for measure in SCORES])
    figure, (axes,) = panels(1, 2.4, width=max(5.0, 2 + 0.95 * len(lines)))
    reach = max(float(np.nanmax(np.abs(values))), 1e-3)
    _heat_map(axes, values, [measure.upper() for measure in SCORES], lines, "PuOr", (-reach, reach), "{:+.3f}")
    axes.set_title(f"{words} less specific")
    save(figure, path)


def cross_line(rows: Sequence[Row], path: Path) -> None:
    """Draw AUROC and AUPR of every model on every line; what was not run is said so."""
    rows = [row for row in rows if row.ours is not None]
    trained = [line for line in ordered_lines(rows) if line in {row.what for row in rows}]
    trained += [what for what in dict.fromkeys(row.what for row in rows) if what not in trained]
    tested = ordered_lines(rows)
    figure, drawn = panels(2, max(3.0, 1.2 + 0.6 * len(trained)), width=max(7.0, 3 + 1.5 * len(tested)))
    for axes, measure, limits in zip(drawn, SCORES, ((0.4, 1.0), (0.0, 1.0)), strict=True):
        ours = {(row.what, row.line): row.ours for row in rows if row.measure == measure}
        values = np.array([[ours.get((what, line)) for line in tested] for what in trained], dtype=float)
        _heat_map(axes, values, trained, tested, "cividis", limits, "{:.3f}")
        axes.set_title(measure.upper())
        axes.set_xlabel("tested on")
    drawn[0].set_ylabel("trained on")
    save(figure, path)


def _heat_map(
    axes: Axes,
    values: Floats,
    rows: Sequence[str],
    columns: Sequence[str],
    colours: str,
    limits: tuple[float, float],
    text: str,
) -> None:
    low, high = limits
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    axes.set_facecolor("white")
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            words, dark = "not run", False
        else:
            red, green, blue, _ = image.to_rgba(np.array([value]))[0]
            words, dark = text.format(value), 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        size = "small" if np.isfinite(value) else "x-small"
        axes.text(column, row, words, ha="center", va="center", fontsize=size, color="white" if dark else "black")
    axes.set_xticks(range(len(columns)), map(_label, columns), rotation=45 if len(columns) > 3 else 0)
    axes.set_yticks(range(len(rows)), map(_label, rows))
    axes.spines[:].set_visible(False)


def _planned_curves(runs: Sequence[Run]) -> list[tuple[Figure, Draw]]:
    """Plan ROC and precision-recall curves of the regimes and of BENGI, of the lowest seed of each line."""
    groups: dict[tuple[str, str, str | None], dict[str, Run]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        for place in run.places:
            wanted = place.experiment in ("regimes", "bengi")
            if wanted and (run.path / RunFolder.PREDICTIONS).is_file():
                groups.setdefault((place.experiment, place.what, run.control), {}).setdefault(run.line, run)
    planned: list[tuple[Figure, Draw]] = []
    for (experiment, what, control), members in groups.items():
        name = what if control is None else f"{what}, {control}"
        seeds = ", ".join(sorted({str(run.seed) for run in members.values()}))
        caption = f"ROC and precision-recall curves of {name}, seed {seeds}."
        file = "_".join(["curves", *re.findall(r"\w+", f"{experiment} {name}".lower())]) + ".png"
        planned.append((Figure(experiment, file, caption), partial(curves, name, list(members.values()))))
    return planned


def curves(name: str, runs: Sequence[Run], path: Path) -> None:
    """Draw the ROC and the precision-recall curve of the test pairs of each cell line."""
    figure, (left, right) = panels(2, 4.8, width=9.6)
    drawn = 0
    for line, table in _tables(runs):
        if table["label"].nunique() == 2:
            _curve(left, right, line, table, drawn)
            drawn += 1
    left.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="chance")
    left.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC")
    right.set(xlabel="Recall", ylabel="Precision", title="Precision and recall (dots: prevalence)")
    for axes in (left, right):
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    left.legend(loc="lower right", frameon=False, fontsize="small")
    right.legend(loc="lower left", frameon=False, fontsize="small")
    figure.suptitle(name)
    save(figure, path)


def _tables(runs: Sequence[Run]) -> list[tuple[str, pd.DataFrame]]:
    """Return the scored test pairs of each cell line."""
    found: list[tuple[str, pd.DataFrame]] = []
    for run in runs:
        table = read_scores(run.path / RunFolder.PREDICTIONS)
        if "cell_line" in table and table["cell_line"].nunique() > 1:
            found += [(str(line), part) for line, part in table.groupby("cell_line", sort=True)]
        else:
            found.append((run.line, table))
    return found


def _curve(left: Axes, right: Axes, line: str, table: pd.DataFrame, number: int) -> None:
    ranks = ranking(table)
    points = metrics.curves(table["label"], ranks)
    look: dict[str, Any] = {
        "color": PALETTE[number % 7],
        "linestyle": _STYLES[number % len(_STYLES)],
        "linewidth": 1.5,
    }
    auroc, aupr = metrics.auroc(table["label"], ranks), metrics.aupr(table["label"], ranks)
    left.plot(
        points["false_positive_rate"], points["true_positive_rate"], label=f"{_label(line)} {auroc:.3f}", **look
    )
    right.step(points["recall"], points["precision"], where="post", label=f"{_label(line)} {aupr:.3f}", **look)
    right.plot(1, points["precision"][0], "o", color=look["color"], markersize=4, clip_on=False)


def _planned_folds(runs: Sequence[Run]) -> list[tuple[Figure, Draw]]:
    lines: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if run.control is None and any((place.experiment, place.what) == ("loco", OURS) for place in run.places):
            lines.setdefault(run.line, run)
    if not lines:
        return []
    caption = "AUROC of each left-out chromosome (lowest seed of each line), its mean, and the article's mean."
    return [(Figure("loco", "loco.png", caption), partial(chromosomes, list(lines.values())))]


def chromosomes(runs: Sequence[Run], path: Path) -> None:
    """Draw the AUROC of each left-out chromosome, a panel a cell line."""
    published = _published_loco()
    folds = [run.metrics.folds for run in runs if isinstance(run.metrics, CrossvalMetrics)]
    names = sorted({fold.fold for each in folds for fold in each}, key=_chromosome_order)
    figure, drawn = panels(len(runs), 1.0 + 1.7 * len(runs), width=max(6.0, 2 + 0.35 * len(names)), down=True)
    for axes, run, members in zip(drawn, runs, folds, strict=True):
        found = {fold.fold: fold.auroc for fold in members if fold.auroc is not None}
        axes.plot([names.index(name) for name in found], list(found.values()), "o", color=BLUE, label="ours")
        mean = float(np.mean(list(found.values())))
        axes.axhline(mean, color=BLUE, linewidth=1, label=f"our mean {mean:.3f}")
        if run.line in published:
            value = published[run.line]
            axes.axhline(value, color=VERMILION, linestyle="--", linewidth=1, label=f"published mean {value:.3f}")
        axes.axhline(0.5, color=_GREY, linestyle=":", linewidth=1, label="chance")
        axes.set(ylim=(0, 1.02), ylabel="AUROC", title=_label(run.line, 48))
        axes.set_xticks(range(len(names)), map(_label, names), rotation=90 if len(names) > 6 else 0)
        axes.set_xlim(-0.7, len(names) - 0.3)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize="small")
    save(figure, path)


def _chromosome_order(name: str) -> tuple[int, str]:
    number = name.removeprefix("chr")
    return (int(number), "") if number.isdigit() else (10**6, number)


def _published_loco() -> dict[str, float]:
    found = (each for each in read_published() if (each.experiment, each.what) == ("loco", OURS))
    return {each.line: each.value for each in found}
