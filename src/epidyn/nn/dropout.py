"""Dropout whose random numbers cost little on the CPU.

torch's CPU generator makes one number at a time, slower than all else that a dropped attention weight needs. Here
a NumPy generator, seeded by one draw of torch's, makes eight bytes at a time, and a byte decides; the few bytes
that fall on the threshold's fraction are decided by a further draw, so the rate is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
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
        kept = MaskSource().kept(x.shape, self.p)
        return x * kept.to(x.dtype).mul_(1 / (1 - self.p))


class MaskSource:
    """Independent masks, one after the other; its seed is drawn from torch's global generator."""

    def __init__(self) -> None:
        seed = int(torch.randint(2**63 - 1, ()))
        self._generator = np.random.Generator(np.random.SFC64(seed))

    def kept(self, shape: Sequence[int], rate: float) -> Tensor:
        """Return which entries stay, uint8 of ``shape``: 0 with probability ``rate``, otherwise 1."""
        count = math.prod(shape)
        words = self._generator.integers(2**64, size=-(-count // 8), dtype=np.uint64)
        values = words.view(np.uint8)[:count]
        whole, fraction = divmod(rate * _VALUES, 1)
        # Below the threshold: dropped; on it: dropped with the probability that is left.
        kept = values >= int(whole)
        if fraction:
            undecided = np.flatnonzero(values == int(whole))
            kept[undecided] = self._generator.random(len(undecided)) >= fraction
        return torch.from_numpy(kept.view(np.uint8)).view(tuple(shape))
