"""Calibrate a model on scores of labelled pairs: a new model file, whose probabilities hold."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd

from epidyn.calibration import Calibration, fit_calibration
from epidyn.elements import interval_hashes
from epidyn.errors import ConfigError, MetricError, PairTableError
from epidyn.files import refuse_output, sha256
from epidyn.model import Model
from epidyn.scores import LOGIT, RAW_PROBABILITY, read_scores

log = logging.getLogger("epidyn")


def calibrate(
    model_path: str | os.PathLike[str],
    scores: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    method: str = "platt",
    force: bool = False,
) -> Calibration:
    """Fit a calibration and write the model with it.

    Parameters
    ----------
    model_path
        The model; one that is calibrated already is calibrated anew, from its own logits.
    scores
        Its scores of labelled pairs that it was not trained on, and that will not be reported as a test: the
        validation part, or another held-out set. That elements were seen in training is noticed and said.
    out
        The model file to write.
    method
        See :func:`epidyn.calibration.fit_calibration`.
    force
        Replace ``out`` if it exists.

    Raises
    ------
    OutputError
        If ``out`` exists, without ``force``, or is an input.
    ConfigError
        If the file beside the scores says that they are another model's, or that their logits were shifted to a
        prevalence.
    PairTableError
        If the scores have no labels or no logits.
    MetricError
        If there are too few pairs of a label, or the model does not rank them.
    """
    refuse_output(out, [model_path, scores], force=force)
    model = Model.load(model_path)
    table = read_scores(scores)
    if LOGIT not in table:
        raise PairTableError(
            f"{scores} has no column 'logit', which calibration needs; run `epidyn predict` first."
        )
    digest, earlier = sha256(model_path), model.provenance.calibration
    uncalibrated = earlier.model if earlier and earlier.model else digest
    shifted = RAW_PROBABILITY not in table  # of a calibrated model --prevalence leaves the logit as it is
    _check_origin(Path(f"{scores}.json"), {digest, uncalibrated}, model_path, shifted=shifted)
    _warn_of_seen_elements(table, model)
    try:
        fitted = fit_calibration(table[LOGIT].to_numpy(), table["label"].to_numpy(), method)
    except MetricError as error:
        raise MetricError(f"{scores}: {error.headline}") from error
    origin = {"scores": {"name": Path(scores).name, "sha256": sha256(scores)}, "model": uncalibrated}
    fitted = fitted.model_copy(update=origin)
    model.provenance = model.provenance.model_copy(update={"calibration": fitted})
    model.save(out)
    return fitted


def _warn_of_seen_elements(table: pd.DataFrame, model: Model) -> None:
    hashes = interval_hashes(table)
    seen = int(np.isin(hashes, model.provenance.interval_hashes()).sum())
    if seen:
        log.warning(
            "the model has seen %s of the %s elements of these pairs in training or validation: probabilities "
            "calibrated on them are too sure. Held-out pairs are better.",
            f"{seen:,}",
            f"{len(hashes):,}",
        )


def _check_origin(beside: Path, known: set[str], model_path: str | os.PathLike[str], *, shifted: bool) -> None:
    """Check what ``predict`` wrote beside its scores, if it is there."""
    if not beside.is_file():
        return
    try:
        origin = json.loads(beside.read_text("utf-8"))
        digest, prevalence = origin["model"]["sha256"], origin["prevalence"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{beside} is not what predict writes ({error}). Remove it, or predict again."
        ) from error
    if digest not in known:
        raise ConfigError(
            f"these scores are another model's, says {beside} (model sha256 {digest}). Predict with {model_path} "
            "first."
        )
    if prevalence is not None and shifted:
        raise ConfigError(
            f"these scores were shifted to prevalence {prevalence}, says {beside}. Predict without --prevalence."
        )
