"""How far the network is from its plain twin, and both from the twin in float64; see network.py."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from measure import Figure, Section
from subjects import Settings, training_batch, twins
from torch import Tensor, nn
from torch.nn import functional as F

from epidyn.nn.published import published_name

OFF = {"dropout": 0.0, "transformer_dropout": 0.0, "attention_dropout": 0.0}


@dataclass(frozen=True)
class Outcome:
    """Logits in evaluation, and the gradients of a training step by the twin's names."""

    logits: Tensor
    gradients: dict[str, Tensor]


def agreement(settings: Settings, pairs: Path) -> Section:
    """The largest differences of logits and gradients, without dropout."""
    network, twin = twins(settings.config.model_copy(update=OFF))
    batch = training_batch(settings.config, settings.exact_batch)
    exact = outcome(copy.deepcopy(twin).double(), batch)
    plain = outcome(twin, batch)
    ours = outcome(network, batch, published_name)
    figures = [Figure("standard deviation of the logits", float(exact.logits.std()), "")]
    for name, first, second in (
        ("ours to the twin", ours, plain),
        ("ours to the twin in float64", ours, exact),
        ("the twin to the twin in float64", plain, exact),
    ):
        logit = float((first.logits - second.logits).abs().max())
        relative, worst = largest_relative(first.gradients, second.gradients)
        figures.append(Figure(f"largest difference of a logit, {name}", logit, ""))
        figures.append(Figure(f"largest relative difference of a gradient, {name} ({worst})", relative, ""))
    return Section("Agreement with the twin", figures)


def outcome(network: nn.Module, batch: dict[str, Tensor], rename: Callable[[str], str] = str) -> Outcome:
    codes = batch["enhancer"], batch["promoter"]
    with torch.inference_mode():
        logits = network.eval()(*codes).double()
    trained = network.train()(*codes)
    F.binary_cross_entropy_with_logits(trained, batch["label"].to(trained.dtype)).backward()
    gradients = {rename(name): parameter.grad.double() for name, parameter in network.named_parameters()}
    return Outcome(logits.clone(), gradients)


def largest_relative(first: dict[str, Tensor], second: dict[str, Tensor]) -> tuple[float, str]:
    """Return the largest difference of an entry over its tensor's largest entry, and which tensor's it is."""
    relative = {name: float((first[name] - each).abs().max() / each.abs().max()) for name, each in second.items()}
    worst = max(relative, key=relative.__getitem__)
    return relative[worst], worst
