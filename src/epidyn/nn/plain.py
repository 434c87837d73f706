"""The same network written plainly, under the authors' parameter names.

Tests and benchmarks compare :class:`~epidyn.nn.network.EpiDynFusion` with it. It is built from stock layers, one
after the other, in the order of the authors' code (github.com/zhangao-clude/EPI-DynFusion), and shares nothing
with the network but the configuration and the definition of tokens.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from epidyn.kmers import VOCABULARY, tokenize
from epidyn.nn.config import NetworkConfig


class PlainCBAM(nn.Module):
    """Channel attention, then spatial attention."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        squeezed = config.channels // config.cbam_reduction
        self.mlp = nn.Sequential(
            nn.Conv1d(config.channels, squeezed, 1, bias=False),
            nn.ReLU(),
            nn.Conv1d(squeezed, config.channels, 1, bias=False),
        )
        self.conv = nn.Conv1d(2, 1, config.cbam_kernel, padding=config.cbam_kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, positions) to the same shape."""
        largest = self.mlp(F.adaptive_max_pool1d(x, 1))
        average = self.mlp(F.adaptive_avg_pool1d(x, 1))
        x = x * torch.sigmoid(largest + average)
        largest_channel = torch.max(x, dim=1, keepdim=True).values
        average_channel = torch.mean(x, dim=1, keepdim=True)
        return x * torch.sigmoid(self.conv(torch.cat([largest_channel, average_channel], dim=1)))


class PlainEpiDynFusion(nn.Module):
    """EPI-DynFusion from stock layers. Its state_dict has the authors' names."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        size = config.channels
        self.embedding_en = nn.Embedding(VOCABULARY, config.vector_size)
        self.embedding_pr = nn.Embedding(VOCABULARY, config.vector_size)
        if config.tie_kmers:
            self.embedding_pr = self.embedding_en
        self.enhancer_conv_layer = nn.Sequential(
            nn.Conv1d(config.vector_size, size, config.enhancer_kernel),
            nn.ReLU(),
            nn.MaxPool1d(config.enhancer_pool, config.enhancer_pool),
        )
        self.promoter_conv_layer = nn.Sequential(
            nn.Conv1d(config.vector_size, size, config.promoter_kernel),
            nn.ReLU(),
            nn.MaxPool1d(config.promoter_pool, config.promoter_pool),
        )
        self.bn2 = nn.BatchNorm1d(size)
        self.dropout = nn.Dropout(config.dropout)
        if config.transformer:
            layer = nn.TransformerEncoderLayer(
                size, config.heads, config.feedforward, config.transformer_dropout, batch_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
            # The stack holds a copy of the layer; its attention has a rate of its own.
            for copied in self.encoder.layers:
                copied.self_attn.dropout = config.attention_dropout
        if config.gru:
            self.gru = nn.GRU(size, size // 2, config.gru_layers, batch_first=True, bidirectional=True)
        if config.fuses:
            self._add_fusion(size)
        if config.cbam:
            self.cbam_layer = PlainCBAM(config)
        self.bn1 = nn.BatchNorm1d(size)
        self.merger_dense = nn.Linear(size, config.dense)
        self.bn = nn.BatchNorm1d(config.dense)
        self.output_layer = nn.Linear(config.dense, 1)

    def _add_fusion(self, size: int) -> None:
        if self.config.fusion == "dynamic":
            self.weight_transformer = nn.Parameter(torch.randn(1))
            self.weight_gru = nn.Parameter(torch.randn(1))
        elif self.config.fusion == "concatenation":
            self.fusion_linear = nn.Linear(2 * size, size)
        elif self.config.fusion == "attention":
            self.fusion_query = nn.Parameter(torch.randn(size) / math.sqrt(size))
        elif self.config.fusion == "gated":
            self.fusion_gate = nn.Linear(2 * size, size)

    def forward(self, enhancer_codes: Tensor, promoter_codes: Tensor) -> Tensor:
        """Base codes, uint8 (batch, length), to logits (batch,)."""
        enhancer_tokens = torch.from_numpy(tokenize(enhancer_codes.cpu().numpy())).to(enhancer_codes.device)
        promoter_tokens = torch.from_numpy(tokenize(promoter_codes.cpu().numpy())).to(promoter_codes.device)
        enhancer = self.enhancer_conv_layer(self.embedding_en(enhancer_tokens).transpose(1, 2))
        promoter = self.promoter_conv_layer(self.embedding_pr(promoter_tokens).transpose(1, 2))
        x = torch.cat([enhancer, promoter], dim=2)
        x = self.dropout(self.bn2(x)).transpose(1, 2)
        x = self._streams(x)
        if self.config.cbam:
            x = self.cbam_layer(x.transpose(1, 2)).transpose(1, 2)
        x = torch.max(x, dim=1).values
        x = torch.relu(self.merger_dense(self.bn1(x)))
        logits: Tensor = self.output_layer(self.dropout(self.bn(x)))[:, 0]
        return logits

    def _streams(self, features: Tensor) -> Tensor:
        transformed = features
        if self.config.transformer:
            if self.config.positional_encoding:
                transformed = features + _positions(features)
            transformed = self.encoder(transformed)
        if not self.config.gru:
            return transformed
        recurrent: Tensor
        recurrent, _ = self.gru(features if self.config.gru_input == "stem" else transformed)
        if not self.config.fuses:
            return recurrent
        if self.config.fusion == "dynamic":
            weight_t, weight_g = torch.sigmoid(self.weight_transformer), torch.sigmoid(self.weight_gru)
            return weight_t * transformed + weight_g * recurrent
        if self.config.fusion == "fixed":
            return 0.5 * transformed + 0.5 * recurrent
        both = torch.cat([transformed, recurrent], dim=2)
        if self.config.fusion == "concatenation":
            joined: Tensor = self.fusion_linear(both)
            return joined
        if self.config.fusion == "attention":
            scores = torch.stack([transformed @ self.fusion_query, recurrent @ self.fusion_query], dim=2)
            weights = torch.softmax(scores, dim=2)
            return weights[:, :, :1] * transformed + weights[:, :, 1:] * recurrent
        gate = torch.sigmoid(self.fusion_gate(both))
        return gate * transformed + (1 - gate) * recurrent


def _positions(x: Tensor) -> Tensor:
    rows = [
        [
            math.sin(position / 10_000 ** (channel / x.shape[2]))
            if channel % 2 == 0
            else math.cos(position / 10_000 ** ((channel - 1) / x.shape[2]))
            for channel in range(x.shape[2])
        ]
        for position in range(x.shape[1])
    ]
    return torch.tensor(rows, dtype=x.dtype, device=x.device)
