from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from epidyn.errors import ConfigError, ShapeError
from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.nn.convolution import Conv
from epidyn.nn.plain import PlainEpiDynFusion
from epidyn.nn.published import published_name
from tests.nn.toys import VARIANTS, small_codes, small_config

NO_DROPOUT = {"dropout": 0.0, "transformer_dropout": 0.0, "attention_dropout": 0.0}
every_way = pytest.mark.parametrize("conv", ["direct", "fft"])
every_variant = pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)


def twins(changes: dict, conv: Conv) -> tuple[EpiDynFusion, PlainEpiDynFusion]:
    """The network and its plain twin with the same weights, in float64."""
    torch.manual_seed(3)
    network = EpiDynFusion(small_config(**changes), conv=conv)
    plain = PlainEpiDynFusion(network.config)
    state = {published_name(name): value.clone() for name, value in network.state_dict().items()}
    if network.config.tie_kmers:
        state["embedding_pr.weight"] = state["embedding_en.weight"]
    plain.load_state_dict(state)
    return network.double(), plain.double()


@every_variant
@every_way
def test_logits_and_gradients_equal_the_plain_twin(changes: dict, conv: Conv):
    network, plain = twins({**changes, **NO_DROPOUT}, conv)
    codes = small_codes()
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    losses = [F.binary_cross_entropy_with_logits(each(*codes), labels) for each in (network, plain)]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-9, atol=1e-9)
    for loss in losses:
        loss.backward()
    theirs = dict(plain.named_parameters())
    compared = 0
    for name, parameter in network.named_parameters():
        twin = theirs[published_name(name)]
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, twin.grad, rtol=1e-9, atol=1e-12, msg=name)
            compared += 1
    assert compared >= 12


@every_variant
@every_way
def test_evaluation_mode_equals_the_plain_twin(changes: dict, conv: Conv):
    network, plain = twins({**changes, **NO_DROPOUT}, conv)
    codes = small_codes(5)
    with torch.no_grad():
        network(*codes), plain(*codes)  # training mode: running statistics move
        torch.testing.assert_close(network.eval()(*codes), plain.eval()(*codes), rtol=1e-9, atol=1e-9)


@every_variant
def test_trains_a_step_and_survives_save_and_load(changes: dict, tmp_path: Path):
    torch.manual_seed(5)
    network = EpiDynFusion(small_config(**changes))
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimiser = torch.optim.NAdam(network.parameters(), lr=1e-2)
    F.binary_cross_entropy_with_logits(network(*small_codes()), torch.tensor([0.0, 1.0, 1.0, 0.0])).backward()
    optimiser.step()
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad != torch.equal(parameter, before[name]), name
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    again = EpiDynFusion(network.config)
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    codes = small_codes(3, seed=1)
    with torch.no_grad():
        assert torch.equal(network.eval()(*codes), again.eval()(*codes))


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_logits_do_not_depend_on_batching(batch: int):
    network = EpiDynFusion(small_config()).eval()
    enhancers, promoters = small_codes(7)
    with torch.no_grad():
        one_by_one = torch.cat([network(enhancers[[i]], promoters[[i]]) for i in range(7)])
        batched = torch.cat(
            [network(*pair) for pair in zip(enhancers.split(batch), promoters.split(batch), strict=True)]
        )
    torch.testing.assert_close(batched, one_by_one, rtol=0, atol=1e-6)


def test_seams_compose_to_forward():
    network = EpiDynFusion(small_config()).eval()
    enhancers, promoters = small_codes(3)
    with torch.no_grad():
        vectors = network.embed_enhancer(enhancers)
        assert vectors.shape == (3, 7, 83)
        features = network.stem_enhancer(vectors)
        assert features.shape == (3, 12, network.config.enhancer_positions) == (3, 12, 14)
        promoter = network.encode_promoter(promoters)
        by_vectors = network.stem_promoter(network.embed_promoter(promoters))
        torch.testing.assert_close(promoter, by_vectors, rtol=1e-6, atol=1e-6)
        assert promoter.shape == (3, 12, network.config.promoter_positions) == (3, 12, 18)
        expected = network(enhancers, promoters)
        torch.testing.assert_close(network.score(features, promoter), expected, rtol=1e-6, atol=1e-6)


def test_score_pairs_one_element_with_many():
    network = EpiDynFusion(small_config()).eval()
    enhancers, promoters = small_codes(3)
    with torch.no_grad():
        enhancer, promoter = network.encode_enhancer(enhancers[:1]), network.encode_promoter(promoters)
        expected = network(enhancers[[0, 0, 0]], promoters)
        torch.testing.assert_close(network.score(enhancer, promoter), expected, rtol=0, atol=1e-6)
        swapped = network.score(network.encode_enhancer(enhancers), promoter[:1])
        torch.testing.assert_close(swapped, network(enhancers, promoters[[0, 0, 0]]), rtol=0, atol=1e-6)


def test_stages_of_an_ablation_name_only_what_it_has():
    network = EpiDynFusion(small_config(transformer=False, cbam=False)).eval()
    with torch.no_grad():
        stages = network.stages(*small_codes(2))
    assert set(stages) == {"enhancer_stem", "promoter_stem", "after_batchnorm", "gru", "logit", "probability"}
    assert stages["after_batchnorm"].shape == stages["gru"].shape == (2, 14 + 18, 12)


def test_given_kmer_vectors_are_where_the_tables_start():
    vectors = np.random.default_rng(0).normal(size=(4097, 7)).astype(np.float32)
    network = EpiDynFusion(small_config(), vectors)
    assert np.array_equal(network.enhancer_kmers.table.weight.detach(), vectors)
    assert np.array_equal(network.promoter_kmers.table.weight.detach(), vectors)
    with torch.no_grad():
        network.enhancer_kmers.table.weight.zero_()
    assert np.array_equal(network.promoter_kmers.table.weight.detach(), vectors), "the two tables share memory"


@pytest.mark.parametrize(
    ("enhancer", "promoter", "names"),
    [
        (torch.zeros(2, 83), torch.zeros(2, 61, dtype=torch.uint8), r"enhancer codes: uint8 \(batch, 83\)"),
        (torch.zeros(2, 82, dtype=torch.uint8), torch.zeros(2, 61, dtype=torch.uint8), "enhancer codes"),
        (torch.zeros(2, 83, dtype=torch.uint8), torch.zeros(61, dtype=torch.uint8), "promoter codes"),
    ],
)
def test_refuses_other_codes(enhancer: torch.Tensor, promoter: torch.Tensor, names: str):
    with pytest.raises(ShapeError, match=names):
        EpiDynFusion(small_config())(enhancer, promoter)


def test_refuses_vectors_of_another_size():
    with pytest.raises(ShapeError, match="vector_size to 5"):
        EpiDynFusion(small_config(), np.zeros((4097, 5), dtype=np.float32))


def test_how_it_convolves_can_be_set_and_is_no_part_of_the_state():
    network = EpiDynFusion(small_config())
    assert network.conv == "auto"
    other = EpiDynFusion(small_config(), conv="fft")
    other.load_state_dict(network.state_dict())
    codes = small_codes(3)
    with torch.no_grad():
        torch.testing.assert_close(other.eval()(*codes), network.eval()(*codes), rtol=0, atol=1e-6)
    network.conv = "fft"
    assert network.promoter_stem.conv == network.conv == "fft"


def test_refuses_an_unknown_way_to_convolve():
    with pytest.raises(ConfigError, match="conv is 'winograd'; it must be one of auto, direct, fft"):
        EpiDynFusion(small_config(), conv="winograd")
    network = EpiDynFusion(small_config())
    with pytest.raises(ConfigError, match="conv is 'FFT'"):
        network.conv = "FFT"


def test_computes_at_narrow_precision():
    network = EpiDynFusion(small_config(), conv="fft")
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(*small_codes())
    F.binary_cross_entropy_with_logits(logits.float(), labels).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_agrees_with_the_plain_twin_at_the_published_size():
    torch.manual_seed(2)
    network = EpiDynFusion(NetworkConfig(**NO_DROPOUT))
    # In float64: in float32 the twin's own rounding moves a maximum here and there, and a gradient with it.
    plain = PlainEpiDynFusion(network.config).double()
    plain.load_state_dict({published_name(name): value for name, value in network.state_dict().items()})
    codes = tuple(torch.randint(0, 5, (3, length), dtype=torch.uint8) for length in (3000, 2000))
    logits = [each(*codes).double() for each in (network, plain)]
    torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=1e-4)
    for each in logits:
        F.binary_cross_entropy_with_logits(each, torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)).backward()
    assert_gradients_agree(network, plain)


def assert_gradients_agree(network: EpiDynFusion, plain: PlainEpiDynFusion, floor: float = 1e-4):
    """Every parameter's to 1e-3 of its norm, or of the ``floor`` of the largest norm: some are all but zero."""
    theirs = dict(plain.named_parameters())
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert len(trained) >= 12
    largest = max(float(theirs[published_name(name)].grad.norm()) for name in trained)
    for name, parameter in trained.items():
        expected = theirs[published_name(name)].grad
        allowed = 1e-3 * max(float(expected.norm()), floor * largest)
        assert float((parameter.grad - expected).norm()) < allowed, name


@every_variant
@every_way
def test_gradients_in_float32_are_the_twins_in_float64(changes: dict, conv: Conv):
    network, plain = twins({**changes, **NO_DROPOUT}, conv)
    codes, labels = small_codes(), torch.tensor([0.0, 1.0, 1.0, 0.0])
    for each in (network.float(), plain):
        logits = each(*codes)
        F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype)).backward()
    # One norm after another leaves gradients that are all but zero: 5e-7 of the largest is four steps of float32.
    assert_gradients_agree(network, plain, floor=5e-4)


@every_way
def test_training_ends_where_the_plain_twin_ends(conv: Conv):
    networks = [each.float() for each in twins(NO_DROPOUT, conv)]
    optimisers = [torch.optim.NAdam(each.parameters(), lr=1e-3) for each in networks]
    codes = small_codes(60)
    labels = (codes[0][:, :40] == 2).sum(dim=1).gt(8).float()
    losses = []
    for network, optimiser in zip(networks, optimisers, strict=True):
        for step in range(200):
            batch = slice(step % 3 * 20, step % 3 * 20 + 20)
            optimiser.zero_grad()
            loss = F.binary_cross_entropy_with_logits(network(*(c[batch] for c in codes)), labels[batch])
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(F.binary_cross_entropy_with_logits(network(*codes), labels).item())
    assert losses[1] < 0.5, "nothing was learned"
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
