from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from epidyn.errors import ConfigError, ShapeError
from epidyn.nn import convolution
from epidyn.nn.convolution import Tiling, fft_convolution, fft_token_convolution, prefers_fft


def direct(x: Tensor, weight: Tensor, pool: int) -> Tensor:
    """The slow twin."""
    return F.max_pool1d(F.conv1d(x, weight), pool)


def case(length: int, kernel: int, *, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    torch.manual_seed(length * 1000 + kernel)
    x = torch.randn(3, 5, length, dtype=dtype, requires_grad=True)
    return x, torch.randn(7, 5, kernel, dtype=dtype, requires_grad=True)


def assert_equal_with_gradients(got: Tensor, expected: Tensor, *inputs: Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)
    upstream = torch.randn_like(expected)
    gradients = (torch.autograd.grad(each, inputs, upstream) for each in (got, expected))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 150))
def test_equals_the_direct_convolution_of_any_length_and_kernel(kernel: int, pool: int, more: int):
    x, weight = case(kernel + pool - 1 + more, kernel)
    assert_equal_with_gradients(fft_convolution(x, weight, pool), direct(x, weight, pool), x, weight)


@pytest.mark.parametrize(
    "tiling",
    [
        Tiling(blocks=1, block=66, frame=76),  # nothing to spare
        Tiling(blocks=2, block=36, frame=60),
        Tiling(blocks=9, block=8 * 1, frame=18),
        Tiling(blocks=70, block=2, frame=12),  # the last blocks lie beyond the end
    ],
)
def test_equals_it_however_it_is_cut(tiling: Tiling):
    x, weight = case(77, 11)
    got = fft_convolution(x, weight, 2, tiling=tiling)
    assert_equal_with_gradients(got, direct(x, weight, 2), x, weight)


@pytest.mark.parametrize(
    "tiling",
    [
        Tiling(blocks=2, block=36, frame=40),  # what the kernel overlaps is missing
        Tiling(blocks=1, block=20, frame=32),  # does not reach the end
        Tiling(blocks=3, block=25, frame=40),  # a pool would straddle two blocks
    ],
)
def test_refuses_a_tiling_that_does_not_fit(tiling: Tiling):
    x, weight = case(77, 11)
    with pytest.raises(ShapeError, match="does not suit 66 positions, a kernel of 11 and a pool of 2"):
        fft_convolution(x, weight, 2, tiling=tiling)


@pytest.mark.parametrize("types", [(torch.bfloat16, torch.bfloat16), (torch.float32, torch.float64)])
def test_refuses_types_that_it_does_not_transform(types: tuple[torch.dtype, torch.dtype]):
    x, weight = (each.detach().to(dtype) for each, dtype in zip(case(77, 11), types, strict=True))
    with pytest.raises(ConfigError, match="computes in float32 or float64"):
        fft_convolution(x, weight)


def test_looks_tokens_up_frame_by_frame():
    tokens = torch.randint(0, 13, (4, 90), generator=torch.Generator().manual_seed(1))
    table = torch.randn(13, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 5, 17, dtype=torch.float64, requires_grad=True)
    expected = direct(table[tokens].transpose(1, 2), weight, 4)
    assert_equal_with_gradients(fft_token_convolution(tokens, table, weight, 4), expected, table, weight)


def test_chunks_of_samples_change_nothing(monkeypatch: pytest.MonkeyPatch):
    x, weight = case(77, 11)
    monkeypatch.setattr(convolution, "_CHUNK", 1)  # a sample a chunk
    assert_equal_with_gradients(fft_convolution(x, weight, 3), direct(x, weight, 3), x, weight)


def test_equal_windows_share_a_gradient_only_once():
    """In a run of N every output is the same; the maximum's gradient must not be counted for each of them."""
    x = torch.ones(1, 2, 30, dtype=torch.float64, requires_grad=True)
    weight = torch.ones(1, 2, 9, dtype=torch.float64, requires_grad=True)
    fft_convolution(x, weight, 11).sum().backward()
    assert x.grad is not None
    assert weight.grad is not None
    assert x.grad.sum().item() == pytest.approx(2 * 2 * 9)
    assert weight.grad.sum().item() == pytest.approx(2 * 2 * 9)


def test_is_exact_to_rounding_at_the_published_size():
    torch.manual_seed(0)
    x, layer = torch.randn(2, 100, 3000), torch.nn.Conv1d(100, 100, 80, bias=False)
    with torch.no_grad():
        worst = (fft_convolution(x, layer.weight, 15) - direct(x, layer.weight, 15)).abs().max()
    assert worst < 3e-5


@given(st.integers(1, 5000), st.integers(1, 100), st.integers(1, 20))
def test_a_tiling_covers_the_output_evenly(pools: int, kernel: int, pool: int):
    tiling = Tiling.of(pools * pool, kernel, pool)
    assert tiling.blocks * tiling.block >= pools * pool
    assert (tiling.blocks - 1) * tiling.block < pools * pool, "a block lies beyond the end"
    assert tiling.block % pool == 0
    assert tiling.frame >= tiling.block + kernel - 1


def test_gradients_only_where_asked():
    x, weight = case(40, 9)
    fft_convolution(x.detach(), weight, 2).sum().backward()
    assert x.grad is None
    assert weight.grad is not None
    kept = weight.grad.clone()
    fft_convolution(x, weight.detach(), 2).sum().backward()
    assert x.grad is not None
    assert torch.equal(weight.grad, kept)


def test_no_samples_give_no_features():
    assert fft_convolution(torch.empty(0, 5, 40), torch.randn(7, 5, 9), 2).shape == (0, 7, 16)


def test_refuses_what_cannot_be():
    x, weight = case(20, 9)
    with pytest.raises(ShapeError, match="20 positions are too few for a kernel of 9 and a pool of 13"):
        fft_convolution(x, weight, 13)
    with pytest.raises(ShapeError, match="does not suit"):
        fft_convolution(x, weight, 2, tiling=Tiling(2, 5, 20))
    with pytest.raises(ConfigError, match="runs on the CPU, not on meta"):
        fft_convolution(x.to("meta"), weight.to("meta"), 2)


def test_the_transform_is_for_long_kernels_on_the_cpu():
    cpu = torch.device("cpu")
    assert prefers_fft(80, cpu, torch.float32)
    assert not prefers_fft(convolution.SHORTEST_KERNEL - 1, cpu, torch.float32)
    assert not prefers_fft(80, torch.device("cuda"), torch.float32)
    assert not prefers_fft(80, cpu, torch.bfloat16)
