"""The network against numbers that the authors' code produced."""

from __future__ import annotations

import pytest
import torch

from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.nn.embedding import tokenize
from epidyn.nn.plain import PlainEpiDynFusion
from epidyn.nn.published import from_published
from tests.nn.published import REFERENCE, published_codes, published_state

EXPECTED = REFERENCE["expected"]
STAGES = [name for name, value in EXPECTED.items() if isinstance(value, dict)]


@pytest.fixture(scope="module")
def network() -> EpiDynFusion:
    return from_published(published_state()).eval()


@pytest.fixture(scope="module")
def stages(network: EpiDynFusion) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        return network.stages(*published_codes())


def test_tokens():
    enhancers, promoters = published_codes()
    tokens = tokenize(enhancers)
    assert tokens[1, 95:150].tolist() == EXPECTED["enhancer_tokens_sample1_95_150"]
    sums = [*tokens.sum(dim=1).tolist(), *tokenize(promoters).sum(dim=1).tolist()]
    assert sums == EXPECTED["token_sums"]


@pytest.mark.parametrize("stage", STAGES)
def test_stage(stages: dict[str, torch.Tensor], stage: str):
    expected, got = EXPECTED[stage], stages[stage]
    assert list(got.shape) == expected["shape"]
    wide = got.double()
    assert wide.mean().item() == pytest.approx(expected["mean"], abs=1e-4)
    assert wide.std().item() == pytest.approx(expected["std"], abs=1e-4)
    assert got[0].flatten()[:8].tolist() == pytest.approx(expected["first8_of_sample0"], abs=1e-4)


def test_all_stages_are_compared(stages: dict[str, torch.Tensor]):
    assert set(stages) == {*STAGES, "logit", "probability"}


def test_probabilities(stages: dict[str, torch.Tensor]):
    assert stages["probability"].tolist() == pytest.approx(EXPECTED["probability"], abs=1e-5)
    assert stages["logit"].tolist() == pytest.approx(EXPECTED["logit"], abs=1e-4)


def test_plain_twin_takes_the_published_weights():
    plain = PlainEpiDynFusion(NetworkConfig())
    plain.load_state_dict(published_state())
    with torch.inference_mode():
        logits = plain.eval()(*published_codes())
    assert logits.tolist() == pytest.approx(EXPECTED["logit"], abs=1e-4)


def test_parameter_counts():
    # PAPER: 2,425,177 of which 819,400 in the two tables.
    parameters = dict(EpiDynFusion().named_parameters())
    assert sum(p.numel() for p in parameters.values()) == 2_425_177
    assert sum(p.numel() for name, p in parameters.items() if "kmers" in name) == 819_400
