"""Small networks whose axes all differ in length, and every variant that the configuration allows."""

from __future__ import annotations

from typing import Any

import torch

from epidyn.nn import NetworkConfig

SMALL: dict[str, Any] = {
    "enhancer_length": 83,
    "promoter_length": 61,
    "vector_size": 7,
    "channels": 12,
    "enhancer_kernel": 11,
    "enhancer_pool": 5,
    "promoter_kernel": 8,
    "promoter_pool": 3,
    "heads": 3,
    "feedforward": 17,
    "gru_layers": 2,
    "cbam_reduction": 5,
    "cbam_kernel": 3,
    "dense": 9,
}

# The eight architectures of the article's tables 2 and 3 by name, then every fusion and option.
VARIANTS: dict[str, dict[str, Any]] = {
    "CNN": {"transformer": False, "gru": False, "cbam": False},
    "CNN+Transformer": {"gru": False, "cbam": False},
    "CNN+CBAM": {"transformer": False, "gru": False},
    "CNN+BiGRU": {"transformer": False, "cbam": False},
    "CNN+Transformer+BiGRU": {"cbam": False, "fusion": "none"},
    "CNN+Transformer+BiGRU+CBAM": {"fusion": "none"},
    "CNN+Transformer+BiGRU+DynFusion": {"cbam": False},
    "full": {},
    "fixed": {"fusion": "fixed"},
    "concatenation": {"fusion": "concatenation"},
    "attention": {"fusion": "attention"},
    "gated": {"fusion": "gated"},
    "positions": {"positional_encoding": True},
    "gru reads stem": {"gru_input": "stem"},
    "tied k-mers": {"tie_kmers": True},
    "frozen k-mers": {"train_kmers": False},
    "balanced gates": {"gate_init": "balanced"},
    "dropout off": {"dropout": 0.0, "transformer_dropout": 0.0, "attention_dropout": 0.0},
}


def small_config(**changes: Any) -> NetworkConfig:
    return NetworkConfig(**{**SMALL, **changes})


def small_codes(batch: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randint(0, 5, (batch, SMALL[f"{side}_length"]), generator=generator, dtype=torch.uint8)
        for side in ("enhancer", "promoter")
    )
