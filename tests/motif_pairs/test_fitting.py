"""Terms that were planted are found, and nothing else: neither what validation holds nor chance."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from epidyn.motif_pairs import Sample, Terms, fit
from epidyn.motif_pairs.fitting import PATIENCE

FEATURES = 7
Features = tuple[np.ndarray, np.ndarray]


def draw(rng: np.random.Generator, elements: tuple[int, int], pairs: int) -> tuple[Features, np.ndarray]:
    """Draw features of elements, and pairs of them, (pairs, 2)."""
    shift, spread = rng.normal(size=FEATURES) * 5, rng.uniform(0.5, 4, FEATURES)
    features = tuple((shift + spread * rng.normal(size=(n, FEATURES))).astype(np.float32) for n in elements)
    assert len(features) == 2
    return features, rng.integers(0, elements, (pairs, 2))


def sample(which: np.ndarray, label: np.ndarray, rows: slice) -> Sample:
    return Sample(which[rows, 0], which[rows, 1], label[rows])


def standardised(features: Features) -> list[np.ndarray]:
    return [(each - each.mean(axis=0)) / each.std(axis=0) for each in features]


def held_out(terms: Terms, features: Features, part: Sample) -> float:
    rows = (part.enhancer, part.promoter)
    chosen = [terms.standardised(role, features[role][rows[role]]) for role in (0, 1)]
    return float(roc_auc_score(part.label, terms.logits(*chosen)))


@pytest.fixture(scope="module")
def planted() -> tuple[Features, np.ndarray, np.ndarray]:
    """Labels that follow feature 2 of the enhancer times 5 of the promoter, and feature 3 of the promoter."""
    rng = np.random.default_rng(4)
    features, which = draw(rng, (211, 173), 900)
    enhancer, promoter = standardised(features)
    enhancer, promoter = enhancer[which[:, 0]], promoter[which[:, 1]]
    logit = -1 + 3 * enhancer[:, 2] * promoter[:, 5] - 2 * promoter[:, 3]
    return features, which, (rng.random(900) < 1 / (1 + np.exp(-logit))).astype(np.int64)


def test_finds_what_was_planted(planted: tuple[Features, np.ndarray, np.ndarray]):
    features, which, label = planted
    terms, path = fit(features, sample(which, label, slice(500)), sample(which, label, slice(500, 700)))
    weights = dict(zip(map(tuple, terms.pairs.tolist()), terms.pair_weights.tolist(), strict=True))
    assert weights[2, 5] == pytest.approx(3, abs=0.9)
    assert terms.singles[1, 3] == pytest.approx(-2, abs=0.7)
    rest = [abs(weight) for pair, weight in weights.items() if pair != (2, 5)]
    assert max([*rest, *np.abs(np.delete(terms.singles.ravel(), FEATURES + 3))]) < 0.5
    assert held_out(terms, features, sample(which, label, slice(700, None))) > 0.9
    kept = path[path["kept"]].iloc[0]
    assert (kept["pairs"], kept["singles"]) == (len(terms.pairs), np.count_nonzero(terms.singles))
    assert kept["val_loss"] == path["val_loss"].min()
    assert path["penalty"].is_monotonic_decreasing
    assert (path.iloc[0][["singles", "pairs"]] == 0).all()
    assert len(path) - 1 - path["val_loss"].argmin() <= PATIENCE


def test_probabilities_hold_at_the_training_prevalence(planted: tuple[Features, np.ndarray, np.ndarray]):
    features, which, label = planted
    train = sample(which, label, slice(700))
    terms, _ = fit(features, train, sample(which, label, slice(700, None)))
    logits = terms.logits(
        terms.standardised(0, features[0][train.enhancer]), terms.standardised(1, features[1][train.promoter])
    )
    assert (1 / (1 + np.exp(-logits))).mean() == pytest.approx(train.label.mean(), abs=0.005)


def test_features_are_standardised_over_the_distinct_elements_of_training(
    planted: tuple[Features, np.ndarray, np.ndarray],
):
    features, which, label = planted
    train, validation = sample(which, label, slice(60)), sample(which, label, slice(60, 200))
    often = 1 + 9 * (np.arange(60) < 5)
    many = Sample(*(np.repeat(each, often) for each in (train.enhancer, train.promoter, train.label)))
    terms, _ = fit(features, many, validation)
    for role, rows in enumerate((train.enhancer, train.promoter)):
        expected = features[role][np.unique(rows)]
        assert terms.center[role] == pytest.approx(expected.mean(axis=0), rel=1e-5)
        assert terms.scale[role] == pytest.approx(expected.std(axis=0), rel=1e-5)


def test_validation_chooses_and_does_no_more(planted: tuple[Features, np.ndarray, np.ndarray]):
    features, which, label = planted
    train = sample(which, label, slice(500))
    rest = slice(500, None)
    for labels in (label, 1 - label):
        terms, path = fit(features, train, sample(which, labels, rest))
        counts = path[["penalty", "singles", "pairs"]].to_numpy().tolist()
        if labels is label:
            first, first_path = terms, counts
    assert first.center.tolist() == terms.center.tolist()
    shared = min(len(counts), len(first_path))
    assert counts[:shared] == first_path[:shared]
    assert len(first.pairs) > 0
    assert not len(terms.pairs)  # turned labels: a model without terms is best


def test_permuted_labels_teach_nothing():
    """Screening and choice see the training part alone.

    That is its own validation part here, so that there are terms; a look at other pairs would raise their AUROC.
    """
    rng = np.random.default_rng(9)
    found, fitted, counts = [], [], []
    for _ in range(20):
        features = tuple(rng.normal(size=(n, 60)).astype(np.float32) for n in (301, 287))
        assert len(features) == 2
        which, label = rng.integers(0, (301, 287), (700, 2)), rng.integers(0, 2, 700)
        train, test = sample(which, label, slice(300)), sample(which, label, slice(300, None))
        terms, _ = fit(features, train, train, screened=50)
        found.append(held_out(terms, features, test))
        fitted.append(held_out(terms, features, train))
        counts.append(len(terms.pairs))
    assert min(counts) >= 10
    assert min(fitted) > 0.8
    assert np.mean(found) == pytest.approx(0.5, abs=0.02)


def test_a_feature_that_never_varies_is_no_term(planted: tuple[Features, np.ndarray, np.ndarray]):
    features, which, label = planted
    changed = tuple(each.copy() for each in features)
    changed[0][:, 1] = 7
    assert len(changed) == 2
    terms, _ = fit(changed, sample(which, label, slice(600)), sample(which, label, slice(600, None)))
    assert terms.singles[0, 1] == 0
    assert 1 not in terms.pairs[:, 0]
    assert np.isfinite(held_out(terms, changed, sample(which, label, slice(600, None))))


def test_only_so_many_products_are_tried(planted: tuple[Features, np.ndarray, np.ndarray]):
    features, which, label = planted
    terms, _ = fit(features, sample(which, label, slice(600)), sample(which, label, slice(600, None)), screened=1)
    assert terms.pairs.tolist() == [[2, 5]]


def test_one_label_is_refused(planted: tuple[Features, np.ndarray, np.ndarray]):
    features, which, label = planted
    good = sample(which, label, slice(100))
    with pytest.raises(ValueError, match="both labels"):
        fit(features, good, sample(which, np.zeros_like(label), slice(100)))


def test_the_same_bits_twice(planted: tuple[Features, np.ndarray, np.ndarray]):
    features, which, label = planted
    parts = sample(which, label, slice(600)), sample(which, label, slice(600, None))
    first, second = (fit(features, *parts)[0] for _ in range(2))
    assert first.pair_weights.tolist() == second.pair_weights.tolist()
    assert first.singles.tolist() == second.singles.tolist()


def test_terms_by_hand():
    terms = Terms(
        center=np.array([[1.0, 0, 0], [0, 2, 0]]),
        scale=np.array([[2.0, 1, 1], [1, 4, 1]]),
        singles=np.array([[0.5, 0, 0], [0, 0, -1]]),
        pairs=np.array([[0, 1]]),
        pair_weights=np.array([3.0]),
        intercept=0.25,
    )
    enhancer = terms.standardised(0, np.array([[5, 9, 9]], dtype=np.float32))
    promoter = terms.standardised(1, np.array([[9, 10, 7]], dtype=np.float32))
    assert terms.logits(enhancer, promoter).tolist() == [0.25 + 0.5 * 2 - 7 + 3 * 2 * 2]
    assert terms.used().tolist() == [0, 1, 2]


def test_fewer_features_are_the_same_terms():
    rng = np.random.default_rng(3)
    singles = np.zeros((2, 6))
    singles[1, 4] = -1.5
    terms = Terms(
        center=rng.normal(size=(2, 6)),
        scale=rng.uniform(1, 2, (2, 6)),
        singles=singles,
        pairs=np.array([[5, 1], [1, 1]]),
        pair_weights=rng.normal(size=2),
        intercept=0.5,
    )
    used = terms.used()
    assert used.tolist() == [1, 4, 5]
    features = rng.normal(size=(2, 8, 6)).astype(np.float32)
    whole = terms.logits(*(terms.standardised(role, features[role]) for role in (0, 1)))
    less = terms.of(used)
    part = less.logits(*(less.standardised(role, features[role][:, used]) for role in (0, 1)))
    assert part == pytest.approx(whole)
