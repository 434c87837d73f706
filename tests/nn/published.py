"""The formula-made weights and sequences of the reference values (see tests/reference/README.md)."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "reference" / "published_network.json").read_text()
)


def _uniform(name: str, count: int) -> np.ndarray:
    mask = np.uint64(0xFFFFFFFF)
    h = np.arange(count, dtype=np.uint64) * np.uint64(2654435761)
    h = (h + np.uint64(zlib.crc32(name.encode()))) & mask
    h = ((h ^ (h >> np.uint64(15))) * np.uint64(2246822519)) & mask
    h ^= h >> np.uint64(13)
    return h / 2**32 * 2 - 1


def formula_weight(name: str, shape: list[int]) -> torch.Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    count = int(np.prod(shape))
    u = _uniform(name, count)
    if name.endswith("running_var"):
        values = 1 + 0.2 * np.abs(u)
    elif name.endswith("running_mean"):
        values = 0.1 * u
    elif name in ("weight_transformer", "weight_gru") or name.startswith("embedding_"):
        values = u
    elif len(shape) == 1:
        values = 1 + 0.1 * u if name.endswith("weight") else 0.1 * u
    else:
        values = u * np.sqrt(6 / (count / shape[0]))
    # The authors' tables are float64; the rest is float32.
    dtype = torch.float64 if name.startswith("embedding_") else torch.float32
    return torch.tensor(values.reshape(shape), dtype=dtype)


def published_state() -> dict[str, torch.Tensor]:
    return {name: formula_weight(name, shape) for name, shape in REFERENCE["parameter_shapes"].items()}


def _sequence(seed: int, length: int) -> list[int]:
    bases, x = [], seed
    for _ in range(length):
        x = (1103515245 * x + 12345) % 2**31
        bases.append((x >> 16) & 3)
    return bases


def published_codes() -> tuple[torch.Tensor, torch.Tensor]:
    enhancers = np.array([_sequence(11 + s, 3000) for s in range(4)], dtype=np.uint8)
    promoters = np.array([_sequence(101 + s, 2000) for s in range(4)], dtype=np.uint8)
    enhancers[1, 100:140] = 4
    promoters[1, :7] = 4
    promoters[1, -3:] = 4
    return torch.from_numpy(enhancers), torch.from_numpy(promoters)
