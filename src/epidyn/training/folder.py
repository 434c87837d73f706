"""The run folder: what lies in it and under which name."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from epidyn.errors import InputFileError
from epidyn.files import clear_partials, write_table

log = logging.getLogger("epidyn")


HISTORY_COLUMNS = (
    "epoch",
    "step",
    "seconds",
    "train_loss",
    "val_loss",
    "val_auroc",
    "val_aupr",
    "learning_rate",
)


@dataclass(frozen=True)
class RunFolder:
    """A folder that one training run owns."""

    path: Path

    MODEL = "model.safetensors"
    CONFIG = "config.toml"
    SPLIT = "split.tsv"
    HISTORY = "history.csv"
    PREDICTIONS = "predictions.tsv"
    METRICS = "metrics.json"
    LOG = "log.txt"
    CHECKPOINT = "checkpoint.pt"
    FILES = (MODEL, CONFIG, SPLIT, HISTORY, PREDICTIONS, METRICS, LOG, CHECKPOINT)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def finished(self) -> bool:
        """Whether the run is complete; the metrics are written last."""
        return (self / self.METRICS).exists()

    def require(self) -> None:
        """Raise InputFileError unless this is a run folder."""
        if not (self / self.CONFIG).is_file():
            raise InputFileError(f"{self.path} is no run folder: it has no {self.CONFIG}. Start one with --out.")

    def clear_partials(self) -> None:
        """Remove what a kill in the middle of writing left beside the run's own files."""
        clear_partials(self / name for name in self.FILES)

    def write_history(self, history: list[dict[str, float]]) -> None:
        """Write ``history.csv``, one row an epoch; a header alone before the first epoch's end of a network."""
        table = pd.DataFrame(history) if history else pd.DataFrame(columns=list(HISTORY_COLUMNS))
        write_table(self / self.HISTORY, table)

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Append what is logged in the block to the run's log."""
        handler = logging.FileHandler(self / self.LOG, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        level = log.level
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        try:
            yield
        finally:
            log.removeHandler(handler)
            log.setLevel(level)
            handler.close()
