"""Ways to join the transformer's and the GRU's stream, each (batch, positions, channels)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from epidyn.nn.config import NetworkConfig


class DynamicFusion(nn.Module):
    """The published fusion: two learned scalars, the same for every sample, position and channel.

    ``sigmoid(a) * transformer + sigmoid(b) * gru``; the two weights need not sum to one. They start as
    independent N(0, 1) draws (``normal``) or both at 0 (``balanced``: weights one half).
    """

    def __init__(self, *, balanced: bool) -> None:
        super().__init__()
        draw = torch.zeros if balanced else torch.randn
        self.transformer_gate = nn.Parameter(draw(1))
        self.gru_gate = nn.Parameter(draw(1))

    def forward(self, transformer: Tensor, gru: Tensor) -> Tensor:
        """Return the fused stream."""
        return torch.sigmoid(self.transformer_gate) * transformer + torch.sigmoid(self.gru_gate) * gru


class FixedFusion(nn.Module):
    """The mean of both streams."""

    def forward(self, transformer: Tensor, gru: Tensor) -> Tensor:
        """Return the fused stream."""
        return 0.5 * (transformer + gru)


class ConcatenationFusion(nn.Module):
    """Both streams side by side, mapped back to ``channels`` by a linear layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * channels, channels)

    def forward(self, transformer: Tensor, gru: Tensor) -> Tensor:
        """Return the fused stream."""
        fused: Tensor = self.linear(torch.cat([transformer, gru], dim=-1))
        return fused


class AttentionFusion(nn.Module):
    """At each position a softmax over the two streams, scored by one learned query."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(channels) / math.sqrt(channels))

    def forward(self, transformer: Tensor, gru: Tensor) -> Tensor:
        """Return the fused stream."""
        # The softmax over two scores is the sigmoid of their difference.
        share = torch.sigmoid((transformer - gru) @ self.query).unsqueeze(-1)
        return share * transformer + (1 - share) * gru


class GatedFusion(nn.Module):
    """A gate for each position and channel, computed from both streams: what the article's prose describes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * channels, channels)

    def forward(self, transformer: Tensor, gru: Tensor) -> Tensor:
        """Return the fused stream."""
        share = torch.sigmoid(self.gate(torch.cat([transformer, gru], dim=-1)))
        return share * transformer + (1 - share) * gru


def build_fusion(config: NetworkConfig) -> nn.Module:
    """Return the fusion that ``config`` names; it must be one that fuses."""
    match config.fusion:
        case "dynamic":
            return DynamicFusion(balanced=config.gate_init == "balanced")
        case "fixed":
            return FixedFusion()
        case "concatenation":
            return ConcatenationFusion(config.channels)
        case "attention":
            return AttentionFusion(config.channels)
        case "gated":
            return GatedFusion(config.channels)
        case _:
            raise ValueError(f"fusion {config.fusion!r} joins nothing")
