from __future__ import annotations

import math

import pytest
import torch

from epidyn.nn.attention import dropped_attention

SHAPE = (3, 2, 5, 4)


def dense(query, key, value, rate: float, seed: int) -> torch.Tensor:
    """The definition, with the masks that the seed gives."""
    torch.manual_seed(seed)
    masks = [torch.empty(2, 5, 5).bernoulli_(1 - rate) for _ in range(3)]
    weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(4), dim=-1)
    return (weights * torch.stack(masks).to(weights) / (1 - rate)) @ value


def inputs() -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(SHAPE, dtype=torch.float64, requires_grad=True) for _ in range(3)]


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_equals_the_definition_and_so_do_its_gradients(rate: float):
    ours, theirs = inputs(), inputs()
    torch.manual_seed(7)
    mixed = dropped_attention(*ours, rate)
    expected = dense(*theirs, rate, seed=7)
    torch.testing.assert_close(mixed, expected, rtol=1e-12, atol=1e-12)
    upstream = torch.randn(SHAPE, dtype=torch.float64)
    mixed.backward(upstream)
    expected.backward(upstream)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-11, atol=1e-12)


def test_takes_inputs_that_are_views():
    torch.manual_seed(3)
    joined = torch.randn(3, 5, 3, 2, 4)
    query, key, value = joined.permute(2, 0, 3, 1, 4)
    torch.manual_seed(4)
    got = dropped_attention(query, key, value, 0.3)
    torch.testing.assert_close(got, dense(query, key, value, 0.3, seed=4))


def test_drops_at_its_rate_independently_of_sample_head_and_place():
    """With equal scores and value 1 at one key, an output tells whether that weight was kept."""
    torch.manual_seed(5)
    batch, heads, positions = 40, 5, 30
    zeros = torch.zeros(batch, heads, positions, positions)
    kept = dropped_attention(zeros, zeros, torch.eye(positions).expand_as(zeros), 0.1) > 0
    count = kept.numel()
    assert kept.float().mean().item() == pytest.approx(0.9, abs=5 * math.sqrt(0.09 / count))
    centred = kept.float() - 0.9
    for axis in range(4):
        neighbours = (centred * centred.roll(1, dims=axis)).mean().item() / 0.09
        assert abs(neighbours) < 5 / math.sqrt(count)
