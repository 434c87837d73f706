from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import optimize

from epidyn.calibration import Calibration, fit_calibration, prevalence_shift, sigmoid
from epidyn.errors import ConfigError, MetricError


def test_sigmoid_of_large_logits():
    got = sigmoid(np.array([-1e4, -1.0, 0.0, 1.0, 1e4]))
    assert got.dtype == np.float32
    assert got.tolist() == pytest.approx([0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_shift_is_bayes_rule(trained: float, wanted: float, probability: float):
    """A likelihood ratio read off at one prevalence gives the posterior at the other."""
    odds = probability / (1 - probability)
    ratio = odds / (trained / (1 - trained))
    posterior = ratio * wanted / (ratio * wanted + 1 - wanted)
    assert sigmoid(np.array(np.log(odds) + prevalence_shift(trained, wanted))) == pytest.approx(
        posterior, abs=1e-6
    )


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, 5.0])
def test_refuses_what_is_no_prevalence(bad: float):
    with pytest.raises(ConfigError, match=r"--prevalence"):
        prevalence_shift(0.5, bad)


def overconfident(seed: int, pairs: int, prevalence: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a model that is far too sure and was trained at even odds, and labels.

    With normal logits of means -1 and 1 and variance 1 the true log-odds are 2 x plus those of the prevalence; the
    model says 6 x.
    """
    rng = np.random.default_rng(seed)
    labels = (rng.random(pairs) < prevalence).astype(np.int8)
    evidence = rng.standard_normal(pairs) + 2 * labels - 1
    return (6 * evidence).astype(np.float32), labels


def log_loss(labels: np.ndarray, log_odds: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0, np.where(labels == 1, -log_odds, log_odds))))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_new_pairs_interact_as_often_as_calibration_says(method):
    fitted = fit_calibration(*overconfident(1, 40_000), method)
    logits, labels = overconfident(2, 200_000)
    probability = sigmoid(fitted.log_odds(logits))
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1.0)):
        these = (probability >= low) & (probability < high)
        assert these.sum() > 3000
        assert labels[these].mean() == pytest.approx(probability[these].mean(), abs=0.02)
    before, after = (np.mean((each - labels) ** 2) for each in (sigmoid(logits), probability))
    assert fitted.brier_before == pytest.approx(before, rel=0.05)
    assert fitted.brier_after == pytest.approx(after, rel=0.05)
    assert after < 0.6 * before


def test_platt_finds_the_line_of_least_loss():
    logits, labels = overconfident(3, 500)
    fitted = fit_calibration(logits, labels)
    best = optimize.minimize(lambda line: log_loss(labels, line[0] * logits + line[1]), [0.1, 0.0], tol=1e-12)
    assert (fitted.slope, fitted.intercept) == pytest.approx(best.x, rel=1e-4)
    at = np.array([-3.0, 0.0, 7.0], dtype=np.float32)
    assert fitted.log_odds(at).tolist() == pytest.approx((fitted.slope * at + fitted.intercept).tolist())
    assert (fitted.method, fitted.pairs, fitted.positives) == ("platt", 500, labels.sum())
    assert fitted.prevalence == labels.mean()


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_platt_does_not_mind_the_scale_of_the_logits(factor: float):
    logits, labels = overconfident(3, 500)
    plain, scaled = fit_calibration(logits, labels), fit_calibration(logits.astype(float) * factor, labels)
    assert scaled.slope * factor == pytest.approx(plain.slope, rel=1e-4)
    assert scaled.intercept == pytest.approx(plain.intercept, rel=1e-4)


def test_isotonic_by_hand():
    logits = np.repeat([-2.0, -1.0, 1.0, 3.0], 50)
    labels = np.concatenate([np.repeat([0, 1], each) for each in ((50, 0), (20, 30), (40, 10), (5, 45))])
    fitted = fit_calibration(logits, labels, "isotonic")
    # The two in the middle fall, so they are pooled: 40 of 100. Of the first none interacts: half a pair of 201.
    at = np.array([-9, -2, -1, 0, 1, 2, 3, 99], dtype=np.float32)
    expected = [0.5 / 201, 0.5 / 201, 0.4, 0.4, 0.4, 0.65, 0.9, 0.9]
    np.testing.assert_allclose(sigmoid(fitted.log_odds(at)), expected, rtol=1e-5)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_higher_logit_is_never_less_likely(method):
    fitted = fit_calibration(*overconfident(4, 300), method)
    assert (np.diff(fitted.log_odds(np.linspace(-50, 50, 5001))) >= 0).all()


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_calibration_survives_being_written(method):
    fitted = fit_calibration(*overconfident(5, 300), method)
    read = Calibration.model_validate_json(fitted.model_dump_json())
    assert read == fitted
    at = np.linspace(-9, 9, 41)
    assert read.log_odds(at).tolist() == fitted.log_odds(at).tolist()


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize(("negatives", "positives"), [(500, 19), (19, 500), (500, 0), (0, 500), (0, 0)])
def test_refuses_too_few_of_a_label(method, negatives: int, positives: int):
    labels = np.repeat([0, 1], [negatives, positives])
    words = f"20 pairs of each label or more; there are {positives} positive and {negatives} negative"
    with pytest.raises(MetricError, match=words):
        fit_calibration(np.random.default_rng(0).standard_normal(len(labels)), labels, method)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda logits, labels: -logits,
        lambda logits, labels: -1000.0 * labels + logits,
        lambda logits, labels: np.full(len(labels), 0.1),
    ],
    ids=["turned", "separated the wrong way", "all the same"],
)
def test_refuses_a_model_that_does_not_rank(method, wrong):
    logits, labels = overconfident(6, 400)
    with pytest.raises(MetricError, match="higher logits do not interact more often"):
        fit_calibration(wrong(logits, labels), labels, method)


def test_platt_refuses_labels_that_one_threshold_separates():
    labels = np.repeat([0, 1], 40)
    with pytest.raises(MetricError, match="isotonic"):
        fit_calibration(labels + np.linspace(0, 0.5, 80), labels)


PLATT = {"method": "platt", "slope": 1.0, "intercept": 0.0}
ISOTONIC = {"method": "isotonic", "logits": [-1.0, 0.5], "probabilities": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("base", "change", "words"),
    [
        (PLATT, {"slope": None}, "slope and intercept"),
        (PLATT, {"slope": float("nan")}, "finite"),
        (PLATT, {"intercept": float("inf")}, "finite"),
        (PLATT, {"slope": -1.0}, "greater than 0"),
        (PLATT, {"method": "magic"}, "platt"),
        (PLATT, {"positives": 3}, "greater than or equal to 20"),
        (PLATT, {"positives": 90}, "fewer than the pairs"),
        (ISOTONIC, {"logits": None}, "as many"),
        (ISOTONIC, {"logits": [1.0]}, "as many"),
        (ISOTONIC, {"logits": [0.5, -1.0]}, "rise"),
        (ISOTONIC, {"probabilities": [0.3, 0.2]}, "rise"),
        (ISOTONIC, {"probabilities": [0.3, 1.2]}, "0 to 1"),
    ],
)
def test_a_damaged_calibration_is_noticed(base, change, words: str):
    common = {"pairs": 90, "positives": 30, "brier_before": 0.2, "brier_after": 0.1}
    assert Calibration(**base, **common).prevalence == pytest.approx(1 / 3)
    with pytest.raises(ValidationError, match=words):
        Calibration(**{**base, **common, **change})
