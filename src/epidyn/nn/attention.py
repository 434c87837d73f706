"""Attention, without a batch's matrix of weights.

On a GPU with torch's fused kernels. On the CPU sample by sample: one sample's weights, which fit the cache, are
all that ever exists. torch's own CPU kernel without a matrix is slow at narrow heads and knows no dropout; with
dropout torch keeps the weights of a whole batch several times over.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from epidyn.nn.dropout import Mask, MaskSource

_FUSED_WIDTH = 8


def attend(query: Tensor, key: Tensor, value: Tensor, rate: float = 0.0) -> Tensor:
    """Return softmax(query key^T / sqrt(width)), with independent dropout on every weight, times value.

    Parameters
    ----------
    query, key, value
        (batch, heads, positions, width) each.
    rate
        Probability that a weight is dropped; the others are scaled by 1 / (1 - rate). See
        :mod:`epidyn.nn.dropout` for where the CPU's masks come from.

    Returns
    -------
    Tensor
        (batch, heads, positions, width), on the CPU in float32 if the inputs are narrower. Differentiable once.
    """
    if query.device.type != "cpu":
        return fused_attention(query, key, value, rate)
    wide = torch.promote_types(query.dtype, torch.float32)
    with torch.autocast("cpu", enabled=False):
        mixed: Tensor = _Attention.apply(
            query.to(wide), key.to(wide), value.to(wide), rate, torch.is_grad_enabled()
        )
    return mixed


def attend_where_samples_differ(
    shared: tuple[Tensor, Tensor, Tensor], own: tuple[Tensor, Tensor, Tensor], first: int
) -> Tensor:
    """Return :func:`attend` for samples that are alike at all but a few neighbouring positions, on the CPU.

    How the positions that are alike attend to each other is computed once. For each sample a softmax over its own
    few positions and one more, which stands for all others, does the rest. Nothing is subtracted, so that the
    result is exact to rounding however the weights are spread.

    Parameters
    ----------
    shared
        Query, key and value of one of the samples at all positions, (heads, positions, width) each.
    own
        Query, key and value of every sample where they differ, (batch, heads, few, width) each.
    first
        The first of these positions.

    Returns
    -------
    Tensor
        (batch, heads, positions, width); no gradient.
    """
    batch, heads, few, width = own[0].shape
    last = first + few
    query, key, value = (torch.cat([each[:, :first], each[:, last:]], dim=1) for each in shared)
    query = query / math.sqrt(width)
    scores = torch.bmm(query, key.transpose(1, 2))
    others, others_mixed = scores.logsumexp(dim=2, keepdim=True), torch.bmm(scores.softmax(dim=2), value)
    whole_key, whole_value = shared[1].clone(), shared[2].clone()
    mixed = value.new_empty(batch, heads, shared[0].shape[1], width)
    weights = value.new_empty(heads, few, shared[0].shape[1])
    for sample, (own_query, own_key, own_value) in enumerate(zip(*own, strict=True)):
        whole_key[:, first:last], whole_value[:, first:last] = own_key, own_value
        _weigh(own_query, whole_key, weights)
        mixed[sample, :, first:last] = torch.bmm(weights, whole_value)
        few_weights = torch.cat([torch.bmm(query, own_key.transpose(1, 2)), others], dim=2).softmax(dim=2)
        rest = torch.bmm(few_weights[..., :few], own_value).addcmul_(few_weights[..., few:], others_mixed)
        mixed[sample, :, :first], mixed[sample, :, last:] = rest[:, :first], rest[:, first:]
    return mixed


def fused_attention(query: Tensor, key: Tensor, value: Tensor, rate: float = 0.0) -> Tensor:
    """Return the same through torch's fused kernels, of which the fast ones take widths of multiples of 8 only."""
    width = query.shape[-1]
    query, key, value = (F.pad(each, (0, -width % _FUSED_WIDTH)) for each in (query, key, value))
    mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=rate, scale=1 / math.sqrt(width))
    return mixed[..., :width]


class _Attention(torch.autograd.Function):
    """Keeps the masks alone; the weights are computed again in the backward pass."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, rate: float, keep: bool) -> Tensor:
        batch, heads, positions, _ = query.shape
        weights = query.new_empty(heads, positions, key.shape[2])
        masks = MaskSource() if rate else None
        mask = torch.empty_like(weights) if rate else weights
        kept: list[Mask] = []
        mixed = torch.empty_like(query)
        for sample in range(batch):
            _weigh(query[sample], key[sample], weights)
            if masks is not None:
                kept.append(masks.draw(weights.shape, rate))
                weights.mul_(kept[-1].write(mask))
            _times_transposed(value[sample], weights, mixed[sample])
        if rate:
            mixed.mul_(1 / (1 - rate))
        if keep:
            context.save_for_backward(query, key, value, mixed)
            context.kept, context.rate = kept, rate
        return mixed

    @staticmethod
    @once_differentiable
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, mixed = context.saved_tensors
        kept: list[Mask] = context.kept
        upstream = upstream.contiguous()
        to_query, to_key, to_value = (torch.empty_like(each) for each in (query, key, value))
        weights = query.new_empty(*query.shape[1:3], key.shape[2])
        to_weight, dropped = torch.empty_like(weights), torch.empty_like(weights)
        boost, scale = 1 / (1 - context.rate), 1 / math.sqrt(query.shape[-1])
        # Each row's gradient under the weights: sum(weight x gradient) = output . gradient, dropout or not.
        means = (upstream * mixed).sum(dim=-1, keepdim=True)
        for sample in range(len(query)):
            _weigh(query[sample], key[sample], weights)
            torch.baddbmm(
                to_weight, upstream[sample], value[sample].transpose(1, 2), beta=0, alpha=boost, out=to_weight
            )
            if kept:
                to_weight.mul_(kept[sample].write(dropped))
                dropped.mul_(weights)
            after = dropped if kept else weights
            _times_transposed(upstream[sample], after.transpose(1, 2), to_value[sample])
            to_score = to_weight.sub_(means[sample]).mul_(weights)
            _times_transposed(key[sample], to_score, to_query[sample])
            _times_transposed(query[sample], to_score.transpose(1, 2), to_key[sample])
        return to_query.mul_(scale), to_key.mul_(scale), to_value.mul_(boost), None, None


def _weigh(query: Tensor, key: Tensor, out: Tensor) -> None:
    """Write the attention weights of one sample to ``out`` (heads, positions, positions)."""
    torch.baddbmm(out, query, key.transpose(1, 2), beta=0, alpha=1 / math.sqrt(query.shape[-1]), out=out)
    torch.softmax(out, dim=-1, out=out)


def _times_transposed(narrow: Tensor, weights: Tensor, out: Tensor) -> None:
    """Write ``weights @ narrow``: as the transpose of a product, fast where ``narrow`` has few columns."""
    out.copy_(torch.bmm(narrow.transpose(1, 2), weights.transpose(1, 2)).transpose(1, 2))
