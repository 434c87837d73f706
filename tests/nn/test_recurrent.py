from __future__ import annotations

import pytest
import torch
from torch import nn

from epidyn.nn import recurrent
from epidyn.nn.recurrent import BidirectionalGRU


def twins(layers: int) -> tuple[BidirectionalGRU, nn.GRU]:
    torch.manual_seed(layers)
    ours = BidirectionalGRU(6, 5, layers).double()
    stock = nn.GRU(6, 5, layers, batch_first=True, bidirectional=True).double()
    stock.load_state_dict(ours.state_dict())
    return ours, stock


@pytest.mark.parametrize("chunk", [1, 250_000])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("positions", [1, 2, 11])
def test_equals_the_stock_layer_and_so_do_its_gradients(
    monkeypatch: pytest.MonkeyPatch, positions: int, layers: int, chunk: int
):
    monkeypatch.setattr(recurrent, "_CHUNK", chunk)
    ours, stock = twins(layers)
    x = torch.randn(3, positions, 6, dtype=torch.float64, requires_grad=True)
    got, (expected, _) = ours(x), stock(x)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    upstream = torch.randn_like(expected)
    gradients = torch.autograd.grad(got, [x, *ours.parameters()], upstream)
    theirs = torch.autograd.grad(expected, [x, *stock.parameters()], upstream)
    for one, other in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


def test_without_gradients_the_values_are_the_same():
    ours, _ = twins(2)
    x = torch.randn(4, 7, 6, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(ours(x), ours(x.transpose(0, 1).contiguous().transpose(0, 1)))
        still = ours(x)
    assert torch.equal(still, ours(x).detach())


def test_a_narrow_copy_falls_back_on_the_stock_layer():
    ours, stock = twins(1)
    x = torch.randn(2, 3, 6).bfloat16()
    torch.testing.assert_close(ours.bfloat16()(x), stock.bfloat16()(x)[0])


def test_no_samples_are_no_states():
    ours, stock = twins(2)
    x = torch.zeros(0, 7, 6, dtype=torch.float64, requires_grad=True)
    got = ours(x)
    assert got.shape == stock(x)[0].shape == (0, 7, 10)
    got.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_autocast_does_not_narrow_it_on_a_gpu():
    ours = twins(2)[0].float().cuda()
    with torch.autocast("cuda", torch.bfloat16):
        assert ours(torch.randn(2, 3, 6, device="cuda").bfloat16()).dtype == torch.float32
