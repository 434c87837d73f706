"""Partial recomputation equals the plain loop: change the bases, call the whole network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from epidyn.elements import ROLES
from epidyn.errors import ConfigError, ShapeError
from epidyn.interpret.mutagenesis import PairScan, Perturbations, masks, reached, substitutions
from epidyn.nn import EpiDynFusion
from tests.nn.toys import SMALL, VARIANTS, small_config

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


def toy_network(dtype=torch.float64, **changes) -> EpiDynFusion:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = EpiDynFusion(small_config(**changes)).to(dtype)
        for name, buffer in network.named_buffers():  # batch norms that do something
            if name.endswith("running_mean"):
                buffer.normal_()
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    return network


def toy_codes(share_n: float = 0.03) -> dict:
    rng = np.random.default_rng(3)
    windows = {}
    for role in ROLES:
        codes = rng.integers(0, 4, SMALL[f"{role}_length"]).astype(np.uint8)
        codes[rng.random(len(codes)) < share_n] = 4
        windows[role] = codes
    return windows


def plain_loop(network, codes, role, perturbations) -> np.ndarray:
    """The slow twin: one call of the whole network a perturbation."""
    network.eval()
    logits = []
    with torch.no_grad():
        for offset, bases in zip(perturbations.offset, perturbations.bases, strict=True):
            changed = {each: window.copy() for each, window in codes.items()}
            changed[role][offset : offset + len(bases)] = bases
            logits.append(network(*(torch.from_numpy(changed[each])[None] for each in ROLES)).item())
    return np.array(logits)


def compare(network, codes, perturb, dtype=torch.float64, batch_size=16) -> None:
    scan = PairScan(network, codes, batch_size=batch_size)
    for role in ROLES:
        perturbations = perturb(codes[role])
        slow = plain_loop(network, codes, role, perturbations)
        assert np.ptp(slow) > 1e-4  # else nothing was perturbed
        np.testing.assert_allclose(scan.logits(role, perturbations), slow, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_the_plain_loop_for_every_network(variant: str, dtype: torch.dtype):
    compare(toy_network(dtype, **VARIANTS[variant]), toy_codes(), lambda codes: masks(len(codes)), dtype)


@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("width", range(1, 13))
def test_equals_the_plain_loop_for_every_width_and_step(width: int, step: int):
    compare(toy_network(**VARIANTS["CNN"]), toy_codes(), lambda codes: masks(len(codes), width, step))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_substitutions_equal_the_plain_loop(dtype: torch.dtype):
    compare(toy_network(dtype), toy_codes(), substitutions, dtype)


@pytest.mark.parametrize("conv", ["direct", "fft"])
def test_either_convolution(conv):
    network = toy_network()
    network.conv = conv
    compare(network, toy_codes(), lambda codes: masks(len(codes), 5, 2))


def test_a_window_full_of_n_where_bases_are_put():
    codes = toy_codes(share_n=0.5)
    bases = np.tile(np.array([[0, 1, 2, 3, 3, 2, 1]], dtype=np.uint8), (50, 1))
    compare(toy_network(), codes, lambda codes: Perturbations(np.arange(50), bases))


def test_as_wide_as_the_window():
    codes = toy_codes()
    network, perturbations = toy_network(), masks(61, 61)
    slow = plain_loop(network, codes, "promoter", perturbations)
    np.testing.assert_allclose(PairScan(network, codes).logits("promoter", perturbations), slow, atol=1e-9)


def test_the_pair_as_it_is_and_the_mode_of_the_network():
    network, codes = toy_network(), toy_codes()
    network.train()
    scan = PairScan(network, codes)
    assert network.training
    network.eval()
    with torch.no_grad():
        expected = network(*(torch.from_numpy(codes[role])[None] for role in ROLES)).item()
    assert scan.logit == pytest.approx(expected, abs=1e-12)


def test_seven_or_eight_of_an_elements_194_positions_are_computed_again():
    network = EpiDynFusion()
    sizes = network.config
    for stem, positions in (
        (network.enhancer_stem, sizes.enhancer_positions),
        (network.promoter_stem, sizes.promoter_positions),
    ):
        assert 190 < positions < 198
        assert reached(stem, np.array([1000]), 6, positions)[1] <= 8


def test_masks_cover_every_base_to_both_ends():
    assert masks(11, 4, 3).offset.tolist() == [0, 3, 6, 7]
    assert masks(10, 4, 3).offset.tolist() == [0, 3, 6]
    assert len(masks(3000)) == 999
    assert len(masks(2000)) == 666
    assert (masks(10, 4, 3).apply(np.zeros(10, np.uint8)) == 4).sum(axis=1).tolist() == [4, 4, 4]


def test_substitutions_are_the_three_others_and_leave_n_out():
    changes = substitutions(np.array([2, 4, 0], dtype=np.uint8))
    assert changes.offset.tolist() == [0, 0, 0, 2, 2, 2]
    assert changes.bases[:, 0].tolist() == [0, 1, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("width", "step", "words"), [(0, 1, "--width is 0"), (12, 1, "11 bases"), (3, 0, "--step")]
)
def test_refuses_widths_and_steps(width: int, step: int, words: str):
    with pytest.raises(ConfigError, match=words):
        masks(11, width, step)


@pytest.mark.parametrize("offset", [-1, 56])
def test_refuses_what_leaves_the_window(offset: int):
    with pytest.raises(ShapeError, match="promoter window of 61"):
        PairScan(toy_network(), toy_codes()).logits(
            "promoter", Perturbations(np.array([offset]), np.zeros((1, 6), np.uint8))
        )
