"""Figures. Each function draws into a file and leaves matplotlib's global state alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from epidyn import metrics
from epidyn.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion: apart for the colour-blind and in grey.
BLUE, VERMILION = "#0072B2", "#D55E00"
PALETTE = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")


def roc(labels: npt.ArrayLike, scores: npt.ArrayLike, path: str | os.PathLike[str]) -> None:
    """Draw the ROC curve with its area, and the diagonal that chance gives, as PNG.

    Takes and raises what :func:`epidyn.metrics.curves` does.
    """
    points = metrics.curves(labels, scores)
    figure, axes = _square("False positive rate", "True positive rate")
    axes.plot(points["false_positive_rate"], points["true_positive_rate"], color=BLUE)
    axes.plot([0, 1], [0, 1], color=VERMILION, linestyle="--", label="chance")
    axes.set_title(f"ROC, AUROC {metrics.auroc(labels, scores):.3f}")
    axes.legend(loc="lower right", frameon=False)
    save(figure, path)


def precision_recall(labels: npt.ArrayLike, scores: npt.ArrayLike, path: str | os.PathLike[str]) -> None:
    """Draw the precision-recall curve with the average precision, and the prevalence that chance gives, as PNG.

    Takes and raises what :func:`epidyn.metrics.curves` does.
    """
    points = metrics.curves(labels, scores)
    prevalence = points["precision"][0]  # at the lowest threshold everything is called
    figure, axes = _square("Recall", "Precision")
    axes.step(points["recall"], points["precision"], where="post", color=BLUE)
    axes.axhline(prevalence, color=VERMILION, linestyle="--", label=f"chance: prevalence {prevalence:.3f}")
    axes.set_title(f"Precision and recall, AUPR {metrics.aupr(labels, scores):.3f}")
    axes.legend(loc="lower left", frameon=False)
    save(figure, path)


def calibration(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    path: str | os.PathLike[str],
    *,
    raw: npt.ArrayLike | None = None,
) -> None:
    """Draw how often pairs of like probability interact, with the Brier score, as PNG.

    ``raw`` are the probabilities before calibration, if there are such. Takes and raises otherwise what
    :func:`epidyn.metrics.calibration_curve` does.
    """
    figure, axes = _square("Probability, mean of the bin", "Share of pairs that interact")
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="as it should be")
    drawn = [("calibrated" if raw is not None else "probability", probabilities, "o-", BLUE)]
    if raw is not None:
        drawn.append(("before calibration", raw, "s:", VERMILION))
    for name, values, style, color in drawn:
        curve = metrics.calibration_curve(labels, values)
        label = f"{name}, Brier score {metrics.brier(labels, values):.4f}"
        axes.plot(
            curve["probability"],
            curve["observed"],
            style,
            color=color,
            markersize=5,
            markerfacecolor=color if style == "o-" else "white",
            label=label,
        )
    axes.set_title("Calibration")
    figure.legend(loc="outside lower center", frameon=False, fontsize="small")
    save(figure, path)


def folds(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Draw AUROC and AUPR of each fold with their means, and what chance gives, as PNG.

    Parameters
    ----------
    table
        Columns fold, auroc, aupr and prevalence, a row a fold; a fold without scores (NaN), which has one label,
        keeps its place and is called so; it has no chance either.
    path
        Where to.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(4.5, 1.5 + 0.32 * len(table)), 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, sharex=True)
    at = np.arange(len(table))
    chances = {"AUROC": np.full(len(table), 0.5), "AUPR": table["prevalence"].to_numpy()}
    for axis, (name, chance) in zip(axes, chances.items(), strict=True):
        values = table[name.lower()].to_numpy(dtype=float)
        mean = np.nanmean(values) if np.isfinite(values).any() else None
        axis.plot(at, values, "o", color=BLUE, label=name)
        scored = np.isfinite(values)
        axis.plot(
            at,
            np.where(scored, chance, np.nan),
            "_",
            color=VERMILION,
            markersize=9,
            markeredgewidth=2,
            label="chance" if name == "AUROC" else "chance: prevalence",
        )
        for place in at[~scored]:
            axis.text(
                place, 0.03, "one label", rotation=90, ha="center", va="bottom", color="0.35", fontsize="small"
            )
        if mean is not None:
            axis.axhline(mean, color=BLUE, linewidth=1, linestyle="--", label=f"mean {mean:.3f}")
        axis.set_ylabel(name)
        axis.set_ylim(-0.02, 1.02)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=3, frameon=False)
    axes[-1].set_xticks(at, list(map(verbatim, table["fold"])), rotation=90 if len(table) > 6 else 0)
    axes[-1].set_xlabel("held-out fold")
    save(figure, path)


def trials(table: pd.DataFrame, objective: str, path: str | os.PathLike[str], *, smaller: bool) -> None:
    """Draw the value of each trial of a study in the order they were begun, and the best so far, as PNG.

    Parameters
    ----------
    table
        Columns number, state (``complete``, ``pruned`` or another) and value, a row a trial; those without a value
        are marked at the bottom. What lies far off those that are complete is drawn at the edge.
    objective
        The name of the value.
    path
        The figure's file.
    smaller
        Whether smaller values are better.
    """
    figure, (axes,) = panels(1, 4.0)
    complete, pruned = (table[table["state"] == state] for state in ("complete", "pruned"))
    best = complete["value"].cummin() if smaller else complete["value"].cummax()
    low, high = complete["value"].min(), complete["value"].max()
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    edges = low - room, high + room
    axes.set_ylim(*edges)
    axes.plot(complete["number"], complete["value"], "o", color=BLUE, label="complete")
    shown = pruned["value"].clip(*edges)
    axes.plot(pruned["number"], shown, "x", color="0.45", clip_on=False, label="pruned: last epoch")
    axes.step(complete["number"], best, where="post", color=BLUE, linewidth=1, label="best so far")
    failed = table.loc[table["value"].isna() & (table["state"] == "fail"), "number"]
    across = axes.get_xaxis_transform()
    axes.plot(failed, np.zeros(len(failed)), "^", color=VERMILION, transform=across, clip_on=False, label="failed")
    axes.set_xlabel("trial")
    axes.set_ylabel(objective)
    axes.locator_params(axis="x", integer=True)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    save(figure, path)


def importance(shares: Mapping[str, float], objective: str, path: str | os.PathLike[str]) -> None:
    """Draw how much each setting decides the value of a trial, shares that add up to 1, as PNG."""
    figure, (axes,) = panels(1, 1.4 + 0.4 * len(shares))
    names = sorted(shares, key=lambda name: shares[name])
    bars = axes.barh(names, [shares[name] for name in names], color=BLUE)
    axes.bar_label(bars, fmt="{:.2f}", padding=3)
    axes.set_xlim(0, 1.1)
    axes.set_xlabel(f"share in the differences of {objective}")
    save(figure, path)


def _square(x: str, y: str):  # type: ignore[no-untyped-def]  # matplotlib's Axes is loaded only when drawing
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel=x, ylabel=y, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def panels(
    count: int,
    height: float,
    *,
    width: float | None = None,
    down: bool = False,
    shares: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``count`` panels, side by side or (``down``) one below another, open above and right.

    ``height`` and ``width`` are the figure's, in inches; without ``width`` it follows the number of panels.
    ``shares`` are those of panels one below another in the height, equal by default.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width or 4.6 * max(count, 1.4), height), layout="constrained")
    FigureCanvasAgg(figure)
    rows, columns = (count, 1) if down else (1, count)
    drawn = list(figure.subplots(rows, columns, squeeze=False, height_ratios=shares).flat)
    for axes in drawn:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, drawn


def verbatim(name: str) -> str:
    """Return a name so that a figure shows it as it stands: its dollar signs begin no formula."""
    return name.replace("$", r"\$")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as beside:
        figure.savefig(beside, format="png", dpi=150)
