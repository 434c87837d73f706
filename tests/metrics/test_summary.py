from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn import metrics
from epidyn.errors import MetricError

LABELS = [1, 0, 1, 1, 0, 0, 0]
SCORES = [0.9, 0.8, 0.7, 0.4, 0.4, 0.3, 0.1]


def slow_auroc(labels, scores) -> float:
    wins = [
        (p > n) + 0.5 * (p == n)
        for p, y in zip(scores, labels, strict=True)
        if y
        for n, z in zip(scores, labels, strict=True)
        if not z
    ]
    return float(np.mean(wins))


def slow_average_precision(labels, scores) -> float:
    total, last = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = [y for s, y in zip(scores, labels, strict=True) if s >= threshold]
        recall = sum(called) / sum(labels)
        total += (recall - last) * sum(called) / len(called)
        last = recall
    return total


tables = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5).map(lambda x: x / 5)), min_size=2, max_size=30)


@settings(deadline=None)  # the first call loads scikit-learn
@given(tables.filter(lambda rows: len({y for y, _ in rows}) == 2))
def test_areas_are_their_definitions(rows):
    labels, scores = zip(*rows, strict=True)
    assert metrics.auroc(labels, scores) == pytest.approx(slow_auroc(labels, scores))
    assert metrics.aupr(labels, scores) == pytest.approx(slow_average_precision(labels, scores))


def test_summary_by_hand():
    got = metrics.summarise(LABELS, SCORES, threshold=0.5)
    # At 0.5: 2 true and 1 false positive, 1 false and 3 true negatives.
    assert got["precision"] == pytest.approx(2 / 3)
    assert got["recall"] == pytest.approx(2 / 3)
    assert got["f1"] == pytest.approx(2 / 3)
    assert got["mcc"] == pytest.approx((2 * 3 - 1 * 1) / np.sqrt(3 * 3 * 4 * 4))
    assert (got["pairs"], got["positives"], got["negatives"]) == (7, 3, 4)
    assert got["prevalence"] == pytest.approx(3 / 7)
    assert got["auroc"] == pytest.approx(slow_auroc(LABELS, SCORES))


def test_threshold_is_inclusive():
    assert metrics.summarise([0, 1], [0.2, 0.5], threshold=0.5)["recall"] == 1
    assert metrics.summarise([0, 1], [0.2, 0.5], threshold=0.51)["recall"] == 0


def slow_precision_at_recall(labels, scores, least: float) -> float:
    for threshold in sorted(set(scores), reverse=True):
        called = [y for s, y in zip(scores, labels, strict=True) if s >= threshold]
        if sum(called) >= least * sum(labels):
            return sum(called) / len(called)
    raise AssertionError


@settings(deadline=None)  # the first call loads scikit-learn
@given(tables.filter(lambda rows: len({y for y, _ in rows}) == 2))
def test_precision_at_recall_is_its_definition(rows):
    labels, scores = zip(*rows, strict=True)
    got = metrics.precision_at_recall(labels, scores)
    assert list(got) == ["0.1", "0.25", "0.5"]
    for least, precision in got.items():
        assert precision == pytest.approx(slow_precision_at_recall(labels, scores, float(least)))


def test_precision_at_recall_by_hand():
    # 10 positives, the first called alone is recall 0.1 exactly; then a tie of 2 positives and 6 negatives.
    labels = [1] + [1, 1, 0, 0, 0, 0, 0, 0] + [1] * 7 + [0] * 24
    scores = [0.9] + [0.5] * 8 + [0.3] * 7 + [0.1] * 24
    got = metrics.summarise(labels, scores)
    assert got["precision_at_recall"] == pytest.approx({"0.1": 1, "0.25": 3 / 9, "0.5": 10 / 16})
    assert got["enrichment_at_recall"] == pytest.approx({"0.1": 4, "0.25": 4 / 3, "0.5": 2.5})


def test_precision_at_recall_ranks_by_the_logit_where_probabilities_saturate():
    got = metrics.summarise([1, 0, 0], [1.0, 1.0, 1.0], ranking=[30.0, 20.0, 19.0])
    assert got["precision_at_recall"]["0.5"] == 1


def test_brier_by_hand():
    assert metrics.brier([1, 0, 0, 1], [0.9, 0.5, 0, 0.2]) == pytest.approx((0.01 + 0.25 + 0 + 0.64) / 4)
    assert metrics.summarise(LABELS, SCORES)["brier"] == pytest.approx(metrics.brier(LABELS, SCORES))


def test_calibration_curve_of_a_model_that_is_right_is_the_diagonal():
    rng = np.random.default_rng(0)
    probabilities = rng.beta(0.5, 3, size=50_001)
    curve = metrics.calibration_curve(rng.random(50_001) < probabilities, probabilities)
    assert curve["observed"] == pytest.approx(curve["probability"], abs=0.02)
    assert sorted(curve["probability"]) == curve["probability"]
    assert set(curve["pairs"]) <= {5000, 5001}
    assert sum(curve["pairs"]) == 50_001


def test_calibration_curve_by_hand_keeps_ties_together():
    labels = [0, 0, 1, 0, 1, 1]
    curve = metrics.calibration_curve(labels, [0.1, 0.1, 0.1, 0.1, 0.6, 0.8], bins=3)
    assert curve["pairs"] == [4, 2]
    assert curve["probability"] == pytest.approx([0.1, 0.7])
    assert curve["observed"] == pytest.approx([0.25, 1])
    shuffled = metrics.calibration_curve(labels[::-1], [0.8, 0.6, 0.1, 0.1, 0.1, 0.1], bins=3)
    assert shuffled == curve


def test_curves_enclose_the_areas():
    points = metrics.curves(LABELS, SCORES)
    area = np.trapezoid(points["true_positive_rate"], points["false_positive_rate"])
    assert area == pytest.approx(metrics.auroc(LABELS, SCORES))
    steps = -np.diff(points["recall"]) * np.array(points["precision"][:-1])
    assert steps.sum() == pytest.approx(metrics.aupr(LABELS, SCORES))


@pytest.mark.parametrize(
    ("labels", "scores", "names"),
    [
        ([1, 1], [0.1, 0.2], "need both"),
        ([0, 2], [0.1, 0.2], "only 0 and 1"),
        ([0, 1], [0.1, float("nan")], "not finite"),
        ([0, 1], [0.1], "one length"),
        ([0, 1], [0.1, 1.5], "1.5"),
    ],
)
def test_refuses(labels, scores, names: str):
    with pytest.raises(MetricError, match=names):
        metrics.summarise(labels, scores)
