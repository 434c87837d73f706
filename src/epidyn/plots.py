"""Figures. Each function draws into a file and leaves matplotlib's global state alone."""

from __future__ import annotations

import os
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
    axes[-1].set_xticks(at, table["fold"].tolist(), rotation=90 if len(table) > 6 else 0)
    axes[-1].set_xlabel("held-out fold")
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
    count: int, height: float, *, width: float | None = None, down: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``count`` panels, side by side or (``down``) one below another, open above and right.

    ``height`` and ``width`` are the figure's, in inches; without ``width`` it follows the number of panels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width or 4.6 * max(count, 1.4), height), layout="constrained")
    FigureCanvasAgg(figure)
    rows, columns = (count, 1) if down else (1, count)
    drawn = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in drawn:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, drawn


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as beside:
        figure.savefig(beside, format="png", dpi=150)
