"""What a study found: the best configuration, all trials, and two figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from epidyn import plots
from epidyn.errors import TuningError
from epidyn.files import clear_partials, write_json, write_table, write_text
from epidyn.training.config import RunConfig, with_absolute_paths
from epidyn.tuning.space import configured
from epidyn.tuning.study import REASON, counts

_KILLED = "its process ended before it did; its settings were put in line again"


@dataclass(frozen=True)
class TuningFolder:
    """A folder for the results of one study."""

    path: Path

    STUDY = "study.journal"
    BEST = "best.toml"
    TRIALS = "trials.csv"
    SUMMARY = "study.json"
    IMPORTANCE = "importance.png"
    HISTORY = "history.png"
    SCORES = "scores"
    RESULTS = (BEST, TRIALS, SUMMARY, IMPORTANCE, HISTORY)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def begun(self) -> bool:
        """Whether results or the study itself lie in it."""
        return (self / self.SUMMARY).is_file() or (self / self.STUDY).is_file()


def write_results(folder: TuningFolder, study: optuna.Study, about: dict[str, Any], base: RunConfig) -> None:
    """Write all results; what cannot be had of these trials is removed, and ``study.json`` says why.

    No other process may be writing into the folder.

    Raises
    ------
    TuningError
        If no trial came to its end; the table of trials is there.
    """
    clear_partials(folder / name for name in folder.RESULTS)
    trials = study.get_trials(deepcopy=False)
    table = trial_table(trials)
    write_table(folder / folder.TRIALS, table)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    summary: dict[str, Any] = {
        "search": about,
        "trials": {state: int(count) for state, count in table["state"].value_counts().sort_index().items()},
        "finished": sum(map(counts, trials)),
        "best": _best(study) if complete else None,
        "importance": None,
        "importance_missing": "",
    }
    try:
        summary["importance"] = _importance(study, complete)
    except ValueError as error:
        summary["importance_missing"] = str(error)
    for name, there in (
        (folder.BEST, bool(complete)),
        (folder.HISTORY, bool(complete)),
        (folder.IMPORTANCE, summary["importance"] is not None),
    ):
        if not there:
            (folder / name).unlink(missing_ok=True)
    write_json(folder / folder.SUMMARY, summary)
    if not complete:
        reasons = [f"trial {number}: {reason or state}" for number, state, reason in _ends(table)]
        raise TuningError(
            f"none of the {len(trials)} trials came to its end ({folder / folder.TRIALS}). Search elsewhere, or "
            "give more --trials:",
            reasons,
        )
    write_text(folder / folder.BEST, with_absolute_paths(configured(base, study.best_params)).to_toml())
    smaller = study.direction == optuna.study.StudyDirection.MINIMIZE
    plots.trials(table, about["objective"], folder / folder.HISTORY, smaller=smaller)
    if summary["importance"] is not None:
        plots.importance(summary["importance"], about["objective"], folder / folder.IMPORTANCE)


def trial_table(trials: list[FrozenTrial]) -> pd.DataFrame:
    """Return number, state, value, each setting, epochs, kept_epoch, seconds and reason; a row a trial.

    The value of a pruned trial is that of its last epoch; a failed one has none.
    """
    names = dict.fromkeys(name for trial in trials for name in trial.params)
    rows = [
        {
            "number": trial.number,
            "state": trial.state.name.lower(),
            "value": None if trial.state == TrialState.FAIL else trial.value,
            **{name: trial.params.get(name) for name in names},
            **{name: trial.user_attrs.get(name) for name in ("epochs", "kept_epoch", "seconds")},
            "reason": trial.user_attrs.get(REASON, _KILLED if trial.state == TrialState.FAIL else ""),
        }
        for trial in trials
    ]
    return pd.DataFrame(rows).astype({"epochs": "Int64", "kept_epoch": "Int64", "value": float})


def _best(study: optuna.Study) -> dict[str, Any]:
    best = study.best_trial
    return {"number": best.number, "value": best.value, "settings": best.params, **best.user_attrs}


def _importance(study: optuna.Study, complete: list[FrozenTrial]) -> dict[str, float]:
    """Return each setting's share of the differences between trials; ValueError if it cannot be told."""
    if len({trial.value for trial in complete}) < 2:
        raise ValueError("fewer than two trials of different value came to their end")
    try:
        shares = optuna.importance.get_param_importances(study)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    if not shares or not sum(shares.values()) > 0:
        raise ValueError("the settings do not explain what differs between trials")
    return shares


def _ends(table: pd.DataFrame) -> list[tuple[int, str, str]]:
    return list(table[["number", "state", "reason"]].itertuples(index=False, name=None))
