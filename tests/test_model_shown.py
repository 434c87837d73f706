"""What a model looks like at a prompt and in a notebook."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from epidyn import Model
from epidyn.calibration import fit_calibration
from epidyn.model import Provenance
from epidyn.nn import EpiDynFusion
from epidyn.scoring import NetworkScorer
from tests.nn.toys import small_config

KNOWN: dict[str, Any] = {
    "cell_lines": ["GM12878", "K562"],
    "regime": "general",
    "split": {"kind": "loco", "fold": "chr8", "leakage": {"summary": "no pair is shared", "promoter_seen": 0.5}},
    "training_prevalence": 0.3125,
    "training": {"epochs": 77},
    "metrics": {
        "validation": {"val_auroc": 0.87654, "val_aupr": 0.7},
        "test": {"auroc": 0.9, "aupr": None, "pairs": 12},
    },
}


@pytest.fixture(scope="module")
def network() -> EpiDynFusion:
    with torch.random.fork_rng(devices=[]):
        return EpiDynFusion(small_config())


def model(network: EpiDynFusion, **known: Any) -> Model:
    return Model(NetworkScorer(network), Provenance(**known))


def test_all_that_matters_is_said(network: EpiDynFusion):
    said = dict(model(network, **KNOWN).summary())
    assert said["kind"] == "network"
    assert said["windows"] == "enhancer 83 bp, promoter 61 bp"
    assert said["parameters"] == f"{sum(each.numel() for each in network.state_dict().values()):,}"
    assert said["cell lines"] == "GM12878, K562"
    assert said["regime"] == "general"
    assert said["split"] == "kind loco, fold chr8"
    assert said["leakage"] == "no pair is shared"
    assert said["training prevalence"] == "0.3125"
    assert said["validation"] == "AUROC 0.8765, AUPR 0.7"
    assert said["test"] == "AUROC 0.9, pairs 12"
    assert "calibration" not in said


def test_a_prompt_and_a_notebook_show_the_same(network: EpiDynFusion):
    shown = model(network, **KNOWN)
    for text in (repr(shown), shown._repr_html_()):
        assert all(value in text for _, value in shown.summary())
        assert "77" not in text
    assert repr(shown).startswith("<Model kind: network; windows: enhancer 83 bp")


def test_a_model_of_unknown_origin(network: EpiDynFusion):
    assert [name for name, _ in model(network).summary()] == ["kind", "windows", "parameters"]


def test_calibration_is_said(network: EpiDynFusion):
    calibration = fit_calibration(np.tile([-2.0, -1.0, 0.5, 2.0], 20), np.tile([0, 1, 0, 1], 20))
    assert dict(model(network, calibration=calibration).summary())["calibration"] == calibration.words()


def test_markup_in_a_model_file_is_text(network: EpiDynFusion):
    attack = "<script>alert(1)</script>"
    hostile = {
        "cell_lines": [attack],
        "regime": attack,
        "split": {attack: attack, "leakage": {"summary": attack}},
        "metrics": {attack: {"auroc": attack}},
    }
    shown = model(network, **hostile)._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 7


def test_values_of_other_kinds_are_shown_as_they_are(network: EpiDynFusion):
    odd = model(network, split={"leakage": ["none", 3]}, metrics={"test": "unknown", "other": {"mcc": 0.1}})
    said = dict(odd.summary())
    assert (said["leakage"], said["test"], said["other"]) == ("none; 3", "unknown", "")
    assert dict(odd.describe())["leakage"] == "none; 3"
    assert "unknown" in odd._repr_html_()
