"""Dropout whose random numbers cost little on the CPU.

torch's CPU generator makes one number at a time, slower than all else that a dropped attention weight needs. Here
a NumPy generator, seeded by one draw of torch's, makes eight bytes at a time, and a byte decides; the few bytes
that fall on the threshold's fraction are decided by a further draw, so the rate is exact. A mask is kept as bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_VALUES = 256  # of a byte


class Dropout(nn.Dropout):
    """``torch.nn.Dropout`` with a cheap mask on the CPU: every entry dropped independently at the rate ``p``."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if not self.training or not self.p:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        dropped: Tensor = _Dropout.apply(x, MaskSource().draw(x.shape, self.p), 1 / (1 - self.p))
        return dropped


class Mask:
    """Which entries stay, in one bit each."""

    def __init__(self, kept: np.ndarray[Any, np.dtype[np.bool_]], shape: Sequence[int]) -> None:
        self._bits = np.packbits(kept)
        self._shape = tuple(shape)

    def write(self, out: Tensor) -> Tensor:
        """Write 1 to ``out`` where an entry stays, 0 where it is dropped; return it."""
        kept = np.unpackbits(self._bits, count=math.prod(self._shape))
        return out.copy_(torch.from_numpy(kept).view(self._shape))


class MaskSource:
    """Independent masks, one after the other; its seed is drawn from torch's global generator."""

    def __init__(self) -> None:
        seed = int(torch.randint(2**63 - 1, ()))
        self._generator = np.random.Generator(np.random.SFC64(seed))

    def draw(self, shape: Sequence[int], rate: float) -> Mask:
        """Return a mask of ``shape``, each entry of which is dropped with probability ``rate``."""
        count = math.prod(shape)
        words = self._generator.integers(2**64, size=-(-count // 8), dtype=np.uint64)
        values = words.view(np.uint8)[:count]
        whole, fraction = divmod(rate * _VALUES, 1)
        # Below the threshold: dropped; on it: dropped with the probability that is left.
        kept = values >= int(whole)
        if fraction:
            undecided = np.flatnonzero(values == int(whole))
            kept[undecided] = self._generator.random(len(undecided)) >= fraction
        return Mask(kept, shape)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, mask: Mask, boost: float) -> Tensor:
        context.mask, context.boost = mask, boost
        return mask.write(torch.empty_like(x)).mul_(x).mul_(boost)

    @staticmethod
    @once_differentiable
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        return context.mask.write(torch.empty_like(upstream)).mul_(upstream).mul_(context.boost), None, None
