from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from epidyn.report.experiments import EXPERIMENTS, FULL, Place, Traits, architecture, is_default_copies, places
from tests.nn.toys import VARIANTS, small_config


def traits(network: dict[str, Any] | None = None, **changes: Any) -> Traits:
    usual: dict[str, Any] = {
        "line": "NHEK",
        "copies": 20,
        "default_copies": True,
        "optimizer": "NAdam",
        "regime": "specific",
        "split": "random",
    }
    return Traits(network=small_config(**(network or {})), **{**usual, **changes})


def where(*given: Any, **changes: Any) -> dict[str, str]:
    return {place.experiment: place.what for place in places(traits(*given, **changes))}


def test_the_eight_architectures_have_the_articles_names():
    names = [architecture(small_config(**VARIANTS[name])) for name in list(VARIANTS)[:8]]
    assert sorted(names) == sorted(EXPERIMENTS["architecture"].expected)


def test_the_published_run_serves_every_experiment_of_the_random_split():
    assert where() == {
        "architecture": FULL,
        "fusion": "dynamic",
        "oversampling": "20x",
        "optimisers": "NAdam",
        "regimes": "EPI-DynFusion-spe",
        "cross-line": "NHEK",
        "complexity": "EPI-DynFusion",
    }


@pytest.mark.parametrize(
    ("network", "changes", "expected"),
    [
        (
            {"gru": False, "cbam": False},
            {},
            {"architecture": "CNN + Transformer", "complexity": "CNN + Transformer"},
        ),
        ({"cbam": False}, {}, {"architecture": "CNN + Transformer + BiGRU + DynFusion"}),
        ({"fusion": "fixed"}, {}, {"fusion": "fixed weights"}),
        ({"fusion": "gated"}, {}, {"fusion": "gated"}),
        # Nothing to fuse without the transformer: the setting says nothing.
        ({"transformer": False, "cbam": False, "fusion": "fixed"}, {}, {"architecture": "CNN + BiGRU"}),
        ({}, {"copies": 5, "default_copies": False}, {"oversampling": "5x"}),
        ({}, {"optimizer": "RMSprop"}, {"optimisers": "RMSprop"}),
        ({}, {"regime": "general"}, {"regimes": "EPI-DynFusion-gen", "general": "EPI-DynFusion-gen"}),
        ({}, {"regime": "fine-tuned"}, {"regimes": "EPI-DynFusion-best", "comparison": "EPI-DynFusion-best"}),
        (
            {},
            {"regime": "general", "strict": True},
            {"regimes": "EPI-DynFusion-gen, strict pooling", "general": "EPI-DynFusion-gen, strict pooling"},
        ),
        ({}, {"split": "loco", "folds": True}, {"loco": "EPI-DynFusion"}),
        ({}, {"split": "loco", "folds": True, "regime": "general"}, {"loco": "EPI-DynFusion-gen"}),
        ({}, {"bengi": True}, {"bengi": "EPI-DynFusion"}),
    ],
)
def test_one_change_is_one_experiment(network: dict[str, Any], changes: dict[str, Any], expected: dict[str, str]):
    assert where(network, **changes) == expected


@pytest.mark.parametrize(
    ("network", "changes", "expected"),
    [
        ({"gru": False}, {"optimizer": "Adam"}, {"other": "CNN + Transformer + CBAM, Adam"}),
        ({"fusion": "fixed"}, {"copies": 0, "default_copies": False}, {"other": None}),
        ({"cbam": False}, {"regime": "fine-tuned"}, {"other": None}),
        ({}, {"bengi": True, "optimizer": "Adam"}, {"other": "EPI-DynFusion, Adam, BENGI"}),
        # One chromosome is no mean over chromosomes.
        ({}, {"split": "loco"}, {"other-splits": "loco: EPI-DynFusion"}),
        ({"gru": False}, {"split": "loco", "folds": True}, {"other-splits": "loco: CNN + Transformer + CBAM"}),
        ({}, {"split": "element-disjoint"}, {"other-splits": "element-disjoint: EPI-DynFusion"}),
        ({}, {"split": "chromosome", "bengi": True}, {"other-splits": "chromosome: EPI-DynFusion, BENGI"}),
    ],
)
def test_two_changes_are_no_experiment_of_the_article(
    network: dict[str, Any], changes: dict[str, Any], expected: dict[str, str | None]
):
    found = where(network, **changes)
    assert set(found) == set(expected)
    for experiment, what in expected.items():
        assert what is None or found[experiment] == what


def test_every_run_is_in_some_experiment_once():
    axes = product(
        VARIANTS.values(),
        (True, False),
        ("NAdam", "AdamW"),
        ("specific", "general", "fine-tuned"),
        ("random", "loco", "chromosome"),
        (True, False),
    )
    for network, default, optimizer, regime, split, bengi in axes:
        found = places(
            traits(network, default_copies=default, optimizer=optimizer, regime=regime, split=split, bengi=bengi)
        )
        assert found
        assert len({place.experiment for place in found}) == len(found)
        assert all(isinstance(place, Place) and place.experiment in EXPERIMENTS for place in found)


def test_the_rule_and_the_published_number_are_the_usual_copies():
    assert [is_default_copies(copies) for copies in ("balanced", 20, 0, 25)] == [True, True, False, False]
