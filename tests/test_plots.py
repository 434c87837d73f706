from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from epidyn import metrics, plots
from epidyn.errors import MetricError, OutputError

PNG = b"\x89PNG\r\n\x1a\n"
every_figure = pytest.mark.parametrize("draw", [plots.roc, plots.precision_recall, plots.calibration])

rng = np.random.default_rng(2)
LABELS = (rng.random(61) < 0.3).astype(int)
SCORES = np.round(0.6 * rng.random(61) + 0.4 * LABELS, 1)  # rounded: ties


def drawn(draw, monkeypatch: pytest.MonkeyPatch) -> Figure:
    kept: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: kept.append(figure))
    draw(LABELS, SCORES, "nowhere.png")
    return kept[0]


@every_figure
def test_a_png_is_written(draw, tmp_path: Path):
    draw(LABELS, SCORES, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


@every_figure
def test_matplotlib_s_settings_stay(draw, tmp_path: Path):
    before = dict(mpl.rcParams)
    draw(LABELS, SCORES, tmp_path / "figure.png")
    assert dict(mpl.rcParams) == before


def test_pyplot_is_not_loaded(tmp_path: Path):
    code = (
        "import sys\n"
        "from epidyn import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "for draw in (plots.roc, plots.precision_recall):\n"
        f"    draw([0, 1, 1, 0, 1], [0.1, 0.4, 0.9, 0.5, 0.5], {os.fspath(tmp_path / 'figure.png')!r})\n"
        "assert 'matplotlib.figure' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_far_off_trials_do_not_squash_the_others(monkeypatch: pytest.MonkeyPatch):
    table = pd.DataFrame(
        {
            "number": range(6),
            "state": ["complete", "pruned", "complete", "fail", "complete", "pruned"],
            "value": [0.7, 40.0, 0.5, np.nan, 0.6, 0.65],
        }
    )
    kept: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: kept.append(figure))
    plots.trials(table, "val_loss", "nowhere.png", smaller=True)
    (axes,) = kept[0].axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert axes.get_ylim()[1] < 0.8
    assert lines["best so far"].get_ydata().tolist() == [0.7, 0.5, 0.5]
    assert lines["pruned: last epoch"].get_ydata().tolist() == [axes.get_ylim()[1], 0.65]
    assert lines["failed"].get_xdata().tolist() == [3]


def test_importance_is_drawn_with_the_largest_on_top(monkeypatch: pytest.MonkeyPatch):
    kept: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: kept.append(figure))
    plots.importance({"a": 0.2, "b": 0.7, "c": 0.1}, "val_auroc", "nowhere.png")
    (axes,) = kept[0].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c", "a", "b"]
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.2, 0.7]


def test_the_area_under_the_drawn_roc_curve_is_the_auroc(monkeypatch: pytest.MonkeyPatch):
    (axes,) = drawn(plots.roc, monkeypatch).axes
    curve, chance = axes.lines
    x, y = curve.get_data()
    area = np.trapezoid(y, x)
    assert area == pytest.approx(metrics.auroc(LABELS, SCORES))
    assert f"{area:.3f}" in axes.get_title()
    assert [list(values) for values in chance.get_data()] == [[0, 1], [0, 1]]


def test_the_area_under_the_drawn_steps_is_the_aupr(monkeypatch: pytest.MonkeyPatch):
    (axes,) = drawn(plots.precision_recall, monkeypatch).axes
    curve, chance = axes.lines
    assert curve.get_drawstyle() == "steps-post"
    recall, precision = map(np.asarray, curve.get_data())
    area = -(np.diff(recall) * precision[:-1]).sum()
    assert area == pytest.approx(metrics.aupr(LABELS, SCORES))
    assert f"{area:.3f}" in axes.get_title()
    assert list(chance.get_ydata()) == pytest.approx([LABELS.mean()] * 2)


def test_the_calibration_curve_is_drawn_with_its_brier_score(monkeypatch: pytest.MonkeyPatch):
    (axes,) = drawn(plots.calibration, monkeypatch).axes
    chance, curve = axes.lines
    expected = metrics.calibration_curve(LABELS, SCORES)
    assert [list(values) for values in curve.get_data()] == [expected["probability"], expected["observed"]]
    assert [list(values) for values in chance.get_data()] == [[0, 1], [0, 1]]
    assert curve.get_label() == f"probability, Brier score {((SCORES - LABELS) ** 2).mean():.4f}"


def test_the_curve_before_calibration_is_drawn_beside(monkeypatch: pytest.MonkeyPatch):
    draw = partial(plots.calibration, raw=SCORES / 2)
    _, curve, raw = drawn(draw, monkeypatch).axes[0].lines
    assert list(raw.get_xdata()) == metrics.calibration_curve(LABELS, SCORES / 2)["probability"]
    assert curve.get_label().startswith("calibrated, ")
    assert raw.get_label() == f"before calibration, Brier score {((SCORES / 2 - LABELS) ** 2).mean():.4f}"


def test_the_calibration_curves_are_told_apart_without_colour_and_their_legend_is_outside(
    monkeypatch: pytest.MonkeyPatch,
):
    figure = drawn(partial(plots.calibration, raw=SCORES / 2), monkeypatch)
    (axes,) = figure.axes
    styles = {(line.get_linestyle(), line.get_marker()) for line in axes.lines}
    assert len(styles) == 3
    assert axes.get_legend() is None
    figure.canvas.draw()
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


def test_a_fold_with_one_label_has_no_chance_and_is_called_so(monkeypatch: pytest.MonkeyPatch):
    table = pd.DataFrame(
        {
            "fold": ["a", "b", "c"],
            "auroc": [0.7, np.nan, 0.9],
            "aupr": [0.3, np.nan, 0.2],
            "prevalence": [0.1, 1, 0.2],
        }
    )
    kept: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: kept.append(figure))
    plots.folds(table, "nowhere.png")
    for axes, chance in zip(kept[0].axes, ([0.5, 0.5], [0.1, 0.2]), strict=True):
        marks = np.asarray(axes.lines[1].get_ydata(), dtype=float)
        assert np.isnan(marks).tolist() == [False, True, False]
        assert marks[[0, 2]].tolist() == chance
        assert [(text.get_text(), text.get_position()[0]) for text in axes.texts] == [("one label", 1)]
    assert [label.get_text() for label in kept[0].axes[1].get_xticklabels()] == ["a", "b", "c"]


@every_figure
@pytest.mark.parametrize(
    ("labels", "scores"), [([1, 1, 1], [0.2, 0.5, 0.1]), ([0, 1], [0.5, np.nan]), ([0, 1, 1], [0.1, 0.2])]
)
def test_errors_of_the_metrics_pass_through_and_the_old_figure_stays(draw, labels, scores, tmp_path: Path):
    path = tmp_path / "figure.png"
    path.write_text("old")
    with pytest.raises(MetricError):
        draw(labels, scores, path)
    assert path.read_text() == "old"


@every_figure
def test_a_failure_of_drawing_leaves_the_old_figure(draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(self: Figure, path: Path, **_: object) -> None:
        path.write_bytes(PNG)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    path = tmp_path / "figure.png"
    path.write_text("old")
    with pytest.raises(OutputError, match=r"figure\.png: No space left"):
        draw(LABELS, SCORES, path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["figure.png"]
