"""Attention with dropout on its weights, on the CPU, without the memory that torch's own takes.

torch's CPU kernels without a weight matrix know no dropout; with it torch falls back on separate operations that
keep the weights several times over (at the published sizes 385 MB each time for a batch of 64).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def dropped_attention(query: Tensor, key: Tensor, value: Tensor, rate: float) -> Tensor:
    """Return softmax(query key^T / sqrt(width)) with independent dropout on every weight, times value.

    Parameters
    ----------
    query, key, value
        (batch, heads, positions, width) each.
    rate
        Probability that a weight is dropped; the others are scaled by 1 / (1 - rate). Drawn from torch's global
        generator.

    Returns
    -------
    Tensor
        (batch, heads, positions, width).
    """
    mixed: Tensor = _DroppedAttention.apply(query, key, value, rate)
    return mixed


class _DroppedAttention(torch.autograd.Function):
    """Goes sample by sample: only the weights and the mask of the batch are kept, once each."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, rate: float) -> Tensor:
        batch, heads, positions, _ = query.shape
        scale, boost = 1 / math.sqrt(query.shape[-1]), 1 / (1 - rate)
        weights = query.new_empty(batch, heads, positions, positions)
        kept = torch.empty(weights.shape, dtype=torch.bool)
        mixed = torch.empty_like(value)
        for sample in range(batch):
            scores = (query[sample] * scale) @ key[sample].transpose(-1, -2)
            torch.softmax(scores, dim=-1, out=weights[sample])
            kept[sample].bernoulli_(1 - rate)
            mixed[sample] = (weights[sample] * kept[sample]) @ value[sample] * boost
        context.save_for_backward(query, key, value, weights, kept)
        context.scale, context.boost = scale, boost
        return mixed

    @staticmethod
    @once_differentiable
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, weights, kept = context.saved_tensors
        to_query, to_key, to_value = (torch.empty_like(each) for each in (query, key, value))
        for sample in range(len(query)):
            weight, mask, gradient = weights[sample], kept[sample], upstream[sample] * context.boost
            to_value[sample] = (weight * mask).transpose(-1, -2) @ gradient
            to_weight = (gradient @ value[sample].transpose(-1, -2)).mul_(mask)
            # The derivative of softmax: each row's gradient, less its mean under the weights.
            to_weight -= (to_weight * weight).sum(dim=-1, keepdim=True)
            to_score = to_weight.mul_(weight).mul_(context.scale)
            to_query[sample] = to_score @ key[sample]
            to_key[sample] = to_score.transpose(-1, -2) @ query[sample]
        return to_query, to_key, to_value, None
