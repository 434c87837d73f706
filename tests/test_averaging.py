"""Two models averaged: lines and weight where the truth is known, and one file that holds both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from epidyn import Model
from epidyn.averaging import AveragedScorer, Line, Mixture, fit_mixture
from epidyn.errors import ModelFileError
from epidyn.matrices import Matrix
from epidyn.model import Provenance
from epidyn.motif_pairs import MotifPairsConfig, MotifPairsScorer, Terms
from epidyn.nn import EpiDynFusion
from epidyn.scoring import NetworkScorer
from tests.nn.toys import small_config

PAIRS = 4000


def draw(seed: int, *noise: float) -> tuple[list[np.ndarray], np.ndarray]:
    """Return logits of two models that each see the truth through their own noise, off scale, and labels."""
    rng = np.random.default_rng(seed)
    truth = 2 * rng.normal(size=PAIRS)
    labels = (rng.random(PAIRS) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    return [3 * (truth + each * rng.normal(size=PAIRS)) + 5 for each in noise], labels


def test_the_average_of_two_that_know_different_things_is_better_than_either():
    (first, second), labels = draw(0, 2.0, 2.0)
    mixture, _ = fit_mixture(first, second, labels, prevalence=labels.mean())
    assert 0.3 <= mixture.weight <= 0.7
    (held, other), truth = draw(1, 2.0, 2.0)
    averaged = roc_auc_score(truth, mixture(held, other))
    assert averaged > max(roc_auc_score(truth, held), roc_auc_score(truth, other)) + 0.02


def test_the_better_one_gets_the_weight():
    (first, second), labels = draw(2, 0.2, 8.0)
    assert fit_mixture(first, second, labels, prevalence=0.5)[0].weight > 0.85
    assert fit_mixture(second, first, labels, prevalence=0.5)[0].weight < 0.15


@pytest.mark.parametrize("useless", [np.zeros, lambda count: -np.arange(count, dtype=float)])
def test_one_that_does_not_rank_moves_nothing(useless):
    rng = np.random.default_rng(3)
    labels = np.sort(rng.integers(0, 2, 500))  # what falls along the table ranks it the wrong way
    good = labels + rng.normal(size=500)
    mixture, _ = fit_mixture(good, useless(500), labels, prevalence=0.5)
    assert mixture.motif_pairs.slope == 0
    assert roc_auc_score(labels, mixture(good, useless(500))) == pytest.approx(roc_auc_score(labels, good))


@pytest.mark.parametrize("prevalence", [0.5, 0.1])
def test_log_odds_hold_at_the_prevalence_asked_for(prevalence: float):
    (first, second), labels = draw(4, 0.5, 0.5)
    mixture, _ = fit_mixture(first, second, labels, prevalence=prevalence)
    probability = 1 / (1 + np.exp(-mixture(first, second)))
    weights = np.where(labels == 1, prevalence / labels.sum(), (1 - prevalence) / (1 - labels).sum())
    assert np.average(probability, weights=weights) == pytest.approx(prevalence, abs=0.02)


def test_a_table_that_either_separates_has_finite_lines():
    labels = np.repeat([0, 1], 20)
    mixture, loss = fit_mixture(labels * 9.0, labels * 2.0, labels, prevalence=0.5)
    assert np.isfinite([mixture.network.slope, mixture.motif_pairs.slope]).all()
    assert loss < 0.1


@pytest.fixture
def scorer() -> AveragedScorer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = NetworkScorer(EpiDynFusion(small_config()).eval())
    rng = np.random.default_rng(0)
    lengths = {f"{role}_length": length for role, length in network.lengths.items()}
    terms = Terms(
        rng.normal(size=(2, 3)),
        rng.uniform(0.5, 2, (2, 3)),
        rng.normal(size=(2, 3)),
        np.array([[0, 1], [2, 0]]),
        np.array([1.5, -0.5]),
        0.3,
    )
    matrices = [Matrix(f"M{n}", f"m{n}", "own", rng.dirichlet([1] * 4, n)) for n in (5, 7)]
    pairs = MotifPairsScorer(MotifPairsConfig(**lengths), matrices, terms)
    mixture = Mixture(
        weight=0.35, network=Line(slope=2, intercept=-1), motif_pairs=Line(slope=0.25, intercept=0.5)
    )
    return AveragedScorer(network, pairs, mixture)


def codes(scorer: AveragedScorer, count: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 5, (count, length)).astype(np.uint8) for length in scorer.lengths.values()]


def logits(scorer: object, windows: list[np.ndarray]) -> np.ndarray:
    stems = [scorer.encode(role, each) for role, each in zip(("enhancer", "promoter"), windows, strict=True)]
    return scorer.score(*stems)


def test_scores_are_the_average_of_both(scorer: AveragedScorer):
    windows = codes(scorer)
    expected = 0.35 * (2 * logits(scorer.network, windows) - 1)
    expected += 0.65 * (0.25 * logits(scorer.motif_pairs, windows) + 0.5)
    np.testing.assert_allclose(logits(scorer, windows), expected, rtol=1e-4, atol=1e-4)
    for role, each in zip(("enhancer", "promoter"), windows, strict=True):
        stem = scorer.encode(role, each)
        assert stem[0].numel() * stem.element_size() == scorer.stem_bytes[role]


def test_one_file_holds_both(scorer: AveragedScorer, tmp_path: Path):
    model = Model(scorer, Provenance(training_prevalence=0.25))
    model.save(tmp_path / "both.safetensors")
    again = Model.load(tmp_path / "both.safetensors")
    assert np.array_equal(logits(again.scorer, codes(scorer)), logits(scorer, codes(scorer)))
    shown = dict(again.describe())
    assert shown["kind"] == "both"
    assert shown["both.weight of the network"] == "0.35"
    assert any("at the enhancer with" in value for name, value in shown.items() if "motif pairs, term" in name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda configuration, tensors: configuration["mixture"].update(weight=1.5), "mixture.weight"),
        (lambda configuration, tensors: configuration["mixture"]["network"].update(slope=float("nan")), "slope"),
        (lambda configuration, tensors: configuration.pop("network"), "network"),
        (lambda configuration, tensors: tensors.update(other=torch.zeros(1)), "'other' belongs to neither"),
        (lambda configuration, tensors: tensors.pop("motif_pairs.center"), "center"),
        (
            lambda configuration, tensors: configuration["motif_pairs"].update(enhancer_length=7),
            "read other windows",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(scorer: AveragedScorer, change, words: str):
    configuration, tensors = scorer.configuration(), scorer.tensors()
    change(configuration, tensors)
    with pytest.raises(ModelFileError) as told:
        AveragedScorer.restore(configuration, tensors)
    assert words in str(told.value)
