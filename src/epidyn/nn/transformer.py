"""The transformer encoder layer: attention over all positions of both elements."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from epidyn.nn.attention import attend, attend_where_samples_differ
from epidyn.nn.dropout import Dropout


class TransformerLayer(nn.Module):
    """One encoder layer, post-norm, ReLU, biases everywhere, no mask, no final norm.

    The same function and initialisation as ``torch.nn.TransformerEncoderLayer``, with a rate of its own for the
    dropout on attention weights, and optionally sinusoidal positions added to its input.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        feedforward: int,
        *,
        dropout: float,
        attention_dropout: float,
        positional_encoding: bool,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.attention_dropout = attention_dropout
        self.positional_encoding = positional_encoding
        self.attention_in = nn.Linear(channels, 3 * channels)
        self.attention_out = nn.Linear(channels, channels)
        self.attention_norm = nn.LayerNorm(channels)
        self.feedforward_in = nn.Linear(channels, feedforward)
        self.feedforward_out = nn.Linear(feedforward, channels)
        self.feedforward_norm = nn.LayerNorm(channels)
        self.dropout = Dropout(dropout)
        nn.init.xavier_uniform_(self.attention_in.weight)
        nn.init.zeros_(self.attention_in.bias)
        nn.init.zeros_(self.attention_out.bias)

    def forward(self, x: Tensor, differing: slice | None = None) -> Tensor:
        """(batch, positions, channels) to the same shape.

        ``differing`` promises that outside these positions all samples are alike. It changes no result, and saves
        time on the CPU in evaluation mode without gradients.
        """
        if self.positional_encoding:
            x = x + sinusoidal_positions(x.shape[1], x.shape[2], x.device, x.dtype)
        x = self.attention_norm(x + self.dropout(self._attend(x, differing)))
        hidden = self.dropout(F.relu(self.feedforward_in(x), inplace=True))
        normed: Tensor = self.feedforward_norm(x + self.dropout(self.feedforward_out(hidden)))
        return normed

    def _attend(self, x: Tensor, differing: slice | None) -> Tensor:
        saves = not self.training and not torch.is_grad_enabled() and x.device.type == "cpu"
        if differing is not None and saves:
            query, key, value = self._project(x[:1])
            shared, own = (query[0], key[0], value[0]), self._project(x[:, differing])
            mixed = attend_where_samples_differ(shared, own, differing.start)
        else:
            mixed = attend(*self._project(x), self.attention_dropout if self.training else 0.0)
        projected: Tensor = self.attention_out(mixed.transpose(1, 2).reshape(x.shape))
        return projected

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return query, key and value, (batch, heads, positions, width) each."""
        batch, positions, channels = x.shape
        split = self.attention_in(x).view(batch, positions, 3, self.heads, channels // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        return query, key, value


def sinusoidal_positions(positions: int, channels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return (positions, channels): sine in even channels, cosine in odd ones, base 10,000."""
    # In float64 on the CPU, then cast: the same values whatever the network's precision and device.
    position = torch.arange(positions, dtype=torch.float64)[:, None]
    even = torch.arange(0, channels, 2, dtype=torch.float64)
    angle = position * torch.exp(even * (-math.log(10_000.0) / channels))
    encoding = torch.empty(positions, channels, dtype=torch.float64)
    encoding[:, 0::2] = torch.sin(angle)
    encoding[:, 1::2] = torch.cos(angle[:, : channels // 2])
    return encoding.to(device, dtype)
