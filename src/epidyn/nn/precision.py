"""Float32 that means float32."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def full_float32() -> AbstractContextManager[None]:
    """Keep a GPU's convolutions and GRU from TF32, which torch allows them by default and which has 10 bits.

    So that a GPU's scores are the CPU's to rounding. Speed on a GPU is what bf16 is for.
    """
    context: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return context
