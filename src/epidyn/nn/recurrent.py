"""The bidirectional GRU, on the CPU with few and large operations.

torch's own CPU kernel goes through a sequence once a direction, in some twenty operations a step, forward and again
backward. Here both directions go together, forward in six operations a step; backward in three, since everything
that does not depend on the gradient is computed for all steps at once.

Arrays of the recurrence are (position, direction, channel, sample): an operation's operands are then contiguous.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class BidirectionalGRU(nn.GRU):
    """``torch.nn.GRU``, bidirectional, batch first, from a zero state; same parameters, same function."""

    def __init__(self, channels: int, hidden: int, layers: int) -> None:
        super().__init__(channels, hidden, layers, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(batch, positions, channels) to (batch, positions, 2 x hidden): both directions, forward first."""
        if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
            out: Tensor = super().forward(x)[0]
            return out
        x = x.permute(1, 2, 0)
        for layer in range(self.num_layers):
            x = self._layer(x, layer)
        return x.permute(2, 0, 1)

    def _layer(self, x: Tensor, layer: int) -> Tensor:
        """(positions, channels, batch) to (positions, 2 x hidden, batch)."""
        weight_in, weight_hidden, bias_in, bias_hidden = (
            torch.stack([getattr(self, f"{name}_l{layer}{direction}") for direction in ("", "_reverse")])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        both = torch.matmul(weight_in.flatten(0, 1), x) + bias_in.flatten()[:, None]
        forward, backward = both.unflatten(1, (2, -1)).unbind(1)
        inputs = torch.stack([forward, backward.flip(0)], dim=1)
        states: Tensor = _Recurrence.apply(inputs, weight_hidden, bias_hidden)
        forward, backward = states.unbind(1)
        return torch.cat([forward, backward.flip(0)], dim=1)


class _Recurrence(torch.autograd.Function):
    """The recurrence alone: inputs (T, 2, 3 x hidden, batch) of reset, update and new gate, to states (T, 2, ...)."""

    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        steps, _, gates, batch = inputs.shape
        hidden = gates // 3
        states = inputs.new_empty(steps, 2, hidden, batch)
        keep = any(context.needs_input_grad)
        # What backward needs: both gates, the candidate, and what the reset gate was multiplied with.
        gate = inputs[:, :, : 2 * hidden].clone() if keep else inputs[:, :, : 2 * hidden]
        candidate = torch.empty_like(states) if keep else None
        recurrent = inputs.new_empty(steps if keep else 1, 2, gates, batch)
        bias = bias[:, :, None].expand(2, gates, batch)
        state = inputs.new_zeros(2, hidden, batch)
        new = torch.empty_like(state)
        for step in range(steps):
            own = torch.baddbmm(bias, weight, state, out=recurrent[step if keep else 0])
            reset_update = torch.add(inputs[step, :, : 2 * hidden], own[:, : 2 * hidden]).sigmoid_()
            torch.addcmul(
                inputs[step, :, 2 * hidden :], reset_update[:, :hidden], own[:, 2 * hidden :], out=new
            ).tanh_()
            state = torch.lerp(new, state, reset_update[:, hidden:], out=states[step])
            if keep:
                gate[step] = reset_update
                candidate[step] = new
        if keep:
            context.save_for_backward(states, gate, candidate, recurrent[:, :, 2 * hidden :], weight)
        return states

    @staticmethod
    @once_differentiable
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        states, gate, candidate, recurrent_new, weight = context.saved_tensors
        steps, _, hidden, batch = states.shape
        reset, update = gate[:, :, :hidden], gate[:, :, hidden:]
        before = torch.cat([torch.zeros_like(states[:1]), states[:-1]])
        # d state / d (pre-activation of each gate), the new gate's once at its input and once behind the reset gate.
        to_new = (1 - update) * (1 - candidate * candidate)
        factors = torch.empty(steps, 2, 3, hidden, batch, dtype=states.dtype)
        factors[:, :, 0] = to_new * recurrent_new * reset * (1 - reset)
        factors[:, :, 1] = (before - candidate) * update * (1 - update)
        factors[:, :, 2] = to_new * reset
        gradients = torch.empty_like(factors)
        totals = upstream.contiguous().clone()
        back = weight.transpose(1, 2).contiguous()
        for step in range(steps - 1, -1, -1):
            total = totals[step]
            torch.mul(total.unsqueeze(1), factors[step], out=gradients[step])
            if step:
                totals[step - 1].addcmul_(total, update[step])
                totals[step - 1].baddbmm_(back, gradients[step].flatten(1, 2))
        to_hidden = gradients.flatten(2, 3)
        to_weight = torch.einsum("tdgb,tdhb->dgh", to_hidden, before)
        to_bias = to_hidden.sum(dim=(0, 3))
        to_inputs = to_hidden.clone()
        to_inputs[:, :, 2 * hidden :] = totals * to_new
        return to_inputs, to_weight, to_bias
