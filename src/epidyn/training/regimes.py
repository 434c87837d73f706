"""The regimes: a network for one cell line, one for several pooled, and one line's that starts from theirs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epidyn.errors import ConfigError
from epidyn.model import Provenance
from epidyn.splits import Split
from epidyn.training.config import RunConfig


def check_regime(config: RunConfig, lines: Sequence[str]) -> None:
    """Refuse a regime that does not fit the cell lines of the table.

    Raises
    ------
    ConfigError
        If one line is to be pooled, several are not, or ``strict`` pooling is asked for without pooling.
    """
    regime = config.training.regime
    if regime == "general" and len(lines) == 1:
        raise ConfigError(
            f"--regime general pools cell lines, and there is one ({lines[0]}). Give --pairs "
            "once for each line, or leave --regime out."
        )
    if regime != "general" and len(lines) > 1:
        raise ConfigError(
            f"--regime {regime} is for one cell line; the pairs are of {len(lines)} ({', '.join(lines)}). Give "
            "--regime general to pool them, or a table of one line."
        )
    if regime != "general" and config.split.pool == "strict":
        raise ConfigError(f"--pool strict is about other cell lines, and --regime {regime} has one. Leave it out.")


def describe_start(path: str, sha256: str, start: Provenance) -> dict[str, Any]:
    """Return what a model file says of the model that training started from, and that of its own start."""
    return {
        "name": Path(path).name,
        "sha256": sha256,
        "regime": start.regime,
        "cell_lines": start.cell_lines,
        "starting_model": start.starting_model,
    }


def doubts(config: RunConfig, start: Provenance, split: Split, lines: Sequence[str]) -> list[str]:
    """Return what speaks against starting from a model: one sentence each.

    Parameters
    ----------
    config
        The run.
    start
        Where the model came from.
    split
        Of the run.
    lines
        The cell lines of the run's table.
    """
    found = []
    if config.training.regime == "fine-tuned" and start.regime != "general":
        found.append(
            "regime fine-tuned is to start from a model of the general regime; the one given is of "
            f"{start.regime or 'an unknown one'}"
        )
    shared = sorted(set(lines) & set(start.cell_lines or []))
    before = start.split or {}
    asked = {"kind": split.kind, "fold": split.fold, "seed": config.training.seed}
    other = {name: before.get(name) for name in asked if before.get(name) != asked[name]}
    if shared and other:
        differing = ", ".join(f"{name} {value}, here {asked[name]}" for name, value in other.items())
        found.append(
            f"the model that training starts from was trained on {', '.join(shared)} under another split "
            f"({differing}), so it may have seen test pairs of this run. Train it with the same --split, --fold "
            "and --seed"
        )
    return found
