from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from epidyn.nn.attention import attend, attend_where_samples_differ, fused_attention
from epidyn.nn.dropout import MaskSource

SHAPE = (3, 2, 5, 4)


def dense(query: Tensor, key: Tensor, value: Tensor, rate: float = 0.0, seed: int = 0) -> Tensor:
    """The definition, with the masks that the seed gives."""
    torch.manual_seed(seed)
    masks = MaskSource()
    shape = (*query.shape[1:3], key.shape[2])
    kept = torch.stack([masks.draw(shape, rate).write(torch.empty(shape)) for _ in query])
    weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), dim=-1)
    return (weights * kept.to(weights) / (1 - rate)) @ value


def inputs() -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(SHAPE, dtype=torch.float64, requires_grad=True) for _ in range(3)]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6])
def test_equals_the_definition_and_so_do_its_gradients(rate: float):
    ours, theirs = inputs(), inputs()
    torch.manual_seed(7)
    mixed = attend(*ours, rate)
    expected = dense(*theirs, rate, seed=7)
    torch.testing.assert_close(mixed, expected, rtol=1e-12, atol=1e-12)
    upstream = torch.randn(SHAPE, dtype=torch.float64)
    mixed.backward(upstream)
    expected.backward(upstream)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-11, atol=1e-12)


def test_takes_inputs_that_are_views_and_large_scores():
    torch.manual_seed(3)
    query, key, value = (200 * torch.randn(3, 5, 3, 2, 4)).permute(2, 0, 3, 1, 4)
    got = attend(query, key, value)
    assert torch.isfinite(got).all()
    torch.testing.assert_close(got, dense(query, key, value))


@pytest.mark.parametrize("width", [4, 8, 10])
def test_what_a_gpu_computes_is_the_same(width: int):
    torch.manual_seed(6)
    query, key, value = torch.randn(3, 3, 2, 5, width, dtype=torch.float64)
    torch.testing.assert_close(fused_attention(query, key, value), dense(query, key, value))


@pytest.mark.parametrize("scale", [1.0, 40.0], ids=["even", "peaked"])
@pytest.mark.parametrize(("first", "last"), [(0, 3), (4, 6), (8, 11), (0, 10)])
def test_samples_that_differ_at_a_few_positions(first: int, last: int, scale: float):
    generator = torch.Generator().manual_seed(2)
    samples, heads, positions, width = 5, 2, 11, 4
    alike = torch.randn(3, 1, heads, positions, width, generator=generator, dtype=torch.float64)
    whole = alike.repeat(1, samples, 1, 1, 1)
    whole[..., first:last, :] = torch.randn(
        3, samples, heads, last - first, width, generator=generator, dtype=torch.float64
    )
    whole[:2] *= scale
    query, key, value = whole
    shared, own = tuple(whole[:, 2]), tuple(whole[..., first:last, :])
    found = attend_where_samples_differ(shared, own, first)
    torch.testing.assert_close(found, dense(query, key, value), rtol=1e-11, atol=1e-12)


def test_narrow_numbers_are_widened():
    torch.manual_seed(3)
    query, key, value = torch.randn(3, *SHAPE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = attend(query.bfloat16(), key.bfloat16(), value.bfloat16())
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, dense(query, key, value), rtol=0.1, atol=0.1)


def test_drops_at_its_rate_independently_of_sample_head_and_place():
    """With equal scores and value 1 at one key, an output tells whether that weight was kept."""
    torch.manual_seed(5)
    batch, heads, positions = 40, 5, 30
    zeros = torch.zeros(batch, heads, positions, positions)
    kept = attend(zeros, zeros, torch.eye(positions).expand_as(zeros), 0.1) > 0
    count = kept.numel()
    assert kept.float().mean().item() == pytest.approx(0.9, abs=5 * math.sqrt(0.09 / count))
    centred = kept.float() - 0.9
    for axis in range(4):
        neighbours = (centred * centred.roll(1, dims=axis)).mean().item() / 0.09
        assert abs(neighbours) < 5 / math.sqrt(count)
    for axis in (0, 1):  # every sample with every other, every head with every other
        each = centred.movedim(axis, 0).flatten(1)
        correlation = (each @ each.t() / (0.09 * each.shape[1])).fill_diagonal_(0)
        assert correlation.abs().max().item() < 5.5 / math.sqrt(each.shape[1])
    again = attend(zeros, zeros, torch.eye(positions).expand_as(zeros), 0.1) > 0
    assert abs((centred * (again.float() - 0.9)).mean().item() / 0.09) < 5 / math.sqrt(count)
