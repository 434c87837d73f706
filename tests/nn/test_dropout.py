from __future__ import annotations

import math

import pytest
import torch

from epidyn.nn.dropout import Dropout, MaskSource


def mask(source: MaskSource, shape: tuple[int, ...], rate: float) -> torch.Tensor:
    return source.draw(shape, rate).write(torch.empty(shape, dtype=torch.float64))


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.1, 0.5, 0.75, 0.999])
def test_masks_have_exactly_their_rate(rate: float):
    torch.manual_seed(0)
    count = 4_000_001
    dropped = count - int(mask(MaskSource(), (count,), rate).sum())
    # A byte alone could not tell 0.1 from 25/256 or 26/256: both are over 11 standard deviations away.
    assert dropped == pytest.approx(rate * count, abs=4 * math.sqrt(rate * (1 - rate) * count))


def test_masks_of_one_source_and_of_two_are_independent():
    torch.manual_seed(1)
    source = MaskSource()
    centred = [mask(each, (300, 77), 0.1) - 0.9 for each in (source, source, MaskSource())]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs((centred[one] * centred[other]).mean().item() / 0.09) < 5 / math.sqrt(300 * 77)
    rows = centred[0].T @ centred[0] / 300 / 0.09
    off_diagonal = rows[~torch.eye(77, dtype=torch.bool)]
    assert off_diagonal.std().item() == pytest.approx(1 / math.sqrt(300), rel=0.1)


def test_the_global_seed_decides():
    x = torch.ones(40, 30)
    outs = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        outs.append(Dropout(0.5)(x))
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_drops_and_scales_values_and_gradients_alike(dtype: torch.dtype):
    torch.manual_seed(2)
    x = torch.randn(50, 41, dtype=dtype, requires_grad=True)
    out = Dropout(0.25)(x)
    assert out.dtype == dtype
    kept = out != 0
    assert 0.7 < kept.float().mean() < 0.8
    torch.testing.assert_close(out[kept], x[kept] / 0.75)
    out.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, kept.to(dtype) / 0.75)


def test_does_nothing_in_evaluation_or_at_rate_zero():
    x = torch.randn(5, 3)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
