"""Copies of one real run, changed in what a test is about."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w

Settings = dict[str, dict[str, Any]]


def vary(
    source: Path,
    target: Path,
    *,
    line: str = "NHEK",
    seed: int = 0,
    auroc: float = 0.9,
    aupr: float = 0.8,
    settings: Settings | None = None,
    metrics: Callable[[dict[str, Any]], object] | None = None,
) -> Path:
    """Copy a run as if it had been of another line, seed and settings, and had scored otherwise.

    ``metrics`` changes the content of metrics.json at last.
    """
    shutil.copytree(source, target)
    config = tomllib.loads((target / "config.toml").read_text())
    config["training"]["seed"] = seed
    for section, values in (settings or {}).items():
        config[section].update(values)
    (target / "config.toml").write_text(tomli_w.dumps(config))
    report = json.loads((target / "metrics.json").read_text())
    report["test"].update(auroc=auroc, aupr=aupr)
    if isinstance(config["training"]["copies"], int):
        report["data"]["copies"] = config["training"]["copies"]
    report["data"]["cell_lines"], report["lines"] = [line], {line: report["test"]}
    if metrics is not None:
        metrics(report)
    (target / "metrics.json").write_text(json.dumps(report))
    return target


def vary_folds(
    source: Path, target: Path, *, line: str, seed: int = 0, auroc: float = 0.6, sd: float = 0.05
) -> Path:
    """Copy a cross-validation likewise; the folds keep their scores."""
    shutil.copytree(source, target)
    config = tomllib.loads((target / "config.toml").read_text())
    config["training"]["seed"] = seed
    (target / "config.toml").write_text(tomli_w.dumps(config))
    report = json.loads((target / "metrics.json").read_text())
    report["data"]["cell_lines"] = [line]
    report["mean"]["auroc"], report["sd"]["auroc"] = auroc, sd
    (target / "metrics.json").write_text(json.dumps(report))
    return target
