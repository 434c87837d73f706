"""What turns base codes into logits: one small interface, whatever kind of model stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError
from torch import Tensor

from epidyn import progress
from epidyn.elements import ROLES, ElementStore, Role
from epidyn.errors import ConfigError, ModelFileError
from epidyn.genome import reverse_complement
from epidyn.nn import EpiDynFusion, NetworkConfig

DEFAULT_BATCH_SIZE = 64

Codes = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]


class Scorer(Protocol):
    """What a kind of model must do; everything else about a model is the same for all kinds."""

    kind: ClassVar[str]

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        ...

    def logits(self, enhancer: Codes, promoter: Codes) -> Logits:
        """Score one batch: uint8 (batch, length) each, to float32 (batch,)."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Return what the model file holds."""
        ...

    def configuration(self) -> dict[str, Any]:
        """Return settings as plain values, enough to rebuild the scorer with its tensors."""
        ...

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """Rebuild; raises ModelFileError if the parts do not fit."""
        ...


class NetworkScorer:
    """The network as a scorer; runs where the network's weights are."""

    kind: ClassVar[str] = "network"

    def __init__(self, network: EpiDynFusion) -> None:
        self.network = network

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        return {
            "enhancer": self.network.config.enhancer_length,
            "promoter": self.network.config.promoter_length,
        }

    def logits(self, enhancer: Codes, promoter: Codes) -> Logits:
        """Score one batch in evaluation mode; the network's mode is put back."""
        device = next(self.network.parameters()).device
        with _evaluating(self.network), torch.inference_mode():
            # torch takes no array with negative strides, and warns of one that is read-only.
            codes = (np.require(each, requirements=["C", "W"]) for each in (enhancer, promoter))
            scores = self.network(*(torch.from_numpy(each).to(device) for each in codes))
        logits: Logits = scores.float().cpu().numpy()
        return logits

    def tensors(self) -> dict[str, Tensor]:
        """Return the network's state_dict, on the CPU."""
        return {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}

    def configuration(self) -> dict[str, Any]:
        """Return the network's configuration."""
        return self.network.config.model_dump()

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """Rebuild the network."""
        try:
            config = NetworkConfig.model_validate(configuration)
        except ValidationError as error:
            raise ModelFileError("its network configuration cannot be used:", complaints(error)) from error
        with torch.random.fork_rng(devices=[]):  # the initial weights are replaced; the draws leave no trace
            network = EpiDynFusion(config)
        wanted = {name: value.shape for name, value in network.state_dict().items()}
        found = {name: value.shape for name, value in tensors.items()}
        if wanted != found:
            differing = sorted(
                name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
            )
            raise ModelFileError("its weights do not fit its network configuration:", differing)
        network.load_state_dict(tensors)
        return cls(network.eval())


SCORERS: dict[str, type[Scorer]] = {scorer.kind: scorer for scorer in (NetworkScorer,)}


def window_logits(
    scorer: Scorer,
    store: ElementStore,
    enhancer: npt.NDArray[np.int64],
    promoter: npt.NDArray[np.int64],
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    rc_average: bool = False,
) -> Logits:
    """Score pairs of windows of a store; the same pair of windows is scored once.

    Parameters
    ----------
    scorer, store
        What scores, and where the windows are.
    enhancer, promoter
        Positions in the store, int64 (n,).
    batch_size
        Pairs scored at once, at least 1.
    rc_average
        Average with the logit of both windows reverse-complemented.

    Returns
    -------
    float32 array (n,)
        In the order given.
    """
    check_batch_size(batch_size)
    distinct, inverse = np.unique(np.stack([enhancer, promoter], axis=1), axis=0, return_inverse=True)
    logits = np.empty(len(distinct), dtype=np.float32)
    with progress.bar("Scoring pairs", len(distinct)) as advance:
        for at in range(0, len(distinct), batch_size):
            batch = slice(at, at + batch_size)
            codes = [store.codes(role, distinct[batch, column]) for column, role in enumerate(ROLES)]
            logits[batch] = scorer.logits(*codes)
            if rc_average:
                turned = scorer.logits(*(reverse_complement(each) for each in codes))
                logits[batch] = (logits[batch] + turned) / 2
            advance(len(codes[0]))
    if not np.isfinite(logits).all():
        raise ModelFileError(
            f"the model gives {(~np.isfinite(logits)).sum()} of {len(logits)} pairs a score that is no finite "
            "number; its weights are damaged or its training diverged. Use another model."
        )
    return logits[inverse.reshape(-1)]


def check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ConfigError(f"--batch-size is {batch_size}; it must be 1 or more.")


@contextmanager
def _evaluating(network: torch.nn.Module) -> Iterator[None]:
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def complaints(error: ValidationError) -> list[str]:
    """Return one line a fault of a pydantic validation."""
    return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
