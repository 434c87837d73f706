"""The figures of an audit, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epidyn.audit.comparison import ModelScores
from epidyn.audit.facts import Distances, Facts
from epidyn.audit.scoring import BaselineScores
from epidyn.metrics import Interval
from epidyn.plots import BLUE, VERMILION, panels, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GREY = "#555555"
_RATES = ("0", "to .2", "to .4", "to .6", "to .8", "< 1", "1")


def draw_baselines(baselines: Sequence[BaselineScores], prevalence: float, path: Path) -> None:
    """Draw AUROC and AUPR of each baseline, on random splits and on chromosomes held out, beside chance."""
    figure, drawn = panels(2, height=1.4 + 0.55 * len(baselines))
    for axes, score, chance in zip(drawn, ("auroc", "aupr"), (0.5, prevalence), strict=True):
        for row, each in enumerate(baselines):
            spread = each.random.auroc if score == "auroc" else each.random.aupr
            axes.errorbar(
                spread.mean,
                row - 0.12,
                xerr=spread.sd,
                fmt="o",
                color=VERMILION,
                capsize=3,
                label="random split (sd)" if row == 0 else None,
            )
            if each.held_out is not None:
                _interval(
                    axes,
                    each.held_out.pooled[score],
                    row + 0.12,
                    BLUE,
                    "s",
                    "chromosomes held out (interval)" if row == 0 else None,
                )
        _finish(axes, [each.name for each in baselines], score.upper(), chance)
    _legend(figure, drawn[0])
    save(figure, path)


def draw_model(model: ModelScores, path: Path) -> None:
    """Draw AUROC and AUPR of the model and of each baseline on the same pairs, with intervals, beside chance."""
    rows = [("model", model.scores), *((each.name, each.scores) for each in model.baselines)]
    figure, drawn = panels(2, height=1.2 + 0.45 * len(rows))
    for axes, score, chance in zip(drawn, ("auroc", "aupr"), (0.5, model.prevalence), strict=True):
        for row, (_, scores) in enumerate(rows):
            kind = {0: "model (interval)", 1: "baselines (interval)"}.get(row)
            _interval(axes, scores[score], row, VERMILION if row else BLUE, "s" if row else "o", kind)
        _finish(axes, [name for name, _ in rows], score.upper(), chance)
    _legend(figure, drawn[0])
    save(figure, path)


def draw_purity(facts: Facts, path: Path) -> None:
    """Draw how many elements with several pairs have which share of positives, beside what chance would give."""
    figure, drawn = panels(len(facts.elements), height=3.2)
    for axes, (role, elements) in zip(drawn, facts.elements.items(), strict=True):
        at = np.arange(len(_RATES))
        axes.bar(at, elements.rates, color=BLUE, width=0.7, label="this table")
        axes.plot(
            at, elements.rates_by_chance, "_", color=VERMILION, markersize=18, markeredgewidth=2, label="chance"
        )
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, 3 * max(1, *elements.rates, *elements.rates_by_chance))
        axes.set_xticks(at, _RATES)
        axes.set_xlabel("share of positives among its pairs")
        axes.set_ylabel(f"{role}s with 2 pairs or more")
    _legend(figure, drawn[0])
    save(figure, path)


def draw_distances(distances: Distances, path: Path) -> None:
    """Draw the distribution of distance for either label."""
    figure, (axes,) = panels(1, height=3.2)
    kinds = (("positives", distances.positives, VERMILION, "-"), ("negatives", distances.negatives, BLUE, "--"))
    for name, counts, colour, style in kinds:
        shares = np.array(counts) / sum(counts)
        axes.stairs(shares, distances.edges, color=colour, linestyle=style, linewidth=1.5, label=name)
    axes.set_xscale("log")
    axes.set_xlabel("distance between midpoints (bases)")
    axes.set_ylabel("share of pairs")
    axes.legend(loc="upper left", frameon=False)
    save(figure, path)


def _interval(axes: Axes, found: Interval, row: float, colour: str, marker: str, label: str | None) -> None:
    # Bounds that equal the score may differ from it by rounding.
    reach = np.maximum([[found.value - found.low], [found.high - found.value]], 0)
    axes.errorbar(found.value, row, xerr=reach, fmt=marker, color=colour, capsize=3, label=label)


def _finish(axes: Axes, names: Sequence[str], score: str, chance: float) -> None:
    axes.axvline(chance, color=_GREY, linestyle=":", label="chance")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(score if score == "AUROC" else f"{score} (chance: prevalence {chance:.3f})")


def _legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
