"""Finding runs, cross-validations, audits and scores below folders, and reading what they say of themselves."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from epidyn import progress
from epidyn.audit.report import JSON as AUDIT
from epidyn.crossval import CrossvalFolder
from epidyn.errors import ConfigError, InputFileError
from epidyn.files import sha256
from epidyn.interpret.motif_report import SETTINGS as MOTIFS
from epidyn.model import Model
from epidyn.pairs.schema import canonical_cell_line
from epidyn.report.experiments import OTHER_KINDS, STRICT, Place, Traits, is_default_copies, places
from epidyn.report.files import (
    AuditReport,
    CrossvalMetrics,
    Data,
    MotifSearch,
    RunMetrics,
    Scored,
    ScoresOrigin,
    read_json,
)
from epidyn.report.motifs import MotifRow, read_motifs
from epidyn.training.config import RunConfig, make_config, read_settings
from epidyn.training.folder import RunFolder

SCORES_ORIGIN = ".tsv.json"
_BENGI = ("benchmark", "bengi")
CONTROLS = {
    "random_genome": "random genome",
    "shuffle_sequence": "shuffled sequence",
    "shuffle_labels": "shuffled labels",
}

# What says nothing of what was learned: where files lie, what computed it, and what led to the other settings.
_INDIFFERENT = frozenset(
    f"training.{name}" for name in ("seed", "init", "devices", "accelerator", "save_minutes", "protocol", "conv")
) | {"training.compile", "data.pairs", "data.genome", "data.kmer_vectors"}


@dataclass(frozen=True)
class Run:
    """A training run, or a cross-validation.

    Attributes
    ----------
    path
        Its folder.
    config
        Its settings.
    metrics
        What it scored.
    line
        The cell line of its pairs; several joined by commas.
    places
        The experiments' rows that it belongs to.
    control
        Which controls it was under, in words, or None.
    settings
        All that decides what is learned, but the seed: name and value.
    folds
        Of a cross-validation of several lines, each line's scores fold by fold; otherwise empty.
    """

    path: Path
    config: RunConfig
    metrics: RunMetrics | CrossvalMetrics
    line: str
    places: tuple[Place, ...]
    control: str | None
    settings: tuple[tuple[str, str], ...]
    folds: Mapping[str, list[Scored]] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """Seed of split and training."""
        return self.config.training.seed


@dataclass(frozen=True)
class Audited:
    """An audit, the cell line of its pairs, and whether they are BENGI's."""

    path: Path
    report: AuditReport
    line: str
    bengi: bool


@dataclass(frozen=True)
class CrossScores:
    """Scores of one run's test pairs by another run's model."""

    path: Path
    model: Run
    test: Run


@dataclass
class Collection:
    """All that was found.

    Attributes
    ----------
    runs, audits, scores, motifs
        In the order of the folders.
    notes
        What was left out, and why; one sentence each.
    """

    runs: list[Run] = field(default_factory=list)
    audits: list[Audited] = field(default_factory=list)
    scores: list[CrossScores] = field(default_factory=list)
    motifs: list[MotifRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def collect(folders: Sequence[str | os.PathLike[str]]) -> Collection:
    """Read all runs, cross-validations, audits and scores in ``folders`` and below.

    Raises
    ------
    InputFileError
        If a folder does not exist or holds nothing of these; if no run is finished; or if a file is damaged or of
        another format.
    """
    found = Collection()
    paths = _distinct(path for folder in folders for path in _search(Path(folder)))
    origins, searches = [], []
    with progress.bar("Reading runs", len(paths)) as advance:
        for path in paths:
            if path.name == AUDIT:
                _add_audit(found, path)
            elif path.name == MOTIFS:
                searches.append(path.parent)
            elif path.name.endswith(SCORES_ORIGIN):
                origins.append(path)
            else:
                _add_run(found, path)
            advance(1, path.name)
    if not found.runs:
        raise InputFileError(
            f"no run in {', '.join(map(str, folders))} is finished, so there is nothing to report. Finish one "
            "(`epidyn train --resume RUN`, or `epidyn crossval --out DIR`).",
            found.notes,
        )
    _drop_repeated(found)
    _follow_starts(found)
    _add_scores(found, origins)
    _add_motifs(found, searches)
    return found


def _search(folder: Path) -> list[Path]:
    """Return run and cross-validation folders, audits, motifs and scores' origins in ``folder`` and below."""
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise InputFileError(f"{folder} {state}; give run folders, or folders that hold them.")
    found = list(_walk(folder))
    if not found:
        raise InputFileError(
            f"{folder} holds no run, neither itself nor below: no folder in it has a {RunFolder.CONFIG}. Give a "
            "folder that `epidyn train --out` or `epidyn crossval --out` made, or one that holds such."
        )
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for place, below, files in os.walk(folder):
        here = Path(place)
        below.sort()
        if CrossvalFolder.PLAN in files or RunFolder.CONFIG in files:
            yield here
            if CrossvalFolder.PLAN in files:
                below.clear()  # its folds are runs that belong to it
        yield from (here / name for name in (AUDIT, MOTIFS) if name in files)
        yield from (here / name for name in sorted(files) if name.endswith(SCORES_ORIGIN))


def _distinct(paths: Iterable[Path]) -> list[Path]:
    return list({path.resolve(): path for path in paths}.values())


def _add_run(found: Collection, path: Path) -> None:
    folds = (path / CrossvalFolder.PLAN).is_file()
    if not (path / RunFolder.METRICS).is_file():
        cure = f"`epidyn crossval --out {path}`" if folds else f"`epidyn train --resume {path}`"
        found.notes.append(f"{path} is not finished (it has no {RunFolder.METRICS}) and is left out; {cure}.")
        return
    try:
        config = make_config(read_settings(path / RunFolder.CONFIG))
    except ConfigError as error:
        raise InputFileError(
            f"{path / RunFolder.CONFIG} is of another format than this version reads. Leave its folder out of the "
            "report, or make it again.",
            [error.headline, *error.rows],
        ) from error
    metrics = path / RunFolder.METRICS
    read = read_json(metrics, CrossvalMetrics) if folds else read_json(metrics, RunMetrics)
    found.runs.append(_run(path, config, read))


def _run(path: Path, config: RunConfig, metrics: RunMetrics | CrossvalMetrics) -> Run:
    data = metrics.data
    # A table that names no cell line is of the one that its file is named after.
    line = ", ".join(filter(None, data.cell_lines)) or line_of_table(_names(data))
    of_network = config.training.model not in OTHER_KINDS
    traits = Traits(
        network=config.network if of_network else None,
        line=line,
        copies=data.copies,
        default_copies=is_default_copies(config.training.copies) or not of_network,
        optimizer=config.training.optimizer,
        regime=config.training.regime,
        split=metrics.split if isinstance(metrics, CrossvalMetrics) else metrics.split.kind,
        folds=isinstance(metrics, CrossvalMetrics),
        bengi=is_bengi(_names(data)),
        strict=config.split.pool == "strict",
        kind=config.training.model,
        distance=config.motif_pairs.distance,
    )
    control = ", ".join(words for name, words in CONTROLS.items() if getattr(data, name)) or None
    folds = {}
    if isinstance(metrics, CrossvalMetrics) and len(data.cell_lines) > 1:
        folds = _lines_by_fold(CrossvalFolder(path), metrics)
    return Run(path, config, metrics, line, places(traits), control, _settings(config, data), folds)


def _lines_by_fold(folder: CrossvalFolder, metrics: CrossvalMetrics) -> dict[str, list[Scored]]:
    found: dict[str, list[Scored]] = defaultdict(list)
    for fold in metrics.folds:
        report = read_json(folder.run(fold.fold) / RunFolder.METRICS, RunMetrics)
        for line, scores in report.lines.items():
            found[line].append(scores)
    return dict(found)


def is_bengi(names: str) -> bool:
    """Tell by a pair table's name, as BENGI names its benchmarks, whether it is one of them."""
    return any(word in names.lower() for word in _BENGI)


def _names(data: Data) -> str:
    return ", ".join(table.name for table in data.pairs)


def line_of_table(name: str) -> str:
    """Return the cell line that a table without such a column is taken to be of: its name up to the first dot."""
    return canonical_cell_line(Path(name).name.partition(".")[0])


def _settings(config: RunConfig, data: Data) -> tuple[tuple[str, str], ...]:
    dumped: dict[str, dict[str, Any]] = config.model_dump()
    flat = {f"{section}.{key}": value for section, values in dumped.items() for key, value in values.items()}
    flat = {name: value for name, value in flat.items() if name not in _INDIFFERENT}
    flat["training.copies"] = data.copies
    flat["pairs"] = ", ".join(f"{table.name} ({table.sha256[:8]})" for table in data.pairs)
    flat["genome"] = f"{data.genome} ({data.genome_digest[:8]})"
    flat["kmer_vectors"] = Path(config.data.kmer_vectors).name if config.data.kmer_vectors else None
    return tuple((name, str(value)) for name, value in flat.items())


def _drop_repeated(found: Collection) -> None:
    """Keep one of several runs of the same settings, seed and starting model, in the places of all, and say so."""
    kept: dict[object, Run] = {}
    for run in found.runs:
        key = (run.settings, run.line, run.control, run.seed, run.config.training.init, type(run.metrics))
        first = kept.setdefault(key, run)
        if first is not run:
            # Copies by the rule and the same number asked for are one run, which two experiments may have made.
            kept[key] = replace(first, places=tuple(dict.fromkeys([*first.places, *run.places])))
            same = "the same scores" if _scores(first) == _scores(run) else "other scores"
            found.notes.append(
                f"{run.path} has the settings and the seed of {first.path}, with {same}; only the latter is "
                "reported."
            )
    found.runs = list(kept.values())


def _scores(run: Run) -> object:
    return run.metrics.mean if isinstance(run.metrics, CrossvalMetrics) else run.metrics.test


def _follow_starts(found: Collection) -> None:
    """Name fine-tuned runs apart that started from a strictly pooled general model."""
    tuned = [run for run in found.runs if run.config.training.regime == "fine-tuned" and not _folds(run)]
    if not tuned:
        return
    general = {
        sha256(run.path / RunFolder.MODEL): run
        for run in found.runs
        if run.config.training.regime == "general" and not _folds(run)
    }
    for run in tuned:
        start = Model.load(run.path / RunFolder.MODEL).provenance.starting_model or {}
        origin = general.get(str(start.get("sha256")))
        if origin is None:
            found.notes.append(
                f"{run.path} starts from the model of no run given, so how that one pooled its lines is not known."
            )
        elif origin.config.split.pool == "strict":
            strict = tuple(replace(place, what=place.what + STRICT) for place in run.places)
            found.runs[found.runs.index(run)] = replace(run, places=strict)


def _folds(run: Run) -> bool:
    return isinstance(run.metrics, CrossvalMetrics)


def _add_audit(found: Collection, path: Path) -> None:
    report = read_json(path, AuditReport)
    if len(report.facts.cell_lines) > 1:
        found.notes.append(
            f"{path} is of several cell lines together and is left out; audit each table by itself."
        )
        return
    lines = report.facts.cell_lines
    source = report.settings.source
    found.audits.append(Audited(path, report, lines[0] if lines else line_of_table(source), is_bengi(source)))


def _add_motifs(found: Collection, folders: list[Path]) -> None:
    """Link motifs to the run whose network they are of, by digest, and read them."""
    if not folders:
        return
    singles = [run for run in found.runs if isinstance(run.metrics, RunMetrics)]
    models = {sha256(run.path / RunFolder.MODEL): run for run in singles}
    for folder in folders:
        explained = read_json(folder / MOTIFS, MotifSearch).explained
        run = models.get(explained.model.sha256)
        if run is None:
            found.notes.append(f"{folder} has motifs of a network of no run given and is left out.")
        else:
            line = run.line if "," not in run.line else line_of_table(explained.pairs.name)
            found.motifs.append(read_motifs(folder, line, run.control))


def _add_scores(found: Collection, origins: list[Path]) -> None:
    """Link scores to the runs whose model and whose test pairs they are of, by digest."""
    if not origins:
        return
    trained = [run for run in found.runs if isinstance(run.metrics, RunMetrics)]
    models = {sha256(run.path / RunFolder.MODEL): run for run in trained}
    tests = {sha256(path): run for run in trained if (path := run.path / RunFolder.PREDICTIONS).is_file()}
    linked = set()
    for path in origins:
        origin = read_json(path, ScoresOrigin)
        model, test = models.get(origin.model.sha256), tests.get(origin.pairs.sha256)
        table = path.with_suffix("")
        reason = _why_not(model, test)
        if reason or model is None or test is None:
            found.notes.append(f"{table} is left out: {reason}.")
        elif (model.path, test.line) not in linked and model.line != test.line:  # else it is there already
            linked.add((model.path, test.line))
            found.scores.append(CrossScores(table, model, test))


def _why_not(model: Run | None, test: Run | None) -> str | None:
    """Return why scores are no cell of the matrix across lines, or None."""
    if model is None:
        return "its model is that of no run given"
    if test is None:
        return f"its pairs are the test part of no run given (predict a run's {RunFolder.PREDICTIONS})"
    if not any(place.experiment == "cross-line" for place in model.places):
        return "its model is not the article's full network of one line under the random split"
    assert isinstance(test.metrics, RunMetrics)
    if test.metrics.split.kind != "random" or test.metrics.data.shuffle_labels:
        return "its pairs are not the test part of a random split with true labels"
    if model.seed != test.seed:
        return f"its model has seed {model.seed}, its pairs are the test part of seed {test.seed}"
    return None
