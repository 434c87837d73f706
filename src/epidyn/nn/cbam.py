"""Convolutional block attention in one dimension, as the published code has it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CBAM(nn.Module):
    """Reweight channels, then positions; multiplicative, no skip connection, no biases.

    Channels: global maximum and mean, each through one shared two-layer network, added, sigmoid. Positions: the
    maximum and the mean over channels, in that order, through one convolution, sigmoid.
    """

    def __init__(self, channels: int, reduction: int, kernel: int) -> None:
        super().__init__()
        squeezed = channels // reduction
        self.channel = nn.Sequential(
            nn.Conv1d(channels, squeezed, 1, bias=False),
            nn.ReLU(),
            nn.Conv1d(squeezed, channels, 1, bias=False),
        )
        self.spatial = nn.Conv1d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, positions) to the same shape."""
        pooled = self.channel(x.amax(dim=2, keepdim=True)) + self.channel(x.mean(dim=2, keepdim=True))
        x = x * torch.sigmoid(pooled)
        profile = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.spatial(profile))
