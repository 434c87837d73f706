"""Float32 that means float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch.backends import cuda, cudnn

Setting = TypeVar("Setting")


@contextmanager
def full_float32() -> Iterator[None]:
    """Keep a GPU's convolutions, GRU and matrix products from TF32, which has 10 bits; nothing else is changed.

    torch allows it to the first two by default, and a user may allow it to all. So that a GPU's scores are meant
    to be the CPU's to rounding; speed on a GPU is what bf16 is for.
    """
    kinds: tuple[Any, ...] = (cudnn.conv, cudnn.rnn, cuda.matmul)  # type: ignore[attr-defined]
    chosen = [kind.fp32_precision for kind in kinds]
    # torch's older switches, which it sets in step with those above, and cannot be asked where they differ.
    convolutions, products = _older(lambda: cudnn.allow_tf32), _older(torch.get_float32_matmul_precision)
    try:
        cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
        yield
    finally:
        if convolutions is not None:
            cudnn.allow_tf32 = convolutions
        if products is not None:
            torch.set_float32_matmul_precision(products)
        for kind, precision in zip(kinds, chosen, strict=True):
            kind.fp32_precision = precision


def _older(ask: Callable[[], Setting]) -> Setting | None:
    try:
        return ask()
    except RuntimeError:
        return None
