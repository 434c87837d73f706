"""What is searched: for each setting its choices or its range."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from epidyn.errors import ConfigError
from epidyn.training.config import RunConfig, Settings, make_config, read_settings

Objective = Literal["val_loss", "val_auroc", "val_aupr"]
Value: TypeAlias = bool | int | float | str

OBJECTIVES: tuple[Objective, ...] = ("val_loss", "val_auroc", "val_aupr")

# These decide what a trial is validated on, where it runs or what it draws: values would no longer compare.
_FIXED = ("data", "split", "training.seed", "training.devices", "training.accelerator", "training.save_minutes")
_FREE = ("data.kmer_vectors",)


@dataclass(frozen=True)
class Choices:
    """One of several values."""

    choices: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """A number from ``low`` to ``high``, both included; by ``step``, or evenly on a logarithmic scale."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return all(isinstance(each, int) for each in (self.low, self.high, self.step) if each is not None)


Space: TypeAlias = dict[str, Choices | Range]

# PAPER.md names the ends of the batch size; neighbouring sizes hardly differ, so it goes by 16.
PAPER: Space = {
    "training.learning_rate": Choices((1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1)),
    "training.epochs": Range(20, 100, 10),
    "training.batch_size": Range(16, 64, 16),
    "training.optimizer": Choices(("NAdam", "Adam", "RMSprop")),
}
OF_MOTIF_PAIRS: Space = {
    "motif_pairs.sites": Choices(("all", 4, 2, 1)),
    "motif_pairs.screened": Choices((300, 1000, 3000)),
    "motif_pairs.composition": Choices((True, False)),
}


def usual_space(config: RunConfig) -> Space:
    """Return what is searched where nothing else is asked for: the paper's space, if a network is trained."""
    return PAPER if config.kind.network else OF_MOTIF_PAIRS


def read_space(path: str | os.PathLike[str]) -> Space:
    """Read a space from TOML: a table ``[section.setting]`` with ``choices``, or ``low`` and ``high``.

    Raises
    ------
    InputFileError
        If the file is missing or empty.
    ConfigError
        If it is no TOML, or a table has other keys; all complaints are listed.
    """
    space: Space = {}
    complaints: list[str] = []
    for section, settings in read_settings(path).items():
        if not isinstance(settings, Mapping):
            complaints.append(f"{section}: it stands outside a table [section.setting]")
            continue
        for key, entry in settings.items():
            try:
                space[f"{section}.{key}"] = _dimension(entry)
            except ValueError as error:
                complaints.append(f"{section}.{key}: {error}")
    if not space and not complaints:
        complaints.append("it names no setting")
    if complaints:
        raise ConfigError(f"space {path} cannot be searched:", complaints)
    return space


def check_space(space: Space, base: RunConfig) -> None:
    """Try every choice and both ends of every range on top of ``base``.

    Raises
    ------
    ConfigError
        If a setting is unknown, decides what is compared, or has a value out of its range; all are listed.
    """
    complaints = [complaint for name, dimension in space.items() for complaint in _faults(name, dimension, base)]
    if complaints:
        raise ConfigError("the space holds what no run can use:", list(dict.fromkeys(complaints)))


def configured(base: RunConfig, params: Mapping[str, Any]) -> RunConfig:
    """Return ``base`` with the settings of a trial.

    Raises
    ------
    ConfigError
        If they do not go together.
    """
    changes: Settings = {}
    for name, value in params.items():
        section, _, key = name.partition(".")
        changes.setdefault(section, {})[key] = value
    return make_config(base.model_dump(exclude_none=True), changes)


def described(space: Space) -> dict[str, Any]:
    """Return the space as plain values that JSON keeps."""
    return {
        name: {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(each).items()}
        for name, each in space.items()
    }


def _dimension(entry: Any) -> Choices | Range:
    """Build one setting's choices or range; ValueError says what is wrong."""
    if not isinstance(entry, Mapping) or not ({"choices"} == set(entry) or {"low", "high"} <= set(entry)):
        raise ValueError("choices = [...], or low and high, are needed")
    if "choices" in entry:
        return _choices(entry["choices"])
    unknown = set(entry) - {"low", "high", "step", "log"}
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} is unknown; known are choices, low, high, step, log")
    numbers = {key: entry[key] for key in ("low", "high", "step") if key in entry}
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{key} must be a number (given: {value!r})")
    if not isinstance(entry.get("log", False), bool):
        raise ValueError(f"log must be true or false (given: {entry['log']!r})")
    return _range(Range(**entry))


def _choices(values: Any) -> Choices:
    if not isinstance(values, list) or not values:
        raise ValueError(f"choices must be a list that is not empty (given: {values!r})")
    for value in values:
        if not isinstance(value, Value):
            raise ValueError(f"a choice must be a number, a text, true or false (given: {value!r})")
    if len({repr(value) for value in values}) < len(values):
        raise ValueError(f"a choice stands there twice (given: {values!r})")
    return Choices(tuple(values))


def _range(given: Range) -> Range:
    if not given.low < given.high:  # NaN too
        raise ValueError(f"low must be below high (given: {given.low!r} and {given.high!r})")
    if given.log and given.step is not None:
        raise ValueError("step and log exclude one another")
    if given.log and given.low <= 0:
        raise ValueError(f"log needs a low above 0 (given: {given.low!r})")
    if given.step is None:
        return given
    if given.step <= 0:
        raise ValueError(f"step must be above 0 (given: {given.step!r})")
    steps = (given.high - given.low) / given.step
    if abs(steps - round(steps)) > 1e-9 * max(1, steps):
        raise ValueError(f"steps of {given.step!r} from {given.low!r} do not reach {given.high!r}")
    return given


def _faults(name: str, dimension: Choices | Range, base: RunConfig) -> list[str]:
    section, _, key = name.partition(".")
    if name not in _FREE and (section in _FIXED or name in _FIXED):
        return [f"{name}: trials that differ in it cannot be compared. Give it as an option of the whole study"]
    faults: list[str] = []
    values = dimension.choices if isinstance(dimension, Choices) else (dimension.low, dimension.high)
    for value in values:
        try:
            taken = getattr(getattr(configured(base, {name: value}), section), key)
        except ConfigError as error:
            faults.extend(error.rows or [error.headline])
            continue
        if isinstance(dimension, Range) and (isinstance(taken, bool) or not isinstance(taken, int | float)):
            faults.append(f"{name}: it is no number; give choices")
        elif isinstance(dimension, Range) and isinstance(taken, int) and not dimension.whole:
            faults.append(f"{name}: only whole numbers can be set; write low, high and step as such")
    return faults
