"""What a resume needs, in one file that is replaced whole."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from epidyn.errors import ModelFileError
from epidyn.files import atomic_path
from epidyn.torchfiles import load_tensors

_ANEW = "Start the run again, with --force."


@dataclass
class TrainingState:
    """Where a run is: everything that the rest of it depends on, apart from its configuration.

    Attributes
    ----------
    epoch, batch, step
        The epoch, the batches of it that are done, and the optimiser steps of the whole run.
    seconds
        Training time so far, over all its processes.
    loss_sum, loss_count
        Running sum of the training loss over the epoch's samples, and their number.
    history
        One row an epoch, as ``history.csv`` has them.
    best_loss, best_epoch, best_weights
        Lowest validation loss so far, its epoch, and the weights then.
    waited
        Epochs since then.
    finished, network_finished
        Whether training is over; and, where more follows it, whether that of the network is.
    weights, optimizer
        State of the network and of the optimiser now.
    inputs
        Digests of what the run reads, so that a resume notices another table or genome.
    settings
        What the run does, as its ``config.toml`` had it when it began, so that a resume notices a change.
    precision
        What it computes in; empty before it begins.
    gpu_bytes
        Most memory of the GPU so far, in bytes, over all its processes; None without one.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_loss: float = float("inf")
    best_epoch: int = -1
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    waited: int = 0
    finished: bool = False
    network_finished: bool = False
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    settings: str = ""
    precision: str = ""
    gpu_bytes: int | None = None

    def best_row(self) -> dict[str, float]:
        """Return the history's row of the kept epoch."""
        return next(row for row in self.history if row["epoch"] == self.best_epoch)

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all."""
        content = io.BytesIO()
        torch.save(asdict(self), content)  # torch has no word for a full disk, so it writes to no file itself
        with atomic_path(path) as beside:
            beside.write_bytes(content.getbuffer())

    @classmethod
    def load(cls, path: Path) -> TrainingState:
        """Read a state; nothing in the file can run code.

        Raises
        ------
        InputFileError
            If the file is missing or empty.
        ModelFileError
            If it is damaged or of another kind.
        """
        content = load_tensors(path, "checkpoint", cure=_ANEW)
        try:
            return cls(**content)
        except TypeError as error:
            raise ModelFileError(f"checkpoint {path}: it is of another kind ({error}). {_ANEW}") from error


Save = Callable[[TrainingState], None]
