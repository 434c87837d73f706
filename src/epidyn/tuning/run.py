"""Working on a study: trials one after another, in this process or in several, until there are enough."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from epidyn import progress, training, workers
from epidyn.errors import ConfigError, EpidynError, OutputError, TuningError
from epidyn.files import prepare_output_folder, refuse_filled_folder
from epidyn.locks import alone_in
from epidyn.training.config import PATHS, RunConfig
from epidyn.training.inputs import read_inputs
from epidyn.tuning.results import TuningFolder, write_results
from epidyn.tuning.space import Objective, Space, check_space, configured, described, usual_space
from epidyn.tuning.study import PrunerName, StudyFile, Worker, at_work, claim_study, counts

log = logging.getLogger("epidyn")

# Of the base settings, those that change how a trial runs and not what comes out of it.
_MANNER = ("accelerator", "compile", "devices", "save_minutes")
_SECONDS = 2.0  # between looks at what other processes have finished


def tune(
    config: RunConfig,
    out: str | os.PathLike[str],
    *,
    trials: int,
    study: str | os.PathLike[str] | None = None,
    space: Space | None = None,
    objective: Objective = "val_loss",
    pruner: PrunerName = "median",
    jobs: int = 1,
    force: bool = False,
) -> TuningFolder:
    """Try settings until the study has ``trials`` finished trials, over all processes, and write what was found.

    A trial trains on the training part and is judged by ``objective`` on the validation part, at the epoch that
    training would keep: that of lowest validation loss. The test part is not scored. Called again, it goes on.

    Parameters
    ----------
    config
        What every trial does but for the settings of the space; its seed seeds the search too.
    out
        Folder for the results; made if missing.
    trials
        Finished trials that the study is to have, those of other processes and earlier calls among them.
    study
        Where the study lies, see :class:`StudyFile`; None: ``study.journal`` in ``out``.
    space
        What is searched; None: :func:`epidyn.tuning.usual_space`.
    objective
        What is made best: ``val_loss``, ``val_auroc`` or ``val_aupr``.
    pruner
        Who ends hopeless trials after an epoch.
    jobs
        Processes at once, which share the threads.
    force
        Write into a folder that holds something else.

    Raises
    ------
    ConfigError
        If there are no trials or jobs, or the space or the settings cannot be used.
    TuningError
        If the study is one of another search, a process was killed, or all trials failed.
    EpidynError
        As the inputs cannot be used; before anything is written.
    """
    if trials < 1 or jobs < 1:
        raise ConfigError(f"trials and jobs must be 1 or more (given: {trials} and {jobs}).")
    if config.training.devices > 1:
        raise ConfigError(f"a trial has one device (training.devices: {config.training.devices}). Give --jobs.")
    space = usual_space(config) if space is None else space
    check_space(space, config)
    folder = TuningFolder(Path(out).resolve())
    if not folder.begun:
        refuse_filled_folder(out, force=force)
    about = _about(config, space, objective)
    prepare_output_folder(out, force=True, own=())
    file = StudyFile(folder / folder.STUDY if study is None else Path(study).resolve(), objective)
    with file.writing():
        claim_study(file, about)
        _work_all(file, config.sharing(folder / folder.SCORES), space, pruner, trials, jobs)
    with alone_in(folder.path, wait=True):
        write_results(folder, file.load(), about, config)
    return folder


def _about(config: RunConfig, space: Space, objective: Objective) -> dict[str, Any]:
    """Return what makes trials comparable, by name; paths do not count, what the files hold does."""
    about: dict[str, Any] = {"objective": objective}
    about |= {f"space {name}": dimension for name, dimension in described(space).items()}
    about |= {f"digest of {name}": digest for name, digest in read_inputs(config).digests.items()}
    for section, settings in config.model_dump().items():
        for name, value in settings.items():
            full = f"{section}.{name}"
            if not (full in PATHS or full in space or (section == "training" and name in _MANNER)):
                about[full] = value
    return about


def _work_all(
    file: StudyFile, config: RunConfig, space: Space, pruner: PrunerName, trials: int, jobs: int
) -> None:
    study = file.load()
    with progress.bar("Trials", trials) as advance:
        shown = 0

        def look() -> None:
            nonlocal shown
            finished = [trial for trial in study.get_trials(deepcopy=False) if counts(trial)]
            advance(len(finished) - shown, _best(study))
            shown = len(finished)

        look()
        if jobs == 1:
            _work(file, config, space, pruner, trials, look)
        else:
            _work_at_once(file, config, space, pruner, trials, jobs, look)


def _work_at_once(
    file: StudyFile,
    config: RunConfig,
    space: Space,
    pruner: PrunerName,
    trials: int,
    jobs: int,
    look: Callable[[], None],
) -> None:
    with workers.pool(jobs) as pool:
        running = {pool.submit(_work, file, config, space, pruner, trials) for _ in range(jobs)}
        try:
            while running:
                done, running = wait(running, timeout=_SECONDS, return_when=FIRST_COMPLETED)
                for each in done:
                    each.result()
                look()
        except BrokenProcessPool as error:
            raise TuningError(
                "the process of a trial was killed, perhaps for memory. Call again with fewer --jobs; finished "
                "trials stay."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _work(
    file: StudyFile,
    config: RunConfig,
    space: Space,
    pruner: PrunerName,
    trials: int,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Take trials until there are enough."""
    with at_work(file, space, config.training.seed, pruner) as worker:
        while (trial := worker.next(trials)) is not None:
            _try(worker, trial, config)
            look()


def _try(worker: Worker, trial: optuna.Trial, config: RunConfig) -> None:
    """Run one trial; one that fails is told, and the study goes on."""
    objective = worker.file.objective
    spent = {"epochs": 0.0, "seconds": 0.0}

    def after_epoch(row: dict[str, float]) -> None:
        spent.update(epochs=row["epoch"], seconds=row["seconds"])
        trial.report(row[objective], int(row["epoch"]))
        # After its last epoch a trial has its value; there is nothing left to save.
        if row["epoch"] < epochs and trial.should_prune():
            raise optuna.TrialPruned

    value, reason, epochs = None, "", 0
    try:
        settings = configured(config, trial.params)
        epochs = settings.training.epochs
        history = training.validate(settings, after_epoch)
        kept = min(history, key=lambda row: row["val_loss"])
        value = kept[objective]
        trial.set_user_attr("kept_epoch", kept["epoch"])
        if not np.isfinite(value):
            reason = f"{objective} is {value}"
    except optuna.TrialPruned:
        pass
    except OutputError:
        raise
    except EpidynError as error:
        reason = " ".join(str(error).split())
    for name, amount in spent.items():
        trial.set_user_attr(name, amount)
    worker.finish(trial, value, reason)
    end = f"failed: {reason}" if reason else "pruned" if value is None else f"{objective} {value:.4f}"
    log.info("trial %d, %s: %s", trial.number, ", ".join(f"{n} {v}" for n, v in trial.params.items()), end)


def _best(study: optuna.Study) -> str:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return f"best {study.best_value:.4f}" if complete else ""
