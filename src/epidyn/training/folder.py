"""The run folder: what lies in it and under which name."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from epidyn.errors import InputFileError
from epidyn.files import atomic_path, write_text

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

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table, comma-separated for .csv, else by tabs, whole or not at all."""
        with atomic_path(self / name) as beside:
            table.to_csv(beside, sep="," if name.endswith(".csv") else "\t", index=False, lineterminator="\n")

    def clear_partials(self) -> None:
        """Remove what a kill in the middle of writing left beside the run's own files."""
        for name in self.FILES:
            for partial in self.path.glob(f".{name}.*.partial"):
                partial.unlink(missing_ok=True)

    def write_history(self, history: list[dict[str, float]]) -> None:
        """Write ``history.csv``, one row an epoch; a header alone before the first epoch's end."""
        self.write_table(self.HISTORY, pd.DataFrame(history, columns=list(HISTORY_COLUMNS)))

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write JSON, whole or not at all."""
        write_text(self / name, json.dumps(content, indent=2, allow_nan=False) + "\n")

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
