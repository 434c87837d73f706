"""What a finished run says of itself: the model's provenance, and metrics.json."""

from __future__ import annotations

import importlib.metadata
import platform
import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from epidyn import __version__
from epidyn.dataset import samples_in
from epidyn.model import Provenance, pack_hashes
from epidyn.scores import Scores
from epidyn.splits import PARTS
from epidyn.training.checkpoint import TrainingState
from epidyn.training.config import PATHS, RunConfig
from epidyn.training.device import device_name, precision
from epidyn.training.inputs import RunInputs
from epidyn.training.regimes import describe_start


@dataclass(frozen=True)
class Tested:
    """What the test part gave, and what that cost.

    Attributes
    ----------
    pairs
        Its rows with their scores; None, as ``scores``, if there is no test part.
    scores
        Over all of them.
    lines
        Of each cell line.
    parts
        Of what in the model can score pairs alone, over all of them, by name.
    seconds
        Wall time of scoring, without the parts.
    gpu_bytes
        Most memory of the GPU that tensors took meanwhile; None without one.
    """

    pairs: pd.DataFrame | None = None
    scores: Scores | None = None
    lines: dict[str, Scores] = field(default_factory=dict)
    parts: dict[str, Scores] = field(default_factory=dict)
    seconds: float = 0.0
    gpu_bytes: int | None = None


def provenance(
    config: RunConfig,
    inputs: RunInputs,
    origin: dict[str, str],
    validation: dict[str, float],
    test: Scores | None,
) -> Provenance:
    """Return what the model file says of its origin; nothing in it depends on how fast the machine was."""
    init, start = config.training.init, inputs.start
    starting_model = describe_start(init, inputs.digests["init"], start) if init and start else None
    timeless = {name: value for name, value in validation.items() if name != "seconds"}
    return Provenance(
        training={**_training_settings(config), **config.controls()},
        **origin,
        pairs=inputs.tables,
        genome={"name": inputs.genome_name, "digest": inputs.digests["genome"]},
        regime=config.training.regime,
        cell_lines=inputs.cell_lines,
        starting_model=starting_model,
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
    tested: Tested,
) -> dict[str, Any]:
    """Return the content of ``metrics.json``."""
    labels = inputs.pairs["label"]
    return {
        "data": {
            "pairs": inputs.tables,
            "regime": config.training.regime,
            "cell_lines": inputs.cell_lines,
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
            "left_out_by_pool": inputs.split.left_out,
            "test_elements_seen_before": inputs.test_elements_seen_before()[0],
        },
        "test": tested.scores,
        "lines": tested.lines,
        "parts": tested.parts,
        "validation": validation,
        "time": _time(config, inputs, state, tested),
        "memory": {
            "peak_bytes": _peak_bytes(),
            "training_peak_gpu_bytes": state.gpu_bytes,
            "test_peak_gpu_bytes": tested.gpu_bytes,
        },
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
        "pool": inputs.split.pool,
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


def _training_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings that decide what is learned, without paths of this machine."""
    settings = {name: value for name, value in config.heeded().items() if name != "motif_pairs.score_cache"}
    if "precision" in settings:
        settings["precision"] = precision(config.training)
    files = {name for name in settings if (name if "." in name else f"training.{name}") in PATHS}
    return settings | {name: Path(settings[name]).name for name in files if settings[name] is not None}


def _time(config: RunConfig, inputs: RunInputs, state: TrainingState, tested: Tested) -> dict[str, float | None]:
    """Return seconds, and how many pairs were done in one; None for what was not done."""
    settings = config.training
    trained = None
    if state.step:
        smallest = 2 * settings.devices
        trained = samples_in(state.step, len(inputs.data.train), settings.batch_size, smallest=smallest)
    test = 0 if tested.pairs is None else len(tested.pairs)
    return {
        "training_seconds": state.seconds,
        "steps": state.step,
        "epochs": state.epoch,
        "training_window_pairs_per_second": trained / state.seconds if trained else None,
        "test_seconds": tested.seconds,
        "test_pairs_per_second": test / tested.seconds if test else None,
    }


def _peak_bytes() -> int:
    # getrusage counts kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
