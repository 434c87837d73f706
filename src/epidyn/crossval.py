"""Cross-validation over held-out chromosomes: a training run a fold, in parallel, resumable, and one table."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from epidyn import metrics, plots, progress, training, workers
from epidyn.errors import ConfigError, CrossvalError, EpidynError, InputFileError, SplitError
from epidyn.evaluation import evaluate
from epidyn.files import (
    clear_partials,
    prepare_output_folder,
    refuse_filled_folder,
    sha256,
    write_json,
    write_table,
    write_text,
)
from epidyn.genome import Genome
from epidyn.locks import alone_in
from epidyn.scores import Scores, by_line, ranking, read_scores
from epidyn.splits import fold_named, folds
from epidyn.training.config import RunConfig, make_config, read_settings, require_same
from epidyn.training.folder import RunFolder
from epidyn.training.inputs import draw_split, read_table

log = logging.getLogger("epidyn")

SCORES = ("auroc", "aupr", "mcc", "f1", "precision", "recall")


@dataclass(frozen=True)
class CrossvalFolder:
    """A folder that one cross-validation owns; each fold is a run folder below ``folds``."""

    path: Path

    CONFIG = "config.toml"
    PLAN = "folds.tsv"
    ORIGIN = "origin.json"
    TABLE = "table.csv"
    PREDICTIONS = "predictions.tsv"
    METRICS = "metrics.json"
    ROC = "roc.png"
    PRECISION_RECALL = "precision_recall.png"
    BY_FOLD = "folds.png"
    SCORES = "scores"
    RESULTS = (TABLE, PREDICTIONS, METRICS, ROC, PRECISION_RECALL, BY_FOLD)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def begun(self) -> bool:
        """Whether settings and folds are fixed; the list of folds is written last."""
        return (self / self.PLAN).is_file()

    @property
    def half_begun(self) -> bool:
        """Whether there is nothing but what a kill leaves before the list of folds is written."""
        written = {path.name for path in self.path.iterdir()} if self.path.is_dir() else set()
        return {name for name in written if not name.startswith(".")} <= {self.CONFIG, self.ORIGIN}

    def config(self) -> RunConfig:
        """Return the settings that all folds share; InputFileError if this is no such folder."""
        if not self.begun:
            raise InputFileError(
                f"{self.path} is no cross-validation: it has no {self.PLAN}. Begin one with --pairs, --genome, "
                "--split and --out."
            )
        return make_config(read_settings(self / self.CONFIG))

    def names(self) -> list[str]:
        """Return the names of the folds."""
        return pd.read_csv(self / self.PLAN, sep="\t", dtype=str)["fold"].tolist()

    def require_origin(self, config: RunConfig) -> None:
        """Raise ConfigError if table or genome are no longer those that the folds were planned for."""
        begun = json.loads((self / self.ORIGIN).read_text("utf-8")) if (self / self.ORIGIN).is_file() else {}
        now = _origin(config) if begun else {}
        changed = [
            f"{what}: SHA-256 {digest}, now {now.get(what)}"
            for what, digest in begun.items()
            if now.get(what) != digest
        ]
        if changed:
            raise ConfigError(
                f"{self.path} was begun with other files. Put them back, or begin anew with --begin --force:",
                changed,
            )

    def run(self, fold: str) -> RunFolder:
        """Return the run folder of ``fold``; a name that no file may have is percent-encoded."""
        name = quote(fold, safe=" +,=@")
        return RunFolder(self.path / "folds" / (name if name.strip(".") else name.replace(".", "%2E")))


@dataclass(frozen=True)
class Crossvalidation:
    """What all folds found.

    Attributes
    ----------
    table
        Columns fold, pairs, positives, prevalence, the scores, the AUROC of each part of the models that can score
        pairs alone (not pooled), and note; a row for each fold, then ``mean`` and ``sd`` over the folds that have
        both labels, and ``pooled``, all test pairs as one set. A score that does not exist is NaN, as note says.
    intervals
        Of the pooled AUROC and AUPR, as :func:`epidyn.evaluation.evaluate` draws them.
    """

    folder: Path
    table: pd.DataFrame
    intervals: dict[str, metrics.Interval]


def begin(config: RunConfig | None, out: str | os.PathLike[str], *, force: bool = False) -> list[str]:
    """Fix settings and folds of a cross-validation in its folder, train nothing, and return the folds' names.

    Parameters
    ----------
    config
        The run that each fold makes, ``split.split`` being ``loco`` or ``chromosome-kfold:K``. None takes what
        ``out`` was begun with.
    out
        The folder; made if missing. One that was begun with the same settings is gone on with.
    force
        Begin anew in a folder that holds something; the runs of its folds are removed.

    Raises
    ------
    OutputError
        If ``out`` holds something else.
    ConfigError
        If it was begun with other settings, or these ask for one fold or several devices.
    CrossvalError
        If there are fewer positives than folds, or no fold can be trained, as where they lie on one chromosome.
    EpidynError
        As reading the table or the genome, or the split, raise it; before anything is written.
    """
    folder = CrossvalFolder(Path(out))
    if config is None or (folder.begun and not force):
        begun = folder.config()
        if config is not None:
            require_same(begun, config, folder.path)
        return folder.names()
    _refuse_single(config)
    refuse_filled_folder(out, force=force or folder.half_begun)
    pairs, genome = read_table(config)
    if "fold" in pairs:
        raise ConfigError(
            f"{', '.join(config.data.tables())} has a column fold, and a cross-validation adds one of that name. "
            "Rename it in the table."
        )
    rows = folds(pairs, config.split.split)
    labels = pairs["label"].to_numpy()
    with genome:
        if labels.sum() < len(rows):
            raise CrossvalError(
                f"{', '.join(config.data.tables())} has {labels.sum()} positive pairs for the {len(rows)} folds "
                f"of {config.split.split}, so some would have none to score. Give a table with more, or fewer "
                "folds (--split chromosome-kfold:K)."
            )
        _refuse_hopeless(config, list(rows), pairs, genome)
    earlier = folder.names() if folder.begun else []
    prepare_output_folder(out, force=True, own=(folder.PLAN, folder.ORIGIN, folder.CONFIG, *folder.RESULTS))
    for run in (folder.run(name) for name in dict.fromkeys([*earlier, *rows])):
        if run.path.is_dir():
            prepare_output_folder(run.path, force=True, own=RunFolder.FILES)
    write_text(folder / folder.CONFIG, config.to_toml())
    write_json(folder / folder.ORIGIN, _origin(config))
    plan = [(name, len(test), int(labels[test].sum())) for name, test in rows.items()]
    write_table(folder / folder.PLAN, pd.DataFrame(plan, columns=["fold", "pairs", "positives"]))
    return list(rows)


def _refuse_hopeless(config: RunConfig, names: Sequence[str], pairs: pd.DataFrame, genome: Genome) -> None:
    """Raise CrossvalError if no fold can be split into parts with both labels; some that cannot are no harm."""
    refused = []
    for name in names:
        split = config.split.model_copy(update={"fold": name})
        try:
            draw_split(config.model_copy(update={"split": split}), pairs, genome)
            return
        except SplitError as error:
            refused.append(f"{name}: {error}")
    raise CrossvalError(f"no fold of {', '.join(config.data.tables())} can be trained:", refused)


def _origin(config: RunConfig) -> dict[str, str]:
    """Return the digest of each table, and of the genome, by name."""
    with Genome.open(config.data.genome) as genome:
        return {**{path: sha256(path) for path in config.data.tables()}, genome.name: genome.digest()}


def run_fold(out: str | os.PathLike[str], fold: str, *, force: bool = False) -> None:
    """Train and test one fold of a cross-validation that was begun, go on with it, or find it finished.

    With ``force`` what there is of it is replaced.

    Raises
    ------
    InputFileError
        If ``out`` is no cross-validation.
    SplitError
        If it has no such fold.
    ConfigError
        If table or genome have changed since it was begun.
    EpidynError
        As training raises it; OutputError if another process is at work on the fold.
    """
    folder = CrossvalFolder(Path(out))
    config = folder.config()
    fold = fold_named(fold, folder.names(), "the folds are")
    folder.require_origin(config)
    run = folder.run(fold)
    if (run / run.CONFIG).is_file() and not force:
        training.resume(run.path)
        return
    split = config.split.model_copy(update={"fold": fold})
    training.train(
        config.sharing(folder / folder.SCORES).model_copy(update={"split": split}), run.path, force=True
    )


def crossval(
    config: RunConfig | None, out: str | os.PathLike[str], *, jobs: int = 1, force: bool = False
) -> Crossvalidation:
    """Run all folds that are not finished, and merge them.

    Killed at any moment, it goes on where it was when it is called again: finished folds stay, a begun one
    resumes.

    Parameters
    ----------
    config
        As :func:`begin`; None goes on with what ``out`` was begun with.
    out
        The folder; made if missing.
    jobs
        Folds that run at a time, each in a process of its own with its share of the threads. The same ``jobs``
        give the same bits.
    force
        Begin anew in a folder that holds something; the runs of its folds are removed.

    Raises
    ------
    CrossvalError
        If folds failed; the others are finished first.
    EpidynError
        As :func:`begin` and :func:`merge`.
    """
    names = begin(config, out, force=force)
    folder = CrossvalFolder(Path(out))
    folder.require_origin(folder.config())
    waiting = [name for name in names if not folder.run(name).finished]
    if len(waiting) < len(names):
        log.info("%d of %d folds are finished", len(names) - len(waiting), len(names))
    with progress.bar("Folds", len(names)) as advance:
        advance(len(names) - len(waiting))
        failed = _one_by_one(folder, waiting, advance) if jobs == 1 else _at_once(folder, waiting, jobs, advance)
    if failed:
        raise CrossvalError(f"{len(failed)} of {len(names)} folds failed; call again to retry them:", failed)
    return merge(out)


def merge(out: str | os.PathLike[str]) -> Crossvalidation:
    """Put the folds together: table, metrics, figures, and all predictions in the order of the pair table.

    Raises
    ------
    InputFileError
        If ``out`` is no cross-validation.
    CrossvalError
        If folds are missing, or were made from different tables or genomes.
    """
    folder = CrossvalFolder(Path(out))
    folder.config()
    names = folder.names()
    missing = [name for name in names if not folder.run(name).finished]
    if missing:
        raise CrossvalError(
            f"{len(missing)} of the {len(names)} folds of {folder.path} are not finished. Run them "
            "(--fold NAME, or the command without --merge):",
            missing,
        )
    reports = {name: json.loads((folder.run(name) / RunFolder.METRICS).read_text("utf-8")) for name in names}
    _require_one_origin(reports)
    with alone_in(folder.path, wait=True):
        clear_partials(folder / name for name in folder.RESULTS)
        found = _write_results(folder, names, reports)
    for name, note in zip(found.table["fold"], found.table["note"], strict=True):
        if note:
            log.warning("fold %s: %s", name, note)
    seen = _seen_before(reports)
    if seen:
        log.warning(
            "the model that training started from has seen test elements of %d of the %d folds (%d in all): these "
            "scores are not those of unseen chromosomes",
            sum(map(bool, seen.values())),
            len(names),
            sum(seen.values()),
        )
    return found


def _write_results(
    folder: CrossvalFolder, names: Sequence[str], reports: dict[str, dict[str, Any]]
) -> Crossvalidation:
    """Write what is found over all folds."""
    predictions = _predictions(folder, names)
    _warn_of_flat_folds(predictions)
    write_table(folder / folder.PREDICTIONS, predictions)
    scored = read_scores(folder / folder.PREDICTIONS)
    pooled = evaluate(scored)
    table = _table(reports, pooled.summary)
    found = Crossvalidation(folder.path, table, pooled.intervals)
    write_table(folder / folder.TABLE, table, "%.7g")
    write_json(folder / folder.METRICS, _report(found, reports, by_line(scored)))
    plots.roc(scored["label"], ranking(scored), folder / folder.ROC)
    plots.precision_recall(scored["label"], ranking(scored), folder / folder.PRECISION_RECALL)
    plots.folds(table.iloc[: len(names)], folder / folder.BY_FOLD)
    return found


def _warn_of_flat_folds(predictions: pd.DataFrame) -> None:
    """Say which folds' models give all pairs one score, since what is pooled then ranks folds, not pairs."""
    by_fold = predictions.groupby("fold", sort=False)["logit"]
    flat = [name for name, logits in by_fold if len(logits) > 1 and logits.nunique() == 1]
    if flat:
        log.warning(
            "fold %s: the model gives all pairs one score, so the pooled scores compare folds, whose prevalence "
            "decides. Read the mean",
            ", ".join(map(str, flat)),
        )


def _seen_before(reports: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Return how many test elements of each fold the starting model had seen; empty if none."""
    seen = {name: int(report["split"]["test_elements_seen_before"]) for name, report in reports.items()}
    return seen if any(seen.values()) else {}


def _refuse_single(config: RunConfig) -> None:
    if config.split.fold is not None:
        raise ConfigError("split.fold asks for one fold of a training run. Leave it out; crossval makes all.")
    if config.training.devices > 1:
        raise ConfigError(
            f"a cross-validation gives each fold one device (training.devices: {config.training.devices}). Give "
            "--jobs, or run the folds on several machines with --fold."
        )


def _one_by_one(folder: CrossvalFolder, names: Sequence[str], advance: progress.Advance) -> list[str]:
    """Run folds in this process; return what went wrong, a line a fold."""
    failed = []
    for name in names:
        advance(0, name)
        try:
            run_fold(folder.path, name)
        except EpidynError as error:
            failed.append(f"{name}: {error}")
        advance(1)
    return failed


def _at_once(folder: CrossvalFolder, names: Sequence[str], jobs: int, advance: progress.Advance) -> list[str]:
    """As :func:`_one_by_one`, in ``jobs`` processes."""
    failed = []
    with workers.pool(jobs) as pool:
        running = {pool.submit(_run_and_tell, folder.path, name): name for name in names}
        try:
            for done in as_completed(running):
                error = done.exception()
                if isinstance(error, BrokenProcessPool):
                    raise CrossvalError(
                        "the process of a fold was killed, perhaps for memory. Call again with fewer --jobs; "
                        "finished folds stay."
                    ) from error
                if isinstance(error, EpidynError):
                    failed.append(f"{running[done]}: {error}")
                elif error is not None:
                    raise error
                else:
                    for warning in done.result():
                        log.warning("fold %s: %s", running[done], warning)
                advance(1, running[done])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def _run_and_tell(out: Path, fold: str) -> list[str]:
    """Run a fold in a process of its own; return what it warned of."""
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    try:
        run_fold(out, fold)
    finally:
        log.removeHandler(handler)
    return list(dict.fromkeys(told))


def _require_one_origin(reports: dict[str, dict[str, Any]]) -> None:
    for key, what in (("pairs", "pair tables"), ("genome_digest", "genomes")):
        of = {name: json.dumps(report["data"][key]) for name, report in reports.items()}
        if len(set(of.values())) > 1:
            raise CrossvalError(
                f"the folds were made from different {what}. Run those again that saw the old one "
                "(--fold NAME --force):",
                [f"{name}: {value}" for name, value in of.items()],
            )


def _predictions(folder: CrossvalFolder, names: Sequence[str]) -> pd.DataFrame:
    """Return the test pairs of all folds as text, in the order of the pair table, with the column fold."""
    parts, rows_of_table = [], 0
    for name in names:
        run = folder.run(name)
        split = pd.read_csv(run / run.SPLIT, sep="\t")
        rows_of_table = len(split)
        rows = split["row"][split["part"] == "test"].to_numpy()
        scored = pd.read_csv(run / run.PREDICTIONS, sep="\t", dtype=str, keep_default_na=False)
        parts.append(scored.assign(fold=name).set_index(rows))
    pooled = pd.concat(parts).sort_index()
    if not np.array_equal(pooled.index, np.arange(rows_of_table)):
        raise CrossvalError(
            f"the folds hold {len(pooled):,} test pairs of a table of {rows_of_table:,}: the table has changed "
            "since the folder was begun. Put it back, or begin anew with --force."
        )
    return pooled


def _table(reports: dict[str, dict[str, Any]], pooled: metrics.Summary) -> pd.DataFrame:
    columns = ["fold", "pairs", "positives", "prevalence", *SCORES]
    rows, parts = [], dict[str, None]()
    for name, report in reports.items():
        alone = {f"{part}_auroc": scores.get("auroc", np.nan) for part, scores in report.get("parts", {}).items()}
        parts |= dict.fromkeys(alone)
        rows.append({"fold": name, **report["test"], **alone})
    table = pd.DataFrame(rows).reindex(columns=[*columns, *parts])
    one_label = table["auroc"].isna()
    table["note"] = one_label.map({True: "one label only: no scores, left out of the mean", False: ""})
    numbers = table.loc[~one_label, ["prevalence", *SCORES, *parts]].astype(float)
    summaries = [
        {"fold": "mean", **numbers.mean()},
        {"fold": "sd", **numbers.std(ddof=1)},
        {"fold": "pooled", **{name: pooled[name] for name in columns[1:]}},  # type: ignore[literal-required]
    ]
    table = pd.concat([table, pd.DataFrame(summaries)], ignore_index=True)
    return table.astype({"pairs": "Int64", "positives": "Int64"}).fillna({"note": ""})


def _report(
    found: Crossvalidation, reports: dict[str, dict[str, Any]], lines: dict[str, Scores]
) -> dict[str, Any]:
    """Return the content of ``metrics.json``; what does not exist is null."""
    rows = found.table.astype(object).where(found.table.notna(), None).to_dict("records")
    first = next(iter(reports.values()))
    return {
        "data": first["data"],
        "split": first["split"]["kind"],
        "folds": rows[: len(reports)],
        **{row["fold"]: row for row in rows[len(reports) :]},
        "test_elements_seen_before": sum(_seen_before(reports).values()),
        "intervals": {name: asdict(interval) for name, interval in found.intervals.items()},
        "lines": lines,
    }
