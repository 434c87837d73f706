"""What a finished run says of itself: the model's provenance, and metrics.json."""

from __future__ import annotations

import importlib.metadata
import platform
import resource
import sys
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import torch

from epidyn import __version__, metrics
from epidyn.model import Provenance, pack_hashes
from epidyn.splits import PARTS
from epidyn.training.checkpoint import TrainingState
from epidyn.training.config import RunConfig
from epidyn.training.device import device_name, precision
from epidyn.training.inputs import RunInputs


class LabelCounts(TypedDict):
    """What there is to say of a test part with one label, which has no AUROC and no AUPR."""

    pairs: int
    positives: int
    negatives: int
    prevalence: float


TestScores = metrics.Summary | LabelCounts


def label_counts(labels: npt.NDArray[np.integer]) -> LabelCounts:
    """Return the counts of labels, 0 or 1, (n,)."""
    positives = int(labels.sum())
    return {
        "pairs": len(labels),
        "positives": positives,
        "negatives": len(labels) - positives,
        "prevalence": positives / len(labels),
    }


def provenance(
    config: RunConfig,
    inputs: RunInputs,
    vectors: str,
    validation: dict[str, float],
    test: TestScores | None,
) -> Provenance:
    """Return what the model file says of its origin; nothing in it depends on how fast the machine was."""
    lines = inputs.pairs["cell_line"].unique().tolist() if "cell_line" in inputs.pairs else []
    timeless = {name: value for name, value in validation.items() if name != "seconds"}
    return Provenance(
        training={**_training_settings(config), **config.controls()},
        kmer_vectors=vectors,
        pairs=[{"name": Path(config.data.pairs).name, "sha256": inputs.digests["pairs"]}],
        genome={"name": inputs.genome_name, "digest": inputs.digests["genome"]},
        regime="specific",
        cell_lines=sorted(lines),
        split={**_split_summary(inputs), "seed": config.training.seed},
        training_intervals=pack_hashes(inputs.seen()),
        training_prevalence=float(inputs.data.train.label.mean(dtype=np.float64)),
        metrics={"validation": timeless, "test": test},
    )


def metrics_report(
    config: RunConfig,
    inputs: RunInputs,
    state: TrainingState,
    validation: dict[str, float],
    test: TestScores | None,
    test_seconds: float,
) -> dict[str, Any]:
    """Return the content of ``metrics.json``."""
    labels = inputs.pairs["label"]
    return {
        "data": {
            "pairs": Path(config.data.pairs).name,
            "pairs_sha256": inputs.digests["pairs"],
            "genome": inputs.genome_name,
            "genome_digest": inputs.digests["genome"],
            "rows": len(labels),
            "positives": int(labels.sum()),
            "copies": inputs.data.copies,
            **config.controls(),
            "stored_bases": len(inputs.data.store.bases),
        },
        "split": {
            **_split_summary(inputs),
            **_part_sizes(inputs),
            "test_elements_seen_before": inputs.test_elements_seen_before()[0],
        },
        "test": test,
        "validation": validation,
        "time": {
            "training_seconds": state.seconds,
            "steps": state.step,
            "epochs": state.epoch,
            "test_seconds": test_seconds,
        },
        "memory": _memory(),
        "environment": {
            "epidyn": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": importlib.metadata.version("pytorch-lightning"),
            "threads": torch.get_num_threads(),
            "machine": platform.machine(),
            "device": device_name(config.training),
            "precision": precision(config.training),
        },
    }


def _split_summary(inputs: RunInputs) -> dict[str, Any]:
    return {
        "kind": inputs.split.kind,
        "validation_kind": inputs.split.validation,
        "fold": inputs.split.fold,
        "leakage": inputs.leakage.report() if inputs.leakage else None,
    }


def _part_sizes(inputs: RunInputs) -> dict[str, dict[str, int]]:
    """Return the counts of each part; one that nothing reads has no windows."""
    labels = inputs.pairs["label"].to_numpy()
    sizes: dict[str, dict[str, int]] = {}
    for part in PARTS:
        rows = inputs.split.rows(part)
        sizes[part] = {"pairs": len(rows), "positives": int(labels[rows].sum())}
        samples = getattr(inputs.data, part, None)
        if samples is not None:
            sizes[part]["window_pairs"] = len(samples)
            sizes[part]["positive_window_pairs"] = int(samples.label.sum())
    return sizes


def best_row(state: TrainingState) -> dict[str, float]:
    """Return the history's row of the kept epoch."""
    return next(row for row in state.history if row["epoch"] == state.best_epoch)


def _training_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings without paths of this machine."""
    init = config.training.init
    resolved = {"init": Path(init).name if init else None, "precision": precision(config.training)}
    return {**config.training.model_dump(), **resolved}


def _memory() -> dict[str, int]:
    # getrusage counts kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    memory = {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if torch.cuda.is_available():
        memory["peak_gpu_bytes"] = torch.cuda.max_memory_allocated()
    return memory
