"""One training run, from its configuration to a finished folder."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pandas as pd
import torch

from epidyn import __version__, progress
from epidyn.calibration import sigmoid
from epidyn.errors import ConfigError, DivergenceError, ModelFileError, WorkerError
from epidyn.files import prepare_output_folder, refuse_filled_folder, write_json, write_table, write_text
from epidyn.locks import alone_in
from epidyn.model import Model
from epidyn.scores import by_line, summarise_or_count, with_scores
from epidyn.scoring import window_logits
from epidyn.training.checkpoint import TrainingState
from epidyn.training.config import (
    MAY_CHANGE,
    RunConfig,
    TrainingConfig,
    departures,
    make_config,
    parse_settings,
    read_settings,
    require_same,
)
from epidyn.training.device import check_device, device_name, gpu_peak, on_gpu, precision, restart_gpu_peak
from epidyn.training.folder import RunFolder
from epidyn.training.inputs import RunInputs, read_inputs, report_inputs
from epidyn.training.learners import Learner, make_learner
from epidyn.training.processes import first_process
from epidyn.training.report import Tested, metrics_report, provenance

log = logging.getLogger("epidyn")


def train(config: RunConfig, out: str | os.PathLike[str], *, force: bool = False) -> Model:
    """Train a network and leave a run folder.

    Parameters
    ----------
    config
        What to do.
    out
        The run folder; made if missing.
    force
        Replace the files of an earlier run in it.

    Returns
    -------
    Model
        With the weights of the epoch of lowest validation loss.

    Raises
    ------
    OutputError
        If ``out`` is not empty, without ``force``, or another process is at work in it.
    EpidynError
        As the table, the genome, the vectors or the split cannot be used; before anything is written.
    """
    if first_process():
        refuse_filled_folder(out, force=force)
    check_device(config)
    inputs = read_inputs(config)
    learner = make_learner(config)
    folder = RunFolder(Path(out))
    state = TrainingState(inputs=inputs.digests, settings=config.to_toml())
    if first_process():
        prepare_output_folder(out, force=True, own=())
    with _alone_in(folder):
        if first_process():
            prepare_output_folder(out, force=True, own=RunFolder.FILES)
            write_text(folder / folder.CONFIG, config.to_toml())
            write_table(folder / folder.SPLIT, inputs.split.table())
        return _finish(config, folder, inputs, learner, state)


def train_or_resume(config: RunConfig, out: str | os.PathLike[str], *, force: bool = False) -> Model:
    """Train a network; where ``out`` holds a run of the same settings, go on with that, or find it finished.

    Where another process is at work in ``out``, it is waited for. So a command that may be killed and called
    again, by a workflow say, is the same command each time.

    Parameters
    ----------
    config, out
        As :func:`train` takes them.
    force
        Begin anew in a folder that holds anything else, a run of other settings or inputs among it.

    Raises
    ------
    EpidynError
        As :func:`train` and :func:`resume` raise it; ConfigError if a run there was begun with other settings.
    """
    folder = RunFolder(Path(out))
    if first_process() and folder.path.is_dir():
        with alone_in(folder.path, wait=True):
            folder.clear_partials()
    if (folder / folder.CONFIG).is_file():
        try:
            require_same(make_config(read_settings(folder / folder.CONFIG)), config, folder.path)
            return resume(out)
        except ConfigError:
            if not force:
                raise
    return train(config, out, force=force)


def resume(out: str | os.PathLike[str]) -> Model:
    """Go on with a run that was stopped at any moment; on one CPU it ends with the bits of an uninterrupted run.

    Raises
    ------
    InputFileError
        If ``out`` is no run folder.
    ConfigError
        If the settings, the pair table or the genome are no longer those that the run began with; what may change
        in ``config.toml`` is :data:`epidyn.training.config.MAY_CHANGE`.
    OutputError
        If another process is at work in it.
    """
    folder = RunFolder(Path(out))
    folder.require()
    if folder.finished:
        log.info("%s is finished", folder.path)
        return Model.load(folder / folder.MODEL)
    with _alone_in(folder):
        return _resume(folder)


def _resume(folder: RunFolder) -> Model:
    if first_process():
        folder.clear_partials()
    config = make_config(read_settings(folder / folder.CONFIG))
    check_device(config)
    inputs = read_inputs(config)
    learner = make_learner(config)
    state = TrainingState(inputs=inputs.digests, settings=config.to_toml())
    if (folder / folder.CHECKPOINT).exists():
        state = TrainingState.load(folder / folder.CHECKPOINT)
        require_same(make_config(parse_settings(state.settings)), config, folder.path, but_for=MAY_CHANGE)
        if config.training.epochs < state.epoch:
            raise ConfigError(
                f"training.epochs is {config.training.epochs} in {folder / folder.CONFIG}, and {state.epoch} are "
                "done. Give as many or more."
            )
        names = dict.fromkeys([*inputs.digests, *state.inputs])
        changed = [name for name in names if state.inputs.get(name) != inputs.digests.get(name)]
        if changed:
            raise ConfigError(
                f"{folder.path} was begun with other {' and '.join(changed)}. Put it back, or start again."
            )
        try:
            learner.restore(state)
        except ModelFileError as error:
            raise ModelFileError(f"the checkpoint in {folder.path} does not fit its {folder.CONFIG}.") from error
    elif first_process():
        write_table(folder / folder.SPLIT, inputs.split.table())
    return _finish(config, folder, inputs, learner, state)


def validate(config: RunConfig, after_epoch: Callable[[dict[str, float]], None]) -> list[dict[str, float]]:
    """Train without leaving anything: no folder, no model, and no look at the test part.

    Parameters
    ----------
    config
        What to do.
    after_epoch
        Called with each epoch's row of the history; what it raises ends the training and is passed on.

    Returns
    -------
    list of dict
        The history, as ``history.csv`` would have it. :func:`train` would keep the row of lowest ``val_loss``.

    Raises
    ------
    EpidynError
        As the inputs cannot be used, or training diverges.
    """
    check_device(config)
    inputs = read_inputs(config)
    learner = make_learner(config)
    state = TrainingState(inputs=inputs.digests, settings=config.to_toml())
    told = 0

    def tell(now: TrainingState) -> None:
        nonlocal told
        if len(now.history) > told:  # not a save in the middle of an epoch
            told = len(now.history)
            after_epoch(now.history[-1])

    learner.learn(inputs, state, tell)
    for row in state.history[told:]:
        after_epoch(row)
    return state.history


def _finish(
    config: RunConfig,
    folder: RunFolder,
    inputs: RunInputs,
    learner: Learner,
    state: TrainingState,
) -> Model:
    """Train what is left, then write model, test predictions and metrics, in this order."""
    if not first_process():
        log.setLevel(logging.WARNING)  # the first process speaks for all
        progress.quiet()
        _learn_in(folder, inputs, learner, state)
        return Model(learner.scorer(state))
    with folder.logged():
        log.info("epidyn %s, %s", __version__, "from the start" if not state.step else f"from step {state.step}")
        log.info("computing on %s, precision %s", device_name(config.training), precision(config.training))
        if state.precision and state.precision != precision(config.training):
            log.warning("the run was begun with precision %s", state.precision)
        report_inputs(config, inputs)
        for departure in departures(config):
            log.info("departs from the published protocol: %s", departure)
        if not state.finished:
            try:
                _learn_in(folder, inputs, learner, state)
            except DivergenceError as error:
                if not state.history:
                    raise
                model = Model(learner.scorer(state))
                model.provenance = provenance(config, inputs, learner.origin, learner.best(state), Tested().scores)
                model.save(folder / folder.MODEL)
                raise DivergenceError(
                    f"{error} Epoch {state.best_epoch}, the best before that, is kept as a model of kind "
                    f"{model.scorer.kind}: {folder / folder.MODEL}."
                ) from error
        model = Model(learner.scorer(state))
        validation = learner.best(state)
        if on_gpu(config.training):
            model.scorer.to(torch.device("cuda"))
        tested = _test(inputs, model, config.training)
        model.scorer.to(torch.device("cpu"))
        model.provenance = provenance(config, inputs, learner.origin, validation, tested.scores)
        model.save(folder / folder.MODEL)
        if tested.pairs is not None:
            write_table(folder / folder.PREDICTIONS, tested.pairs)
        report = metrics_report(config, inputs, state, validation, tested)
        write_json(folder / folder.METRICS, report)
        (folder / folder.CHECKPOINT).unlink(missing_ok=True)
        log.info("kept %s; model: %s", learner.words(state), folder / folder.MODEL)
    return model


def _learn_in(folder: RunFolder, inputs: RunInputs, learner: Learner, state: TrainingState) -> None:
    """Train, with checkpoint and history in the run's folder."""

    def save(now: TrainingState) -> None:
        now.save(folder / folder.CHECKPOINT)
        folder.write_history(now.history)

    try:
        learner.learn(inputs, state, save)
        folder.write_history(state.history)
    except (KeyboardInterrupt, WorkerError):
        log.info("stopped in epoch %d of %s", state.epoch + 1, folder.path)
        raise


def _test(inputs: RunInputs, model: Model, settings: TrainingConfig) -> Tested:
    """Score the test part, and by each part of the model that can score pairs alone."""
    test = inputs.data.test
    if not len(test):
        return Tested()
    rows = inputs.pairs.iloc[test.row]

    def scored(by: Model) -> pd.DataFrame:
        logits = window_logits(
            by.scorer, inputs.data.store, test.enhancer, test.promoter, batch_size=settings.batch_size
        )
        logits += by.distance_logits(rows)
        return with_scores(rows, logits, sigmoid(logits))

    restart_gpu_peak(settings)
    began = time.monotonic()
    pairs = scored(model)
    seconds, gpu_bytes = time.monotonic() - began, gpu_peak(settings)
    scores, lines = summarise_or_count(pairs), by_line(pairs)
    alone, known = model.scorer.parts(), {id(model.scorer): scores}
    for part in alone.values():
        if id(part) not in known:
            known[id(part)] = summarise_or_count(scored(Model(part)))
    parts = {name: known[id(part)] for name, part in alone.items()}
    for name, each in {f"fold {inputs.split.fold}": scores, **(lines if len(lines) > 1 else {})}.items():
        if "auroc" not in each:
            log.warning(
                "all %d test pairs of %s have label %d: AUROC and AUPR cannot be computed on them",
                each["pairs"],
                name,
                each["positives"] > 0,
            )
    return Tested(pairs, scores, lines, parts, seconds, gpu_bytes)


def _alone_in(folder: RunFolder) -> AbstractContextManager[None]:
    return alone_in(folder.path) if first_process() else nullcontext()
