"""Gradients as a quick look: their shares add up, and rank masks much as the exact effects do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from epidyn.elements import ROLES
from epidyn.errors import ConfigError
from epidyn.interpret.gradients import INTEGRATION_POINTS, estimated_effects, kmer_shares
from epidyn.interpret.mutagenesis import PairScan, Perturbations, masks
from epidyn.nn import EpiDynFusion
from tests.interpret.test_mutagenesis import toy_codes, toy_network
from tests.nn.toys import VARIANTS, small_config


@pytest.fixture(scope="module")
def trained() -> tuple[EpiDynFusion, dict]:
    """A small network that has learnt a motif of either element, and a pair that holds both."""
    rng = np.random.default_rng(2)
    motif = np.array([0, 2, 1, 3, 2, 0, 1, 3], dtype=np.uint8)
    pairs = {
        role: rng.integers(0, 4, (128, length)).astype(np.uint8)
        for role, length in zip(ROLES, (83, 61), strict=True)
    }
    for codes in pairs.values():
        codes[:64, 30:38] = motif
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = EpiDynFusion(small_config())
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        given = [torch.from_numpy(pairs[role]) for role in ROLES]
        labels = (torch.arange(128) < 64).float()
        for _ in range(60):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(network(*given), labels).backward()
            optimizer.step()
    return network.eval(), {role: codes[0] for role, codes in pairs.items()}


@pytest.mark.parametrize("points", [1, INTEGRATION_POINTS])
@pytest.mark.parametrize("role", ROLES)
def test_ranks_masks_as_the_exact_effects_do(trained, role, points: int):
    network, codes = trained
    scan, changes = PairScan(network, codes), masks(len(codes[role]))
    exact = scan.logit - scan.logits(role, changes)
    quick = estimated_effects(kmer_shares(network, codes, role, points), changes)
    correlation = spearmanr(exact, quick).statistic
    assert correlation > (0.2 if points == 1 else 0.5)  # measured: 0.70 and 0.40, 0.83 and 0.80


@pytest.mark.parametrize("role", ROLES)
def test_integrated_shares_add_up_to_the_difference_from_an_element_of_n(role):
    network, codes = toy_network(**VARIANTS["CNN+Transformer"]), toy_codes()
    length = len(codes[role])
    whole = Perturbations(np.array([0]), np.full((1, length), 4, np.uint8))
    scan = PairScan(network, codes)
    difference = scan.logit - scan.logits(role, whole)[0]
    shares = kmer_shares(network, codes, role, 2000)
    assert abs(difference) > 0.005
    assert shares.sum() == pytest.approx(difference, rel=0.02)
    assert estimated_effects(shares, whole)[0] == pytest.approx(shares.sum())


def test_the_network_is_left_as_it_was():
    network = toy_network().train()
    kmer_shares(network, toy_codes(), "enhancer")
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_refuses_no_points():
    with pytest.raises(ConfigError, match="points is 0"):
        kmer_shares(toy_network(), toy_codes(), "enhancer", 0)
