"""One real run and one real cross-validation, small, and a folder of six lines made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from epidyn import crossval, training
from epidyn.training.config import RunConfig

Build = Callable[..., RunConfig]
BASE: dict[str, dict[str, Any]] = {
    "split": {"split": "random", "validation": "auto"},
    "training": {"copies": "balanced", "step": 3, "epochs": 1, "batch_size": 52, "seed": 0},
}


@pytest.fixture(scope="session")
def real_run(toy_config: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What training writes; no test changes it."""
    out = tmp_path_factory.mktemp("real") / "run"
    training.train(toy_config(**BASE), out)
    return out


@pytest.fixture(scope="session")
def real_folds(toy_config: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a cross-validation over four chromosomes writes; no test changes it."""
    out = tmp_path_factory.mktemp("real") / "loco"
    crossval.crossval(toy_config(**{**BASE, "split": {"split": "loco", "validation": "auto"}}), out)
    return out
