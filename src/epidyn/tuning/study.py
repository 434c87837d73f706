"""The study: a file that several processes share, out of which each takes one trial after another."""

from __future__ import annotations

import json
import logging
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState

from epidyn.errors import EpidynError, InputFileError, OutputError, TuningError
from epidyn.tuning.space import Choices, Objective, Space

log = logging.getLogger("epidyn")

PrunerName = Literal["none", "median", "hyperband"]

SQLITE, JOURNAL = (".db", ".sqlite"), (".log", ".journal")
_NAME = "epidyn"
_ABOUT, _WORKER = "about", "worker"
# Why a trial failed; one that its process left behind says nothing.
REASON = "reason"
_SQLITE_MAGIC = b"SQLite format 3\0"
_WAIT = 300  # seconds for another process to let go of an SQLite file

_PRUNERS: dict[PrunerName, Any] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
}


@dataclass(frozen=True)
class StudyFile:
    """Where a study lies, and how it is opened in every process.

    Attributes
    ----------
    path
        ``.db`` or ``.sqlite``: SQLite; ``.journal`` or ``.log``: Optuna's journal.
    objective
        What is made small (``val_loss``) or large.
    """

    path: Path
    objective: Objective

    def check(self) -> None:
        """Raise InputFileError or OutputError unless the file is a study, or can become one."""
        if self.path.suffix not in (*SQLITE, *JOURNAL):
            raise InputFileError(
                f"study {self.path} must end with {', '.join(SQLITE)} (SQLite) or {', '.join(JOURNAL)} (journal)."
            )
        if self.path.is_dir():
            raise InputFileError(f"study {self.path} is a folder; a file is needed.")
        if not self.path.parent.is_dir():
            raise OutputError(f"cannot write {self.path}: there is no folder {self.path.parent}. Make it first.")
        if self.path.exists() and not self._looks_right():
            kind = "SQLite file" if self.path.suffix in SQLITE else "journal of Optuna"
            raise InputFileError(f"study {self.path} is no {kind}. Give another --study; this file is left alone.")

    def _looks_right(self) -> bool:
        with self.path.open("rb") as handle:
            start = handle.readline(1 << 16)
        if self.path.suffix in SQLITE:
            return not start or start.startswith(_SQLITE_MAGIC)
        try:
            return not start or "op_code" in json.loads(start)
        except (ValueError, TypeError, RecursionError):
            return False

    def lock(self) -> FileLock:
        """Return the lock under which trials are handed out; the system lets go of it when a process dies.

        Not ``.lock``: that name is the journal's own.
        """
        return FileLock(self.path.with_name(f"{self.path.name}.claim"))

    def worker_lock(self, worker: str) -> FileLock:
        """Return the lock that a process holds as long as it lives."""
        return FileLock(self.path.with_name(f"{self.path.name}.worker-{worker}"), timeout=0)

    def load(self, sampler: Any = None, pruner: Any = None) -> optuna.Study:
        """Open the study, or make it; the lock must be held where it may not exist yet.

        Raises
        ------
        InputFileError
            If the file is damaged or holds something else.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            return optuna.create_study(
                storage=self._storage(),
                study_name=_NAME,
                direction="minimize" if self.objective == "val_loss" else "maximize",
                load_if_exists=True,
                sampler=sampler,
                pruner=pruner,
            )
        except Exception as error:  # SQLAlchemy, Alembic, JSON and Optuna have each their own
            raise InputFileError(
                f"study {self.path} cannot be opened: {str(error).splitlines()[0]}. Give another --study."
            ) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what the system, or SQLite, says of a full or read-only disk into OutputError."""
        try:
            yield
        except EpidynError:
            raise
        except (OSError, StorageInternalError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error.__cause__ or error
            raise OutputError(
                f"cannot write {self.path}: {str(reason).splitlines()[0]}. Free space or rights there, or give "
                "another --study; finished trials stay."
            ) from error

    def _storage(self) -> optuna.storages.BaseStorage:
        if self.path.suffix in JOURNAL:
            return JournalStorage(JournalFileBackend(str(self.path)))
        return optuna.storages.RDBStorage(
            f"sqlite:///{self.path}", engine_kwargs={"connect_args": {"timeout": _WAIT}}
        )


def claim_study(file: StudyFile, about: dict[str, Any]) -> None:
    """Make the study, or see that it is the one asked for.

    Raises
    ------
    TuningError
        If it was begun with another space, objective, data or settings; says what differs.
    InputFileError, OutputError
        If the file is no study, or cannot be one.
    """
    file.check()
    with file.lock():
        study = file.load()
        begun = study.user_attrs.get(_ABOUT)
        if begun is None:
            study.set_user_attr(_ABOUT, about)
            return
    asked = json.loads(json.dumps(about))
    differing = [
        f"{name}: {_shown(asked.get(name))} (begun with {_shown(begun.get(name))})"
        for name in sorted(begun.keys() | asked.keys())
        if begun.get(name) != asked.get(name)
    ]
    if differing:
        raise TuningError(
            f"study {file.path} was begun for another search. Give that again, or another --study:", differing
        )


class Worker:
    """One process's access to a study; use :func:`at_work`."""

    def __init__(self, file: StudyFile, space: Space, seed: int, pruner: PrunerName) -> None:
        self.file, self.space, self.seed = file, space, seed
        self.name = uuid.uuid4().hex
        with file.lock():
            self.study = file.load(pruner=_PRUNERS[pruner]())

    def next(self, trials: int) -> optuna.Trial | None:
        """Take the next trial, its settings drawn; None if ``trials`` are finished or being worked on."""
        with self.file.lock():
            self._bury()
            taken = sum(counts(trial) or trial.state == TrialState.RUNNING for trial in self._trials())
            if taken >= trials:
                return None
            # Drawn by how many trials are taken, not by which process draws: a kill changes nothing of the search.
            stream = int(np.random.SeedSequence([self.seed, taken]).generate_state(1)[0])
            self.study.sampler = optuna.samplers.TPESampler(seed=stream, constant_liar=True)
            trial = self.study.ask()
            trial.set_user_attr(_WORKER, self.name)
            for name, dimension in self.space.items():
                _suggest(trial, name, dimension)
            return trial

    def finish(self, trial: optuna.Trial, value: float | None, reason: str = "") -> None:
        """Tell how a trial ended: with its value, pruned (None), or failed for a ``reason``."""
        if reason:
            trial.set_user_attr(REASON, reason)
        state = TrialState.FAIL if reason else TrialState.PRUNED if value is None else TrialState.COMPLETE
        self.study.tell(trial, None if reason else value, state=state)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _bury(self) -> None:
        """Fail the trials of processes that are dead, and put their settings in line again."""
        for trial in self._trials():
            if trial.state != TrialState.RUNNING or self._alive(trial.user_attrs.get(_WORKER)):
                continue
            log.warning("trial %d was left by a process that died; its settings are tried again", trial.number)
            self.study.tell(trial.number, state=TrialState.FAIL)
            if trial.params.keys() == self.space.keys():
                self.study.enqueue_trial(trial.params)

    def _alive(self, worker: str | None) -> bool:
        """Tell whether the process of a trial lives; one that died before it gave its name does not."""
        if worker is None:
            return False
        if worker == self.name:
            return True
        lock = self.file.worker_lock(worker)
        try:
            with lock:
                pass
        except Timeout:
            return True
        Path(lock.lock_file).unlink(missing_ok=True)
        return False


@contextmanager
def at_work(file: StudyFile, space: Space, seed: int, pruner: PrunerName) -> Iterator[Worker]:
    """Join the study for the block; others see by a lock that this process lives."""
    worker = Worker(file, space, seed, pruner)
    with ExitStack() as stack:
        lock = stack.enter_context(file.worker_lock(worker.name))
        stack.callback(Path(lock.lock_file).unlink, missing_ok=True)
        yield worker


def counts(trial: FrozenTrial) -> bool:
    """Tell whether a trial is finished and counts: complete, pruned, or failed by itself, not by a kill."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or (
        trial.state == TrialState.FAIL and REASON in trial.user_attrs
    )


def _suggest(trial: optuna.Trial, name: str, dimension: Any) -> None:
    with warnings.catch_warnings():
        # Steps are checked to reach the end; what is left is the rounding of decimal fractions.
        warnings.filterwarnings("ignore", message=".*is not divisible by.*")
        if isinstance(dimension, Choices):
            trial.suggest_categorical(name, dimension.choices)
        elif dimension.whole:
            trial.suggest_int(name, dimension.low, dimension.high, step=dimension.step or 1, log=dimension.log)
        else:
            trial.suggest_float(name, dimension.low, dimension.high, step=dimension.step, log=dimension.log)


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)
