"""What torch draws globally: seeded inside, and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

INITIAL_WEIGHTS, STEP = 0, 1


@contextmanager
def borrowed_generators() -> Iterator[None]:
    """Put torch's global generators back, on every device, after the block."""
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        yield


def seed_torch(*keys: int) -> None:
    """Seed torch's global generators from ``keys``, for example seed, purpose, step and rank.

    Dropout is seeded before every step, so that what a step draws depends on its number alone and a resumed run
    need not remember the generators' state.
    """
    torch.manual_seed(int(np.random.SeedSequence(keys).generate_state(1, np.uint64)[0] >> np.uint64(1)))
