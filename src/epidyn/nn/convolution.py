"""Long convolutions on the CPU by fast Fourier transform, exact to rounding, with the pooling that follows.

Overlap-save: the output is cut into blocks; each block's input, a frame, is transformed, multiplied by the
kernel's spectrum, one complex matrix product (channels in, channels out) a frequency, and transformed back. Arrays
are time-major, (frame, rows, channels), from the look-up to the pooling: SciPy transforms along the first axis and
leaves each frequency's matrix contiguous, so nothing is ever transposed. Samples go in chunks that stay in the
cache, and the convolution's output exists for one chunk at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from scipy import fft
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from epidyn.errors import ConfigError, ShapeError

Conv = Literal["auto", "direct", "fft"]
CONVOLUTIONS: tuple[Conv, ...] = get_args(Conv)

# Measured on two cores (docs/performance.md): from this kernel on the transform is faster at the published width,
# and in training at any; narrow networks predict faster without it.
SHORTEST_KERNEL = 16
_PRECISIONS = (torch.float32, torch.float64)
# Frames of about this many kernels: longer ones save little arithmetic and leave the cache.
_KERNELS_A_FRAME = 7
# Numbers in one chunk's frames.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Tiling:
    """How an output is cut: into ``blocks`` of ``block`` positions, each computed from ``frame`` inputs."""

    blocks: int
    block: int
    frame: int

    @classmethod
    def of(cls, outputs: int, kernel: int, multiple: int = 1) -> Tiling:
        """Cut ``outputs`` positions evenly; a block is a multiple of ``multiple``: no pool straddles two."""
        pools = -(-outputs // multiple)
        wished = max(1, (_KERNELS_A_FRAME - 1) * kernel // multiple)
        blocks = -(-pools // wished)
        block = -(-pools // blocks) * multiple
        return cls(blocks, block, fft.next_fast_len(block + kernel - 1, real=True))

    @property
    def span(self) -> int:
        """Inputs that the frames cover."""
        return (self.blocks - 1) * self.block + self.frame


def check_conv(conv: str) -> None:
    """Raise ConfigError unless ``conv`` is a known way to compute a convolution."""
    if conv not in CONVOLUTIONS:
        raise ConfigError(f"conv is {conv!r}; it must be one of {', '.join(CONVOLUTIONS)}.")


def prefers_fft(kernel: int, device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether to take the transform: on the CPU, for long kernels, in float32 or float64."""
    return device.type == "cpu" and kernel >= SHORTEST_KERNEL and dtype in _PRECISIONS


def fft_convolution(x: Tensor, weight: Tensor, pool: int = 1, *, tiling: Tiling | None = None) -> Tensor:
    """Return ``max_pool1d(conv1d(x, weight), pool)``: no padding, no bias.

    Parameters
    ----------
    x
        (batch, channels in, L), float32 or float64, on the CPU.
    weight
        (channels out, channels in, kernel), of the same type.
    pool
        Width and stride of the maximum; a rest is dropped.
    tiling
        How the output is cut; by default as is fast. A block must be a multiple of ``pool``, a frame hold a block
        and what the kernel overlaps, and all blocks cover the output.

    Returns
    -------
    Tensor
        (batch, channels out, (L - kernel + 1) // pool). Differentiable once.

    Raises
    ------
    ShapeError
        If the kernel and one pool do not fit into L, or the tiling does not suit them.
    ConfigError
        If a tensor is not on the CPU, or neither float32 nor float64, or their types differ.
    """
    return _apply(x, None, weight, pool, tiling)


def fft_token_convolution(
    tokens: Tensor, table: Tensor, weight: Tensor, pool: int = 1, *, tiling: Tiling | None = None
) -> Tensor:
    """Return :func:`fft_convolution` of ``table[tokens]``, whose vectors are looked up frame by frame.

    Parameters
    ----------
    tokens
        int64 (batch, L).
    table
        (vocabulary, channels in).
    weight, pool, tiling
        As in :func:`fft_convolution`.
    """
    return _apply(tokens, table, weight, pool, tiling)


def _apply(source: Tensor, table: Tensor | None, weight: Tensor, pool: int, tiling: Tiling | None) -> Tensor:
    kernel = weight.shape[-1]
    if source.device.type != "cpu":
        raise ConfigError(f"conv fft runs on the CPU, not on {source.device}. Use conv auto or direct.")
    if source.shape[-1] < kernel + pool - 1:
        raise ShapeError(
            f"{source.shape[-1]} positions are too few for a kernel of {kernel} and a pool of {pool}."
        )
    vectors = source if table is None else table
    if vectors.dtype != weight.dtype or weight.dtype not in _PRECISIONS:
        raise ConfigError(
            f"conv fft computes in float32 or float64, not with {vectors.dtype} and {weight.dtype}. Use conv auto "
            "or direct."
        )
    positions = (source.shape[-1] - kernel + 1) // pool * pool
    if tiling is None:
        tiling = Tiling.of(positions, kernel, pool)
    elif (
        tiling.block % pool or tiling.frame < tiling.block + kernel - 1 or tiling.blocks * tiling.block < positions
    ):
        raise ShapeError(
            f"{tiling} does not suit {positions} positions, a kernel of {kernel} and a pool of {pool}."
        )
    with torch.autocast("cpu", enabled=False):
        pooled: Tensor = _PooledConvolution.apply(source, table, weight, pool, tiling, torch.is_grad_enabled())
    return pooled


class _PooledConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        source: Tensor,
        table: Tensor | None,
        weight: Tensor,
        pool: int,
        tiling: Tiling,
        keep: bool,
    ) -> Tensor:
        positions = (source.shape[-1] - weight.shape[-1] + 1) // pool
        kernels = _kernel_spectra(weight, tiling.frame)
        framed = _Frames(source, table, tiling)
        pooled = kernels.real.new_empty(tiling.blocks * (tiling.block // pool), len(source), weight.shape[0])
        spectra, places = [], []
        for chunk, frames in framed:
            spectrum = _spectra(frames)
            outputs = _inverse(torch.bmm(spectrum, kernels), tiling.frame)[: tiling.block]
            values, place = _pool(outputs, pool, places=keep)
            # (pools a block, block x sample, channels) -> (position, sample, channels)
            pooled[:, chunk] = _by_position(values, tiling.blocks)
            if keep:
                spectra.append(spectrum)
                places.append(place)
        if keep:
            context.save_for_backward(source, table, weight, kernels, *spectra, *places)
            context.pool, context.tiling = pool, tiling
        return pooled[:positions].permute(1, 2, 0)

    @staticmethod
    @once_differentiable
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        source, table, weight, kernels, *saved = context.saved_tensors
        pool, tiling = context.pool, context.tiling
        spectra, places = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        to_source, to_table, to_weight = context.needs_input_grad[:3]
        framed = _Frames(source, table, tiling)
        if to_source or to_table:
            framed.start_gradient()
        kernel_gradient = torch.zeros_like(kernels) if to_weight else None
        positions = upstream.shape[-1]
        padded = upstream.new_zeros(tiling.blocks * (tiling.block // pool), len(source), weight.shape[0])
        padded[:positions] = upstream.permute(2, 0, 1)
        for chunk, spectrum, place in zip(framed.chunks, spectra, places, strict=True):
            gradient = _unpool(_by_block(padded[:, chunk], tiling.blocks), place, tiling)
            # Conjugate spectra, as those of the kernels: no product below needs a conjugate of its own.
            conjugate = _conjugate_spectra(gradient, tiling.frame)
            if kernel_gradient is not None:
                kernel_gradient.baddbmm_(spectrum.transpose(1, 2), conjugate)
            if to_source or to_table:
                framed.add_gradient(
                    chunk, _inverse_conjugate(torch.bmm(conjugate, kernels.transpose(1, 2)), tiling.frame)
                )
        weight_gradient = None
        if kernel_gradient is not None:
            weight_gradient = _inverse(kernel_gradient, tiling.frame)[: weight.shape[-1]].permute(2, 1, 0)
        return (
            framed.gradient if to_source else None,
            framed.gradient if to_table else None,
            weight_gradient,
            None,
            None,
            None,
        )


class _Frames:
    """The frames of a source, chunk by chunk, (frame, block x sample, channels); and their gradient back to it.

    The source is vectors (batch, channels, L), or tokens (batch, L) with a table.
    """

    def __init__(self, source: Tensor, table: Tensor | None, tiling: Tiling) -> None:
        self.source, self.table, self.tiling = source, table, tiling
        samples = len(source)
        width = source.shape[1] if table is None else table.shape[1]
        most = max(1, _CHUNK // (tiling.frame * tiling.blocks * width))
        size = -(-samples // max(1, -(-samples // most)))
        self.chunks = [slice(at, min(at + size, samples)) for at in range(0, samples, max(1, size))]
        self.gradient: Tensor | None = None

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        for chunk in self.chunks:
            if self.table is None:
                yield chunk, self._cut(self.source[chunk].permute(2, 0, 1)).flatten(1, 2)
            else:
                tokens = self._tokens(chunk)
                yield chunk, F.embedding(tokens, self.table).flatten(1, 2)

    def start_gradient(self) -> None:
        """Begin with zeros."""
        self.gradient = torch.zeros_like(self.source if self.table is None else self.table)

    def add_gradient(self, chunk: slice, frames: Tensor) -> None:
        """Add the gradient of one chunk's frames to that of the source, or of the table."""
        assert self.gradient is not None
        if self.table is None:
            samples = chunk.stop - chunk.start
            blocks = frames.unflatten(1, (self.tiling.blocks, samples))
            length = self.source.shape[2]
            for block in range(self.tiling.blocks):
                first = block * self.tiling.block
                part = blocks[: max(0, length - first), block].permute(1, 2, 0)
                self.gradient[chunk, :, first : first + part.shape[2]] += part
        else:
            tokens = self._tokens(chunk).flatten()
            self.gradient += torch.ops.aten.embedding_dense_backward(
                frames.flatten(0, 1), tokens, len(self.table), -1, False
            )

    def _tokens(self, chunk: slice) -> Tensor:
        return self._cut(self.source[chunk].t())

    def _cut(self, x: Tensor) -> Tensor:
        """Cut (L, samples, ...) into (frame, blocks, samples, ...), zeros (token 0) beyond the end."""
        tiling, missing = self.tiling, self.tiling.span - len(x)
        x = torch.cat([x, x.new_zeros(missing, *x.shape[1:])]) if missing > 0 else x.contiguous()
        step = x.stride(0)
        return x.as_strided(
            (tiling.frame, tiling.blocks, *x.shape[1:]), (step, tiling.block * step, *x.stride()[1:])
        ).contiguous()


def _kernel_spectra(weight: Tensor, frame: int) -> Tensor:
    """Return the conjugate spectra of the kernels, (frequency, channels in, channels out).

    Conjugate, because what networks call a convolution is a correlation.
    """
    return _conjugate_spectra(weight.detach().permute(2, 1, 0).contiguous(), frame)


def _spectra(frames: Tensor) -> Tensor:
    return torch.from_numpy(fft.rfft(frames.numpy(), axis=0, workers=torch.get_num_threads()))


def _conjugate_spectra(x: Tensor, frame: int) -> Tensor:
    spectra = fft.ihfft(x.numpy(), n=frame, axis=0, norm="forward", workers=torch.get_num_threads())
    return torch.from_numpy(spectra)


def _inverse(spectra: Tensor, frame: int) -> Tensor:
    x = fft.irfft(spectra.numpy(), n=frame, axis=0, overwrite_x=True, workers=torch.get_num_threads())
    return torch.from_numpy(x)


def _inverse_conjugate(spectra: Tensor, frame: int) -> Tensor:
    x = fft.hfft(spectra.numpy(), n=frame, axis=0, norm="forward", workers=torch.get_num_threads())
    return torch.from_numpy(x)


def _pool(x: Tensor, pool: int, *, places: bool) -> tuple[Tensor, Tensor | None]:
    """Return maxima of (block, rows, channels) over ``pool`` neighbours and, if asked, their places."""
    shape = (len(x) // pool, *x.shape[1:])
    if not places:
        return x.unflatten(0, (-1, pool)).amax(dim=1), None
    # As an image of height block and width 1 whose channels lie innermost: torch's fastest kernel for it.
    image = x.reshape(1, len(x), 1, -1).permute(0, 3, 1, 2)
    values, indices = F.max_pool2d(image, (pool, 1), return_indices=True)
    return values.permute(0, 2, 3, 1).reshape(shape), indices.permute(0, 2, 3, 1).reshape(shape)


def _unpool(gradient: Tensor, places: Tensor, tiling: Tiling) -> Tensor:
    """Put (pools, rows, channels) at their places in (block, rows, channels), zeros elsewhere."""
    spread = gradient.new_zeros(tiling.block, *gradient.shape[1:])
    return spread.scatter_(0, places, gradient)


def _by_position(x: Tensor, blocks: int) -> Tensor:
    """(pools a block, block x sample, channels) to (block x pool, sample, channels)."""
    split: Tensor = x.unflatten(1, (blocks, -1))
    return split.transpose(0, 1).flatten(0, 1)


def _by_block(x: Tensor, blocks: int) -> Tensor:
    """Undo :func:`_by_position`."""
    split: Tensor = x.unflatten(0, (blocks, -1))
    return split.transpose(0, 1).flatten(1, 2)
