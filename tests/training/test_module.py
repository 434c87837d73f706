from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from epidyn.nn import EpiDynFusion
from epidyn.training.config import TrainingConfig
from epidyn.training.module import NetworkModule, balanced_loss
from tests.nn.toys import small_codes, small_config


def test_loss_at_its_own_prevalence_is_the_plain_mean():
    torch.manual_seed(0)
    logits, labels = torch.randn(10, dtype=torch.float64), torch.tensor([1.0] * 3 + [0.0] * 7)
    plain = F.binary_cross_entropy_with_logits(logits, labels.double()).item()
    assert balanced_loss(logits, labels, prevalence=0.3) == pytest.approx(plain)


def test_loss_does_not_depend_on_how_often_negatives_occur():
    torch.manual_seed(0)
    positive, negative = torch.randn(3, dtype=torch.float64), torch.randn(7, dtype=torch.float64)
    few = balanced_loss(torch.cat([positive, negative]), torch.tensor([1.0] * 3 + [0.0] * 7), prevalence=0.5)
    many = torch.cat([positive, negative.repeat(5)])
    assert balanced_loss(many, torch.tensor([1.0] * 3 + [0.0] * 35), prevalence=0.5) == pytest.approx(few)


def test_compiles_what_it_computes_and_keeps_the_network_as_it_is(monkeypatch: pytest.MonkeyPatch):
    compiled = []

    def compile_(function):
        compiled.append(function)
        return lambda *codes: function(*codes) + 1

    monkeypatch.setattr(torch, "compile", compile_)
    network = EpiDynFusion(small_config(dropout=0.0, transformer_dropout=0.0, attention_dropout=0.0))
    names = list(network.state_dict())
    enhancer, promoter = small_codes()
    batch = {"enhancer": enhancer, "promoter": promoter, "label": torch.ones(4)}
    plain = NetworkModule(network, TrainingConfig()).training_step(batch, 0)
    assert compiled == []
    other = NetworkModule(network, TrainingConfig(compile=True))
    assert other.training_step(batch, 0) < plain
    assert compiled == [network.forward]
    assert list(other.state_dict()) == [f"network.{name}" for name in names]
