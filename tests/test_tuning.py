"""Studies on toy data: what trials look at, that none is lost or doubled, and what a study refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from epidyn import training
from epidyn.errors import ConfigError, InputFileError, OutputError, TuningError
from epidyn.training import run as training_run
from epidyn.training.config import RunConfig, make_config, read_settings

pytest.importorskip("optuna", reason="optuna is not installed: pip install 'epidyn[tune]'")

from epidyn.tuning import PAPER, read_space, tune
from epidyn.tuning.space import Choices, Range, Space, check_space
from epidyn.tuning.study import StudyFile

Build = Callable[..., RunConfig]
After = Callable[[dict[str, float]], None]

RATES: Space = {"training.learning_rate": Range(1e-4, 1e-1, log=True)}


@pytest.fixture
def small(toy_config: Build) -> RunConfig:
    return toy_config(training={"epochs": 1, "copies": 0, "max_steps": 2})


def bowl(config: RunConfig, after_epoch: After) -> list[dict[str, float]]:
    """Stand in for training: the best learning rate is 0.01, and worse ones are worse from the first epoch on."""
    distance = abs(config.training.learning_rate - 0.01)
    history = []
    for epoch, extra in ((1, 0.5), (2, 0.0), (3, 0.25)):
        row = {"epoch": epoch, "seconds": 0.5 * epoch, "val_loss": distance + extra, "val_auroc": 1 - distance}
        history.append(row)
        after_epoch(row)
    return history


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "validate", bowl)


def table(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "trials.csv", keep_default_na=False, na_values=[""])


# --- training without the test part ----------------------------------------------------------------------------


def test_validation_gives_the_history_of_training_and_never_scores_the_test_part(
    toy_config: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = toy_config(training={"copies": 0, "save_minutes": 0})  # saved at every step, told once an epoch
    training.train(config, tmp_path / "run")
    trained = pd.read_csv(tmp_path / "run" / "history.csv")

    def scored(*_: Any, **__: Any) -> None:
        raise AssertionError("the test part was scored")

    monkeypatch.setattr(training_run, "window_logits", scored)
    told: list[dict[str, float]] = []
    history = training.validate(config, told.append)
    assert told == history
    assert history[0]["train_loss"] != history[1]["train_loss"]
    pd.testing.assert_frame_equal(
        pd.DataFrame(history).drop(columns="seconds"), trained.drop(columns="seconds"), rtol=1e-12
    )
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_an_epoch_raises_ends_the_training(toy_config: Build):
    epochs = []

    def stop(row: dict[str, float]) -> None:
        epochs.append(row["epoch"])
        if row["epoch"] == 2:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        training.validate(toy_config(training={"copies": 0}), stop)
    assert epochs == [1, 2]


# --- a study ---------------------------------------------------------------------------------------------------


def test_a_study_finds_what_training_then_repeats(toy_config: Build, tmp_path: Path):
    base = toy_config(training={"epochs": 2, "copies": 0})
    found = tune(base, tmp_path / "out", trials=3, space=RATES, objective="val_aupr")
    trials = table(found.path)
    assert trials["number"].tolist() == [0, 1, 2]
    assert not list(found.path.rglob("predictions*")) + list(found.path.rglob("*.safetensors"))
    best = trials.loc[trials[trials["state"] == "complete"]["value"].idxmax()]
    config = make_config(read_settings(found / found.BEST))
    assert config.training.learning_rate == pytest.approx(best["training.learning_rate"], rel=1e-12)
    assert config.network == base.network
    training.train(config, tmp_path / "run")
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert report["validation"]["val_aupr"] == pytest.approx(best["value"], rel=1e-9)
    assert report["validation"]["epoch"] == best["kept_epoch"]
    summary = json.loads((found / found.SUMMARY).read_text())
    assert (summary["finished"], summary["best"]["number"]) == (3, best["number"])
    assert all((found / name).read_bytes().startswith(b"\x89PNG") for name in (found.HISTORY, found.IMPORTANCE))


@pytest.mark.usefixtures("quick")
def test_the_value_is_that_of_the_epoch_training_keeps(small: RunConfig, tmp_path: Path):
    found = tune(small, tmp_path / "out", trials=3, space=RATES, pruner="none")
    trials = table(found.path)
    assert set(trials["kept_epoch"]) == {2}
    assert trials["value"].tolist() == pytest.approx(abs(trials["training.learning_rate"] - 0.01).tolist())
    assert trials["seconds"].tolist() == [1.5] * 3
    assert trials["epochs"].tolist() == [3] * 3


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["s.db", "s.sqlite", "s.journal", "s.log"])
def test_called_again_it_goes_on_to_more_trials(small: RunConfig, tmp_path: Path, name: str):
    study = tmp_path / name
    tune(small, tmp_path / "out", trials=3, study=study, space=RATES)
    first = table(tmp_path / "out")
    tune(small, tmp_path / "out", trials=3, study=study, space=RATES)
    assert table(tmp_path / "out").equals(first)
    tune(small, tmp_path / "elsewhere", trials=5, study=study, space=RATES)
    more = table(tmp_path / "elsewhere")
    assert more["number"].tolist() == list(range(5))
    assert more["training.learning_rate"].is_unique  # the second call does not draw again what the first drew
    assert more["training.learning_rate"][:3].tolist() == first["training.learning_rate"].tolist()
    assert {path.name for path in tmp_path.iterdir()} <= {name, f"{name}.claim", "out", "elsewhere"}


@pytest.mark.usefixtures("quick")
def test_the_seed_decides_what_is_tried(toy_config: Build, tmp_path: Path):
    rates = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config = toy_config(training={"seed": seed})
        found = tune(config, tmp_path / name, trials=14, space=RATES, pruner="none")  # past the random ones
        rates.append(table(found.path)["training.learning_rate"].tolist())
    assert rates[0] == rates[1]
    assert not set(rates[0]) & set(rates[2])


@pytest.mark.usefixtures("quick")
def test_a_search_in_two_calls_tries_what_one_call_tries(small: RunConfig, tmp_path: Path):
    for trials in (4, 14):  # past the random ones
        tune(small, tmp_path / "two", trials=trials, space=RATES, pruner="none")
    tune(small, tmp_path / "one", trials=14, space=RATES, pruner="none")
    rates = [table(tmp_path / out)["training.learning_rate"].tolist() for out in ("one", "two")]
    assert rates[0] == rates[1]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("pruner", "pruned"), [("none", False), ("median", True), ("hyperband", True)])
def test_a_pruner_ends_bad_trials_early(toy_config: Build, tmp_path: Path, pruner: Any, pruned: bool):
    found = tune(toy_config(training={"epochs": 3}), tmp_path / "out", trials=16, space=RATES, pruner=pruner)
    trials = table(found.path)
    early = trials[trials["state"] == "pruned"]
    assert bool(len(early)) == pruned
    assert (early["epochs"] < 3).all()
    assert json.loads((found / found.SUMMARY).read_text())["finished"] == 16
    best = trials.loc[trials["state"] == "complete", "value"].min()
    assert json.loads((found / found.SUMMARY).read_text())["best"]["value"] == pytest.approx(best)


# --- several processes -----------------------------------------------------------------------------------------

TUNE = """
import sys, torch
from epidyn.training.config import make_config, read_settings
from epidyn.tuning import tune
from epidyn.tuning.space import Range
torch.set_num_threads(1)
config, study, out, trials = sys.argv[1:]
space = {"training.learning_rate": Range(1e-4, 1e-1, log=True)}
tune(make_config(read_settings(config)), out, study=study, trials=int(trials), space=space)
"""
KILLED_IN_ITS_THIRD_TRIAL = """
import os, signal
from epidyn import training
real, began = training.validate, []
def killed(config, after_epoch):
    began.append(config)
    if len(began) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(config, after_epoch)
training.validate = killed
"""


def start(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stderr=subprocess.PIPE)


SHARED = ["shared.journal", pytest.param("shared.db", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", SHARED)
def test_two_processes_at_once_lose_and_double_no_trial(small: RunConfig, tmp_path: Path, name: str):
    (tmp_path / "c.toml").write_text(small.to_toml())
    both = [start(TUNE, tmp_path / "c.toml", tmp_path / name, tmp_path / out, 7) for out in ("one", "two")]
    for each in both:
        message = each.communicate()[1].decode()
        assert each.returncode == 0, message
    trials = StudyFile(tmp_path / name, "val_loss").load().trials
    assert sorted(trial.number for trial in trials) == list(range(7))
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "PRUNED"}
    assert len({trial.params["training.learning_rate"] for trial in trials}) == 7
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2


@pytest.mark.parametrize("name", SHARED)
def test_a_kill_loses_one_trial_whose_settings_are_tried_again(small: RunConfig, tmp_path: Path, name: str):
    (tmp_path / "c.toml").write_text(small.to_toml())
    arguments = (tmp_path / "c.toml", tmp_path / name, tmp_path / "out", 4)
    killed = start(KILLED_IN_ITS_THIRD_TRIAL + TUNE, *arguments)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    states = [trial.state.name for trial in StudyFile(tmp_path / name, "val_loss").load().trials]
    assert states == ["COMPLETE", "COMPLETE", "RUNNING"]
    tune(small, tmp_path / "out", study=tmp_path / name, trials=4, space=RATES)
    trials = table(tmp_path / "out")
    assert trials["state"].tolist() == ["complete", "complete", "fail", "complete", "complete"]
    assert "its process ended" in trials["reason"][2]
    rates = trials["training.learning_rate"]
    assert rates[3] == rates[2]
    assert rates.nunique() == 4
    tune(small, tmp_path / "whole", trials=4, space=RATES)
    whole, resumed = (each[["training.learning_rate", "value"]] for each in (table(tmp_path / "whole"), trials))
    assert whole.equals(resumed.drop(index=2).reset_index(drop=True))


def test_jobs_share_a_study(small: RunConfig, tmp_path: Path):
    found = tune(small, tmp_path / "out", trials=5, space=RATES, jobs=2)
    assert table(found.path)["number"].tolist() == list(range(5))
    trials = StudyFile(found / found.STUDY, "val_loss").load().trials
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2


# --- trials that fail ------------------------------------------------------------------------------------------


def test_settings_that_do_not_go_together_are_a_failed_trial(small: RunConfig, tmp_path: Path):
    space: Space = {"network.heads": Choices((3, 4)), "network.channels": Choices((12, 18))}  # 4 heads of 18
    found = tune(small, tmp_path / "out", trials=12, space=space, pruner="none")
    trials = table(found.path)
    impossible = (trials["network.heads"] == 4) & (trials["network.channels"] == 18)
    assert 0 < impossible.sum() < 12
    assert ((trials["state"] == "fail") == impossible).all()
    assert trials.loc[impossible, "reason"].str.contains("heads").all()
    assert trials.loc[impossible, "value"].isna().all()
    assert json.loads((found / found.SUMMARY).read_text())["finished"] == 12


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_fails_the_trial(
    small: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
):
    def diverging(config: RunConfig, after_epoch: After) -> list[dict[str, float]]:
        row = {"epoch": 1, "seconds": 1.0, "val_loss": value}
        after_epoch(row)
        return [row]

    monkeypatch.setattr(training, "validate", diverging)
    with pytest.raises(TuningError, match=f"none of the 2 trials.*\n.*val_loss is {value}"):
        tune(small, tmp_path / "out", trials=2, space=RATES)
    assert table(tmp_path / "out")["reason"].tolist() == [f"val_loss is {value}"] * 2
    assert not (tmp_path / "out" / "best.toml").exists()


def test_without_a_difference_there_is_no_importance(
    small: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training, "validate", lambda *_: [{"epoch": 1, "val_loss": 0.5}])
    found = tune(small, tmp_path / "out", trials=3, space=RATES)
    assert not (found / found.IMPORTANCE).exists()
    assert "two trials of different value" in json.loads((found / found.SUMMARY).read_text())["importance_missing"]


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("changes", "space", "objective", "words"),
    [
        ({}, {"training.learning_rate": Range(1e-3, 1e-1, log=True)}, "val_loss", "learning_rate.*0.0001"),
        ({}, {"training.epochs": Range(1, 5)}, "val_loss", "space training.epochs"),
        ({}, RATES, "val_aupr", 'objective: "val_aupr" .begun with "val_loss"'),
        ({"network": {"dense": 8}}, RATES, "val_loss", r"network.dense: 8 \(begun with 9\)"),
        ({"split": {"split": "chromosome:chr2"}}, RATES, "val_loss", "split.split"),
        ({"training": {"seed": 6}}, RATES, "val_loss", "training.seed"),
    ],
)
def test_a_study_of_another_search_is_refused(
    toy_config: Build, tmp_path: Path, changes: Any, space: Space, objective: Any, words: str
):
    tune(toy_config(), tmp_path / "out", trials=1, space=RATES)
    with pytest.raises(TuningError, match=f"(?s)begun for another search.*{words}"):
        tune(toy_config(**changes), tmp_path / "out", trials=2, space=space, objective=objective)
    assert len(StudyFile(tmp_path / "out" / "study.journal", "val_loss").load().trials) == 1


@pytest.mark.usefixtures("quick")
def test_other_data_under_the_same_name_is_refused_and_the_same_elsewhere_is_not(
    toy_config: Build, tmp_path: Path, simulated: Path
):
    text = (simulated / "pairs.csv").read_text()
    tables = {name: tmp_path / f"{name}.csv" for name in ("same", "other")}
    tables["same"].write_text(text)
    tables["other"].write_text("\n".join(text.splitlines()[:-1]) + "\n")
    tune(toy_config(), tmp_path / "out", trials=1, space=RATES)
    tune(toy_config(data={"pairs": str(tables["same"])}), tmp_path / "out", trials=2, space=RATES)
    with pytest.raises(TuningError, match="digest of pairs"):
        tune(toy_config(data={"pairs": str(tables["other"])}), tmp_path / "out", trials=3, space=RATES)


@pytest.mark.parametrize("name", ["s.db", "s.journal"])
@pytest.mark.parametrize("content", [b"some text\n", b'{"some": "json"}\n', b"SQLite format 3\0 and no more"])
def test_a_file_that_is_no_study_is_refused_and_kept(small: RunConfig, tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError, match=name):
        tune(small, tmp_path / "out", trials=1, study=tmp_path / name, space=RATES)
    assert (tmp_path / name).read_bytes() == content


def test_refuses_before_anything_is_written(small: RunConfig, tmp_path: Path):
    with pytest.raises(ConfigError, match="given: 0 and 1"):
        tune(small, tmp_path / "out", trials=0)
    with pytest.raises(ConfigError, match=r"training.learning_rate.*2"):
        tune(small, tmp_path / "out", trials=1, space={"training.learning_rate": Choices((0.1, 2))})
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputFileError, match=r"must end with .db"):
        tune(small, tmp_path / "out", trials=1, study=tmp_path / "study.txt")
    with pytest.raises(OutputError, match="no folder"):
        tune(small, tmp_path / "out", trials=1, study=tmp_path / "none" / "s.db")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    with pytest.raises(OutputError, match="not empty"):
        tune(small, tmp_path / "full", trials=1, space=RATES)


# --- the space -------------------------------------------------------------------------------------------------


def test_the_papers_space(toy_config: Build):
    check_space(PAPER, toy_config())
    rates = PAPER["training.learning_rate"]
    assert isinstance(rates, Choices)
    assert set(rates.choices) == {5e-5, 1e-5, 5e-4, 1e-4, 5e-3, 1e-3, 5e-2, 1e-2, 1e-1}
    assert set(PAPER) == {f"training.{n}" for n in ("learning_rate", "epochs", "batch_size", "optimizer")}


def test_a_space_from_a_file(tmp_path: Path, toy_config: Build):
    (tmp_path / "space.toml").write_text(
        "[training.learning_rate]\nlow = 1e-5\nhigh = 1e-1\nlog = true\n"
        "[training.batch_size]\nlow = 16\nhigh = 64\nstep = 16\n"
        '[network.fusion]\nchoices = ["dynamic", "gated"]\n[network.gru]\nchoices = [true, false]\n'
    )
    space = read_space(tmp_path / "space.toml")
    assert space == {
        "training.learning_rate": Range(1e-5, 1e-1, log=True),
        "training.batch_size": Range(16, 64, 16),
        "network.fusion": Choices(("dynamic", "gated")),
        "network.gru": Choices((True, False)),
    }
    check_space(space, toy_config())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("# nothing\n", "names no setting"),
        ("x = 1\n", "outside a table"),
        ("not toml", "no TOML"),
        ("[training.epochs]\nlow = 1\n", "low and high"),
        ("[training.epochs]\nlow = 5\nhigh = 5\n", "low must be below high"),
        ("[training.epochs]\nlow = nan\nhigh = 5\n", "low must be below high"),
        ("[training.epochs]\nlow = 'a'\nhigh = 5\n", "low must be a number.*'a'"),
        ("[training.epochs]\nlow = 1\nhigh = 6\nstep = 2\n", "do not reach 6"),
        ("[training.epochs]\nlow = 1\nhigh = 6\nstep = 0\n", "step must be above 0"),
        ("[training.epochs]\nlow = 1\nhigh = 6\nby = 2\n", "by is unknown"),
        ("[training.epochs]\nlow = 1\nhigh = 6\nlog = 1\n", "true or false"),
        ("[training.epochs]\nlow = 1\nhigh = 6\nlog = true\nstep = 1\n", "exclude"),
        ("[training.learning_rate]\nlow = 0.0\nhigh = 0.1\nlog = true\n", "low above 0"),
        ("[training.epochs]\nchoices = []\n", "not empty"),
        ("[training.epochs]\nchoices = [1, 1]\n", "twice"),
        ("[training.epochs]\nchoices = [[1]]\n", r"a choice must be.*\[1\]"),
        ("[training.epoch]\nchoices = [1]\n", "training.epoch is unknown; known are"),
        ("[trainings.epochs]\nchoices = [1]\n", "trainings is unknown"),
        ("[training.epochs]\nchoices = [0, 5]\n", "training.epochs.*0"),
        ("[training.epochs]\nlow = 1.0\nhigh = 5.0\n", "only whole numbers"),
        ("[network.gru]\nlow = 0\nhigh = 1\n", "no number"),
        ("[training.seed]\nlow = 0\nhigh = 9\n", "cannot be compared"),
        ("[split.split]\nchoices = ['random']\n", "cannot be compared"),
        ("[data.pairs]\nchoices = ['a.csv']\n", "cannot be compared"),
    ],
)
def test_refuses_a_space(tmp_path: Path, toy_config: Build, text: str, words: str):
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises((ConfigError, InputFileError), match=f"(?s){words}"):
        check_space(read_space(tmp_path / "space.toml"), toy_config())
