from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from epidyn import metrics
from epidyn.errors import MetricError
from epidyn.metrics import resampling
from epidyn.metrics.resampling import Ranked


def clustered(seed: int, *, spread: float, pairs: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores and chromosomes of a model that is better on some of 22 chromosomes than on others."""
    rng = np.random.default_rng(seed)
    chromosome = rng.integers(22, size=pairs)
    labels = (rng.random(pairs) < 0.2).astype(int)
    separation = 1 + spread * rng.standard_normal(22)
    return labels, rng.standard_normal(pairs) + labels * separation[chromosome], chromosome


def expected(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    return metrics.auroc(labels, scores), metrics.aupr(labels, scores)


@pytest.mark.parametrize("label", [0, 1])
def test_a_draw_without_one_label_has_no_areas(label: int):
    labels, units = np.array([0, 1, label]), np.array([0, 1, 2])
    counts = np.array([[0, 1], [0, 1], [5, 0]], dtype=float)
    got = Ranked(labels, np.array([0.5, 0.5, 0.1]), units).areas(counts)
    assert np.isnan(got[0]).all()
    assert got[1].tolist() == [0.5, 0.5]


def test_areas_equal_those_of_repeated_pairs_with_ties():
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 2, 70), rng.integers(0, 9, 70).astype(float)
    units = rng.integers(0, 11, 70)
    counts = rng.integers(0, 4, (11, 3))
    got = Ranked(labels, scores, units).areas(counts.astype(float))
    for draw in range(3):
        repeated = (np.repeat(each, counts[units, draw]) for each in (labels, scores))
        assert got[draw] == pytest.approx(expected(*repeated), abs=1e-12)


def test_block_intervals_cover_the_truth_and_pair_intervals_do_not():
    # The truth by a sample so large, of so many chromosomes, that its own error does not matter.
    rng = np.random.default_rng(0)
    separation = 1 + 0.5 * rng.standard_normal(400_000)
    labels = rng.random(400_000) < 0.2
    scores = rng.standard_normal(400_000) + labels * separation
    truth = {"auroc": metrics.auroc(labels, scores), "aupr": metrics.aupr(labels, scores)}
    covered = {"blocks": np.zeros(2), "pairs": np.zeros(2)}
    for seed in range(500):
        labels, scores, chromosome = clustered(seed, spread=0.5)
        for kind, blocks in (("blocks", chromosome), ("pairs", None)):
            found = metrics.intervals(labels, scores, blocks=blocks, draws=150, seed=seed)
            covered[kind] += [found[name].low <= truth[name] <= found[name].high for name in truth]
    assert ((covered["blocks"] >= 0.90 * 500) & (covered["blocks"] <= 0.98 * 500)).all(), covered
    assert (covered["pairs"] < covered["blocks"] - 25).all(), covered


def equals(seed: int, *, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores of two models of equal expected AUROC, each better on chromosomes of its own, chromosomes."""
    rng = np.random.default_rng([7, seed])
    chromosome = rng.integers(22, size=900)
    labels = (rng.random(900) < 0.2).astype(int)
    separation = 1 + spread * rng.standard_normal((2, 22))
    first, second = rng.standard_normal((2, 900)) + labels * separation[:, chromosome]
    return labels, first, second, chromosome


def p_of_equals(simulations: int, *, by_chromosome: bool) -> dict[str, np.ndarray]:
    found = []
    for seed in range(simulations):
        labels, first, second, chromosome = equals(seed, spread=0.4)
        blocks = chromosome if by_chromosome else None
        found.append(metrics.compare(labels, first, second, blocks=blocks, draws=150, seed=seed))
    return {name: np.array([each[name].p for each in found]) for name in ("auroc", "aupr")}


def test_p_of_two_equal_models_is_uniform_by_chromosomes():
    for name, values in p_of_equals(1000, by_chromosome=True).items():
        assert stats.kstest(values, "uniform").pvalue > 0.01, name
        assert 0.035 < (values < 0.05).mean() < 0.075, name


def test_p_of_two_equal_models_is_too_small_by_pairs():
    for name, values in p_of_equals(300, by_chromosome=False).items():
        assert stats.kstest(values, "uniform").pvalue < 1e-4, name
        assert (values < 0.05).mean() > 0.11, name


def test_a_real_difference_is_found_and_signed():
    labels, good, chromosome = clustered(3, spread=0.1, pairs=3000)
    worse = good + 2 * np.random.default_rng(4).standard_normal(3000)
    found = metrics.compare(labels, good, worse, blocks=chromosome, draws=200)["auroc"]
    assert found.difference == pytest.approx(metrics.auroc(labels, good) - metrics.auroc(labels, worse))
    assert 0 < found.low < found.difference < found.high
    assert found.p < 1e-4
    turned = metrics.compare(labels, worse, good, blocks=chromosome, draws=200)["auroc"]
    assert turned.difference == -found.difference
    assert turned.p == pytest.approx(found.p)


def test_intervals_hold_the_value_and_stay_between_0_and_1():
    labels, scores, chromosome = clustered(5, spread=0.5, pairs=120)
    for blocks in (None, chromosome):
        for found in metrics.intervals(labels, scores, blocks=blocks, draws=100).values():
            assert 0 <= found.low <= found.value <= found.high <= 1
    perfect = metrics.intervals(labels, labels, draws=50)["auroc"]
    assert (perfect.low, perfect.value, perfect.high) == pytest.approx((1, 1, 1))


def test_a_draw_that_happens_to_be_perfect_does_not_widen_the_interval_without_bound():
    labels = np.repeat([0, 1], [200, 8])
    scores = np.concatenate([np.linspace(0, 1, 200), [0.97, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]])
    found = metrics.intervals(labels, scores, draws=300)["auroc"]
    assert found.value > 0.995
    assert found.low > 0.95


def test_a_difference_that_is_the_same_in_every_draw_is_certain():
    labels = np.repeat([0, 1], 20)
    found = metrics.compare(labels, labels, -labels, draws=50)["auroc"]
    assert (found.difference, found.low, found.high, found.p) == (1, 1, 1, 0)


@pytest.mark.parametrize("numbers", [1, 3000])
def test_draws_are_the_same_however_many_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch, numbers: int):
    labels, scores, chromosome = clustered(9, spread=0.5, pairs=200)
    at_once = metrics.intervals(labels, scores, blocks=chromosome, draws=51)
    monkeypatch.setattr(resampling, "_CHUNK", numbers)
    assert metrics.intervals(labels, scores, blocks=chromosome, draws=51) == at_once


def test_one_bootstrap_answers_for_many_scores():
    labels, first, chromosome = clustered(10, spread=0.5)
    second = first + np.random.default_rng(0).standard_normal(len(first))
    both = resampling.Bootstrap(labels, [first, second], blocks=chromosome, draws=60, seed=4)
    alone = metrics.intervals(labels, second, blocks=chromosome, draws=60, seed=4)
    assert both.intervals(1) == alone
    assert both.intervals(0) != alone
    assert both.compare(1, 0) == metrics.compare(labels, second, first, blocks=chromosome, draws=60, seed=4)


def test_the_seed_decides():
    labels, scores, chromosome = clustered(6, spread=0.5)
    one, same, other = (
        metrics.intervals(labels, scores, blocks=chromosome, draws=50, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other


def test_equal_scores_differ_by_nothing():
    labels, scores, chromosome = clustered(7, spread=0.5)
    found = metrics.compare(labels, scores, scores, blocks=chromosome, draws=20)["aupr"]
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("p", "text"), [(0, "< 0.001"), (3e-117, "< 0.001"), (0.00099, "< 0.001"), (0.001, "0.001"), (0.0471, "0.047")]
)
def test_p_is_told_no_more_precisely_than_it_is_known(p: float, text: str):
    assert metrics.Comparison(0.1, 0, 0.2, p, 0.95, 0).p_text == text


def test_what_was_drawn_is_said():
    assert metrics.Interval(0.5, 0.4, 0.6, 0.95, 22).drawn == "22 chromosomes"
    assert metrics.Comparison(0.5, 0.4, 0.6, 0.5, 0.95, 0).drawn == "single pairs: too narrow"


def test_refuses_too_few_blocks_and_one_label():
    labels, scores, _ = clustered(8, spread=0.5)
    with pytest.raises(MetricError, match=r"needs 3 of them or more; these pairs lie in 2: chr1, chr2"):
        metrics.intervals(labels, scores, blocks=np.where(np.arange(len(labels)) % 2, "chr1", "chr2"))
    with pytest.raises(MetricError, match="all 3 labels are the same"):
        metrics.intervals([1, 1, 1], [0.1, 0.2, 0.3])
    with pytest.raises(MetricError, match="1 of 1 draws have both labels; an interval needs 2 or more"):
        metrics.intervals(labels, scores, draws=1)
