"""What the report reads of each file, and errors that name the file where it is not so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from epidyn.errors import InputFileError
from epidyn.files import open_text

Content = TypeVar("Content", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Scored(_Part):
    """Scores of a test part; AUROC and AUPR are None where it has one label only."""

    pairs: int = Field(ge=1)
    positives: int = Field(ge=0)
    prevalence: float = Field(ge=0, le=1)
    auroc: float | None = Field(None, ge=0, le=1)
    aupr: float | None = Field(None, ge=0, le=1)


class Table(_Part):
    """A pair table."""

    name: str
    sha256: str


class Named(_Part):
    """A file."""

    name: str


class Data(_Part):
    """Which pairs and which genome, and under which control."""

    pairs: list[Table] = Field(min_length=1)
    cell_lines: list[str]
    genome: str
    genome_digest: str
    rows: int
    positives: int
    copies: int
    shuffle_labels: bool
    shuffle_sequence: str | None
    random_genome: bool


class Part(_Part):
    """Pairs of one part of a split."""

    pairs: int
    positives: int


class SplitSizes(_Part):
    """Who was in which part."""

    kind: str
    fold: str | None
    test: Part
    unused: Part


class Time(_Part):
    """Wall seconds."""

    training_seconds: float
    test_seconds: float


class Memory(_Part):
    """Bytes at most, of the process and, None without one, of the GPU in training."""

    peak_bytes: int
    training_peak_gpu_bytes: int | None


class Environment(_Part):
    """What computed it."""

    epidyn: str
    device: str


class RunMetrics(_Part):
    """``metrics.json`` of a training run; ``lines`` are the scores of each cell line of the test part."""

    data: Data
    split: SplitSizes
    test: Scored | None
    lines: dict[str, Scored]
    time: Time
    memory: Memory
    environment: Environment


class Averages(_Part):
    """Over folds; None where there is none to average."""

    auroc: float | None
    aupr: float | None
    prevalence: float | None = None


class Fold(Averages):
    """One fold."""

    fold: str


class CrossvalMetrics(_Part):
    """``metrics.json`` of a cross-validation."""

    data: Data
    split: str
    folds: list[Fold]
    mean: Averages
    sd: Averages


class Spread(_Part):
    """Mean and standard deviation over splits or chromosomes."""

    mean: float
    sd: float | None


class OnRandom(_Part):
    """A baseline on random splits."""

    positives: int
    negatives: int
    auroc: Spread
    aupr: Spread


class OnHeldOut(_Part):
    """A baseline on held-out chromosomes."""

    auroc: Spread | None
    aupr: Spread | None


class AuditBaseline(_Part):
    """A baseline of an audit."""

    name: str
    reads_sequence: bool
    random: OnRandom
    held_out: OnHeldOut | None


class AuditSettings(_Part):
    """Which table was audited, and on how many random splits."""

    source: str
    splits: int


class AuditFacts(_Part):
    """Whose pairs they are."""

    cell_lines: list[str]


class AuditReport(_Part):
    """``audit.json``."""

    settings: AuditSettings
    facts: AuditFacts
    baselines: list[AuditBaseline]


class Origin(_Part):
    """A file that scores were made from."""

    sha256: str


class ScoresOrigin(_Part):
    """What ``predict`` writes beside its scores."""

    model: Origin
    pairs: Origin


class Explained(_Part):
    """What motifs were looked for in."""

    pairs: Named
    model: Origin
    explained: int


class MotifSearch(_Part):
    """``motifs.json``."""

    explained: Explained
    motifs: int
    supported: int
    control_motifs: int
    supported_controls: int


def read_json(path: Path, kind: type[Content]) -> Content:
    """Read ``path`` as ``kind``.

    Raises
    ------
    InputFileError
        If it is missing, empty, no JSON, or lacks what ``kind`` needs; all that it lacks is listed.
    """
    with open_text(path, "report input") as handle:
        text = handle.read()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # no JSON, or numbers or nesting without end
        raise InputFileError(
            f"{path} is damaged: no JSON ({error}). Make it again, or leave its folder out of the report."
        ) from error
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'content'}: {fault['msg']}" for fault in error.errors()]
        made = content.get("environment", {}) if isinstance(content, dict) else {}
        version = made.get("epidyn") if isinstance(made, dict) else None
        by = f" It was written by epidyn {version}." if version else ""
        raise InputFileError(
            f"{path} is of another format than this version reads.{by} Make it again, or leave its folder out of "
            "the report:",
            faults,
        ) from error
