"""The bidirectional GRU, on the CPU with few and large operations.

torch's own CPU kernel goes through a sequence once a direction, in some twenty operations a step, forward and
again backward. Here both directions go together: six operations a step forward, and four backward, since all that
does not depend on the gradient is computed for all steps at once.

Arrays are (direction, channel, position, sample). So a layer's output is the next one's input as it stands, both
projections and all weight gradients are single matrix products, and no array is ever turned round: at one step the
backward direction simply stands at the mirrored position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Numbers of one array that are worked on at a time, so that they stay in the cache.
_CHUNK = 250_000


class BidirectionalGRU(nn.GRU):
    """``torch.nn.GRU``, bidirectional, batch first, from a zero state; same parameters, same function."""

    def __init__(self, channels: int, hidden: int, layers: int) -> None:
        super().__init__(channels, hidden, layers, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(batch, positions, channels) to (batch, positions, 2 x hidden): both directions, forward first."""
        weight: Tensor = self.weight_ih_l0  # type: ignore[assignment]
        dtype = weight.dtype
        if x.device.type != "cpu" or dtype not in (torch.float32, torch.float64):
            # Autocast to bf16 would have CUDA compute it in float16, where small gradients vanish.
            with torch.autocast(x.device.type, enabled=False):
                out: Tensor = super().forward(x.to(dtype))[0]
            return out
        with torch.autocast("cpu", enabled=False):
            x = x.to(dtype).permute(2, 1, 0).contiguous()
            for layer in range(self.num_layers):
                x = self._layer(x, layer)
        return x.permute(2, 1, 0)

    def _layer(self, x: Tensor, layer: int) -> Tensor:
        """(channels, positions, batch) to (2 x hidden, positions, batch)."""
        weight_in, weight_hidden, bias_in, bias_hidden = (
            torch.stack([getattr(self, f"{name}_l{layer}{direction}") for direction in ("", "_reverse")])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        inputs = torch.addmm(bias_in.view(-1, 1), weight_in.flatten(0, 1), x.flatten(1))
        states: Tensor = _Recurrence.apply(
            inputs.view(2, weight_hidden.shape[1], *x.shape[1:]),
            weight_hidden,
            bias_hidden.unsqueeze(2),
            torch.is_grad_enabled(),
        )
        return states.flatten(0, 1)


class _Recurrence(torch.autograd.Function):
    """Inputs (2, 3 x hidden, positions, batch) of the gates reset, update and new, to states (2, hidden, ...)."""

    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: Tensor, bias: Tensor, keep: bool) -> Tensor:
        _, gates, steps, batch = inputs.shape
        hidden = gates // 3
        states = inputs.new_empty(2, hidden, steps, batch)
        # For backward: reset and update gate, the candidate state, what the reset gate was multiplied with.
        saved = inputs.new_empty(2, 4 * hidden, steps, batch) if keep else None
        bias = bias.expand(2, gates, batch)
        own, reset_update = inputs.new_empty(2, gates, batch), inputs.new_empty(2, 2 * hidden, batch)
        reset, update = reset_update.split(hidden, dim=1)
        own_gates, own_new = own[:, : 2 * hidden], own[:, 2 * hidden :]
        new, state = inputs.new_empty(2, hidden, batch), inputs.new_zeros(2, hidden, batch)
        for step in range(steps):
            given = _at(inputs, step)
            torch.baddbmm(bias, weight, state, out=own)
            torch.add(given[:, : 2 * hidden], own_gates, out=reset_update).sigmoid_()
            torch.addcmul(given[:, 2 * hidden :], reset, own_new, out=new).tanh_()
            state = torch.lerp(new, state, update, out=_at(states, step))
            if saved is not None:
                torch.cat([reset_update, new, own_new], dim=1, out=_at(saved, step))
        if keep:
            context.save_for_backward(states, saved, weight)
        return states

    @staticmethod
    @once_differentiable
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        states, saved, weight = context.saved_tensors
        _, hidden, steps, batch = states.shape
        gradients = _sensitivities(states, saved)
        totals = upstream.clone(memory_format=torch.contiguous_format)
        back, carried = weight.transpose(1, 2), states.new_empty(2, hidden, batch)
        for step in range(steps - 1, -1, -1):
            total, gradient = _at(totals, step), _at(gradients, step)
            gradient.unflatten(1, (3, hidden)).mul_(total.unsqueeze(1))
            if step:
                before = _at(totals, step - 1)
                before.addcmul_(total, _at(saved, step)[:, hidden : 2 * hidden])
                before.add_(torch.bmm(back, gradient, out=carried))
        # The state before a step lies one position earlier, or, in the backward direction, later.
        flat, flat_states = gradients.flatten(2), states.flatten(2)
        to_weight = torch.stack(
            [
                flat[0, :, batch:] @ flat_states[0, :, :-batch].t(),
                flat[1, :, :-batch] @ flat_states[1, :, batch:].t(),
            ]
        )
        to_bias = flat.sum(dim=2, keepdim=True)
        for part in _parts(states):
            _, update, candidate, _ = saved[part[0]].view(4, hidden, steps, batch)[:, part[1]]
            new = gradients[part[0]].view(3, hidden, steps, batch)[2, part[1]]
            torch.mul(_candidate_sensitivity(update, candidate), totals[part], out=new)
        return gradients, to_weight, to_bias, None


def _sensitivities(states: Tensor, saved: Tensor) -> Tensor:
    """Return d state / d pre-activation, (2, 3 x hidden, positions, batch).

    For the reset, the update and the new gate, the last one at what the reset gate is multiplied with.
    """
    _, hidden, steps, batch = states.shape
    out = states.new_empty(2, 3, hidden, steps, batch)
    for direction, channels in _parts(states):
        reset, update, candidate, own = saved[direction].view(4, hidden, steps, batch)[:, channels]
        to_candidate = _candidate_sensitivity(update, candidate)
        to_reset, to_update, to_own = out[direction, :, channels]
        torch.mul(to_candidate, reset, out=to_own)
        torch.mul(to_own, 1 - reset, out=to_reset).mul_(own)
        torch.neg(candidate, out=to_update)
        if direction == 0:
            to_update[:, 1:] += states[0, channels, :-1]
        else:
            to_update[:, :-1] += states[1, channels, 1:]
        to_update.mul_(update).mul_(1 - update)
    return out.flatten(1, 2)


def _candidate_sensitivity(update: Tensor, candidate: Tensor) -> Tensor:
    return (1 - update).mul_(1 - candidate * candidate)


def _parts(states: Tensor) -> Iterator[tuple[int, slice]]:
    """Cut (2, hidden, positions, batch) into pieces of one direction and a few channels."""
    _, hidden, steps, batch = states.shape
    channels = max(1, _CHUNK // max(1, steps * batch))
    for direction in range(2):
        for at in range(0, hidden, channels):
            yield direction, slice(at, at + channels)


def _at(x: Tensor, step: int) -> Tensor:
    """Return (2, channels, batch) of a contiguous (2, channels, positions, batch): both directions at a step.

    The forward direction stands at position ``step``, the backward one at the mirrored position.
    """
    _, channels, steps, batch = x.shape
    mirrored = channels * steps * batch + (steps - 1 - 2 * step) * batch
    return x.as_strided((2, channels, batch), (mirrored, steps * batch, 1), x.storage_offset() + step * batch)
