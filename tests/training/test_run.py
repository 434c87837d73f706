"""Whole runs on toy data: what they leave, that they repeat, and that they survive kill -9."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import epidyn
from epidyn import metrics, training
from epidyn.elements import interval_hashes
from epidyn.errors import ConfigError, DivergenceError, InputFileError, ModelFileError, OutputError
from epidyn.nn import stem
from epidyn.nn.convolution import fft_token_convolution as by_fft
from epidyn.training.checkpoint import TrainingState
from epidyn.training.config import RunConfig, make_config, read_settings
from epidyn.training.folder import RunFolder
from epidyn.training.inputs import read_inputs

Build = Callable[..., RunConfig]


@pytest.fixture(scope="module")
def finished(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run that all comparisons are made with."""
    folder = tmp_path_factory.mktemp("runs") / "uninterrupted"
    training.train(toy(simulated), folder)
    return folder


def toy(simulated: Path) -> RunConfig:
    from tests.nn.toys import SMALL

    return make_config(
        {
            "data": {"pairs": str(simulated / "pairs.csv"), "genome": str(simulated / "genome.fa")},
            "split": {"split": "chromosome:chr4", "validation": "chromosome:chr3"},
            "training": {"copies": 2, "step": 3, "epochs": 3, "batch_size": 13, "rc_augment": True, "seed": 5},
            "network": SMALL,
        }
    )


def timeless_history(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / RunFolder.HISTORY).drop(columns="seconds")


def assert_same_run(one: Path, other: Path) -> None:
    weights, others = load_file(one / RunFolder.MODEL), load_file(other / RunFolder.MODEL)
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    pd.testing.assert_frame_equal(timeless_history(one), timeless_history(other), check_exact=True)
    for name in (RunFolder.PREDICTIONS, RunFolder.SPLIT):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_leaves_a_whole_folder(finished: Path):
    names = {path.name for path in finished.iterdir()}
    assert names == {
        "model.safetensors",
        "config.toml",
        "split.tsv",
        "history.csv",
        "predictions.tsv",
        "metrics.json",
        "log.txt",
    }
    history = pd.read_csv(finished / "history.csv")
    assert list(history) == [
        "epoch",
        "step",
        "seconds",
        "train_loss",
        "val_loss",
        "val_auroc",
        "val_aupr",
        "learning_rate",
    ]
    assert history["epoch"].tolist() == [1, 2, 3]
    # 60 training pairs, half of them positive with 2 copies: 90 window pairs, 7 batches of at most 13.
    assert history["step"].tolist() == [7, 14, 21]


def test_metrics_are_those_of_the_predictions(finished: Path):
    report = json.loads((finished / "metrics.json").read_text())
    assert set(report) == {
        "data",
        "split",
        "test",
        "lines",
        "parts",
        "validation",
        "time",
        "memory",
        "environment",
    }
    assert report["lines"] == {"simulated": report["test"]}
    scored = pd.read_csv(finished / "predictions.tsv", sep="\t")
    assert report["test"]["auroc"] == pytest.approx(metrics.auroc(scored["label"], scored["probability"]))
    assert report["split"]["train"] == {
        "pairs": 60,
        "positives": 30,
        "window_pairs": 90,
        "positive_window_pairs": 60,
    }


def test_time_and_memory_are_recorded(finished: Path):
    report = json.loads((finished / "metrics.json").read_text())
    time = report["time"]
    # 3 epochs of 90 window pairs; 30 test pairs, each seen once.
    assert time["training_window_pairs_per_second"] * time["training_seconds"] == pytest.approx(270)
    assert time["test_pairs_per_second"] * time["test_seconds"] == pytest.approx(30)
    assert report["memory"]["peak_bytes"] > 10**8
    gpu = torch.cuda.is_available()
    for name in ("training_peak_gpu_bytes", "test_peak_gpu_bytes"):
        assert (report["memory"][name] is not None) is gpu


def test_predictions_are_what_the_model_file_predicts(finished: Path, simulated: Path):
    scored = pd.read_csv(finished / "predictions.tsv", sep="\t")
    pairs = epidyn.read_pairs(simulated / "pairs.csv")
    test = pairs[pairs["promoter_chrom"] == "chr4"]
    model = epidyn.Model.load(finished / "model.safetensors")
    with epidyn.Genome.open(str(simulated / "genome.fa")) as genome:
        assert np.allclose(model.predict(test, genome), scored["probability"], atol=1e-6)


def test_keeps_the_epoch_of_lowest_validation_loss(finished: Path):
    history = pd.read_csv(finished / "history.csv")
    report = json.loads((finished / "metrics.json").read_text())
    assert report["validation"]["epoch"] == history["epoch"][history["val_loss"].idxmin()]


def test_provenance(finished: Path, simulated: Path):
    origin = epidyn.Model.load(finished / "model.safetensors").provenance
    pairs = epidyn.read_pairs(simulated / "pairs.csv")
    seen = pairs[pairs["promoter_chrom"].isin(["chr1", "chr2", "chr3"])]
    assert np.array_equal(origin.interval_hashes(), interval_hashes(seen))
    assert origin.training_prevalence == pytest.approx(60 / 90)
    leakage = origin.split.pop("leakage")
    assert (leakage["leaks"], leakage["test_pairs"], leakage["window_overlaps"]) == (False, 30, 0.0)
    assert origin.split == {
        "kind": "chromosome:chr4",
        "validation_kind": "chromosome:chr3",
        "seed": 5,
        "fold": "0",
        "pool": "all",
    }
    assert (origin.regime, origin.cell_lines) == ("specific", ["simulated"])
    assert origin.kmer_vectors == "initial (seed 5)"


def test_the_config_repeats_the_run(finished: Path, tmp_path: Path):
    training.train(make_config(read_settings(finished / "config.toml")), tmp_path / "again")
    assert_same_run(finished, tmp_path / "again")


def test_leaves_no_trace_in_torchs_generator(simulated: Path, tmp_path: Path, toy_config: Build):
    state = torch.get_rng_state()
    training.train(toy_config(training={"epochs": 1}), tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), state)


KILLED_IN_A_STEP = """
import os, signal
from epidyn.training.module import Journal
ended = Journal.on_train_batch_end
def killing(self, *args):
    ended(self, *args)
    if self.state.step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
Journal.on_train_batch_end = killing
"""
KILLED_WHILE_SAVING = """
import os, signal
from pathlib import Path
saves, write = [], Path.write_bytes
def half(path, content):
    if "checkpoint" in path.name:
        saves.append(path)
        if len(saves) == {step}:
            write(path, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
    return write(path, content)
Path.write_bytes = half
"""


@pytest.mark.parametrize(
    ("sabotage", "step", "save_minutes", "saved"),
    [
        (KILLED_IN_A_STEP, 10, 0.0, True),  # within epoch 2, saved after every step
        (KILLED_IN_A_STEP, 16, 1000.0, True),  # within epoch 3, last saved at the end of epoch 2
        (KILLED_IN_A_STEP, 3, 1000.0, False),  # before anything was saved
        (KILLED_WHILE_SAVING, 9, 0.0, True),
    ],
)
def test_a_killed_run_resumes_to_the_same_bits(
    finished: Path, simulated: Path, tmp_path: Path, sabotage: str, step: int, save_minutes: float, saved: bool
):
    config = toy(simulated)
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"save_minutes": save_minutes})}
    )
    (tmp_path / "c.toml").write_text(config.to_toml())
    code = sabotage.format(step=step) + (
        "from epidyn import training\nfrom epidyn.training.config import make_config, read_settings\n"
        f"import torch\ntorch.set_num_threads({torch.get_num_threads()})\n"
        f"training.train(make_config(read_settings({str(tmp_path / 'c.toml')!r})), {str(tmp_path / 'run')!r})"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert (tmp_path / "run" / "checkpoint.pt").exists() is saved
    assert not (tmp_path / "run" / "model.safetensors").exists()
    training.resume(tmp_path / "run")
    assert_same_run(finished, tmp_path / "run")


def test_resuming_a_finished_run_changes_nothing(finished: Path):
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    assert training.resume(finished).provenance.regime == "specific"
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == before


def test_resume_notices_another_table(simulated: Path, tmp_path: Path, toy_config: Build):
    table = pd.read_csv(simulated / "pairs.csv")
    table.to_csv(tmp_path / "p.csv", index=False)
    folder = stopped_after_one_epoch(toy_config(data={"pairs": str(tmp_path / "p.csv")}), tmp_path / "run")
    table.iloc[::-1].to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(ConfigError, match="begun with other pairs"):
        training.resume(folder)


def stopped_after_one_epoch(config: RunConfig, folder: Path) -> Path:
    """A run folder as a kill after the first epoch leaves it."""

    class StoppedError(Exception):
        pass

    save = TrainingState.save

    def stopping(self: TrainingState, path: Path) -> None:
        save(self, path)
        raise StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingState, "save", stopping)
        with pytest.raises(StoppedError):
            training.train(config, folder)
    return folder


def edit(folder: Path, section: str, key: str, value: object) -> None:
    settings = read_settings(folder / "config.toml")
    settings[section][key] = value
    (folder / "config.toml").write_text(make_config(settings).to_toml())


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("network", "dense", 8), ("training", "learning_rate", 1e-5), ("training", "patience", 1)],
)
def test_resume_notices_other_settings(tmp_path: Path, toy_config: Build, section: str, key: str, value: object):
    folder = stopped_after_one_epoch(toy_config(), tmp_path / "run")
    before = (folder / "checkpoint.pt").read_bytes()
    edit(folder, section, key, value)
    with pytest.raises(ConfigError, match="begun with other settings") as told:
        training.resume(folder)
    assert [row.partition(":")[0] for row in told.value.rows] == [f"{section}.{key}"]
    assert (folder / "checkpoint.pt").read_bytes() == before


def test_resume_notices_weights_of_another_network(tmp_path: Path, toy_config: Build):
    folder = stopped_after_one_epoch(toy_config(), tmp_path / "run")
    state = TrainingState.load(folder / "checkpoint.pt")
    state.weights.popitem()
    state.save(folder / "checkpoint.pt")
    with pytest.raises(ModelFileError, match=r"does not fit its config\.toml"):
        training.resume(folder)


def test_files_may_move_and_epochs_change_before_a_resume(
    finished: Path, simulated: Path, tmp_path: Path, toy_config: Build
):
    (tmp_path / "old").mkdir()
    shutil.copy(simulated / "pairs.csv", tmp_path / "old")
    config = toy_config(data={"pairs": str(tmp_path / "old" / "pairs.csv")}, training={"epochs": 1000})
    folder = stopped_after_one_epoch(config, tmp_path / "run")
    (tmp_path / "old").rename(tmp_path / "new")
    edit(folder, "data", "pairs", str(tmp_path / "new" / "pairs.csv"))
    edit(folder, "training", "epochs", len(pd.read_csv(finished / "history.csv")))
    training.resume(folder)
    assert_same_run(finished, folder)


def test_fewer_epochs_than_are_done_are_refused(tmp_path: Path, toy_config: Build):
    folder = stopped_after_one_epoch(toy_config(), tmp_path / "run")
    state = TrainingState.load(folder / "checkpoint.pt")
    state.epoch = 2
    state.save(folder / "checkpoint.pt")
    edit(folder, "training", "epochs", 1)
    with pytest.raises(ConfigError, match=r"training\.epochs is 1 in .*config\.toml, and 2 are done"):
        training.resume(folder)


def test_a_run_may_end_with_the_epochs_that_are_done(tmp_path: Path, toy_config: Build):
    folder = stopped_after_one_epoch(toy_config(), tmp_path / "run")
    edit(folder, "training", "epochs", 1)
    training.resume(folder)
    training.train(toy_config(training={"epochs": 1}), tmp_path / "short")
    assert_same_run(tmp_path / "short", folder)


def test_train_or_resume_goes_on_with_the_same_settings(finished: Path, simulated: Path, tmp_path: Path):
    folder = stopped_after_one_epoch(toy(simulated), tmp_path / "run")
    training.train_or_resume(toy(simulated), folder)
    assert_same_run(finished, folder)
    assert (folder / "log.txt").read_text().count("from step") == 1
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    training.train_or_resume(toy(simulated), folder, force=True)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_train_or_resume_begins_what_a_kill_left_before_the_settings(
    finished: Path, simulated: Path, tmp_path: Path
):
    (tmp_path / ".config.toml.123.partial").write_text("[da")
    training.train_or_resume(toy(simulated), tmp_path)
    assert_same_run(finished, tmp_path)


def test_train_or_resume_replaces_another_run_only_by_force(simulated: Path, tmp_path: Path, toy_config: Build):
    table = pd.read_csv(simulated / "pairs.csv")
    table.to_csv(tmp_path / "p.csv", index=False)
    config = toy_config(data={"pairs": str(tmp_path / "p.csv")}, training={"epochs": 2})
    folder = stopped_after_one_epoch(config, tmp_path / "run")
    fewer = toy_config(data={"pairs": str(tmp_path / "p.csv")}, training={"epochs": 1})
    with pytest.raises(ConfigError, match="begun with other settings"):
        training.train_or_resume(fewer, folder)
    table.iloc[::-1].to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(ConfigError, match="begun with other pairs"):
        training.train_or_resume(config, folder)
    assert (folder / "checkpoint.pt").exists()
    training.train_or_resume(fewer, folder, force=True)
    assert json.loads((folder / "metrics.json").read_text())["time"]["epochs"] == 1


def test_resume_of_no_run(tmp_path: Path):
    with pytest.raises(InputFileError, match="no run folder"):
        training.resume(tmp_path)


def test_an_earlier_run_is_replaced_only_by_force(finished: Path, tmp_path: Path, toy_config: Build):
    out = tmp_path / "run"
    out.mkdir()
    (out / "metrics.json").write_text("{}")
    (out / "notes.txt").write_text("mine")
    config = toy_config(training={"epochs": 1})
    with pytest.raises(OutputError, match="--force"):
        training.train(config, out)
    training.train(config, out, force=True)
    assert json.loads((out / "metrics.json").read_text())["time"]["epochs"] == 1
    assert (out / "notes.txt").read_text() == "mine"


def test_bad_input_leaves_an_earlier_run_alone(tmp_path: Path, toy_config: Build):
    out = tmp_path / "run"
    out.mkdir()
    (out / "metrics.json").write_text("{}")
    with pytest.raises(InputFileError):
        training.train(toy_config(data={"pairs": str(tmp_path / "none.csv")}), out, force=True)
    assert (out / "metrics.json").read_text() == "{}"


@pytest.mark.parametrize(("most", "steps"), [(4, [4]), (7, [7]), (9, [7, 9])])
def test_stops_at_max_steps_and_validates_then(tmp_path: Path, toy_config: Build, most: int, steps: list[int]):
    training.train(toy_config(training={"max_steps": most}), tmp_path / "run")
    assert pd.read_csv(tmp_path / "run" / "history.csv")["step"].tolist() == steps


def test_stops_when_validation_has_not_improved(
    tmp_path: Path, toy_config: Build, monkeypatch: pytest.MonkeyPatch
):
    from epidyn.training.module import Journal

    losses = iter([0.5, 0.4, 0.6, 0.45, 0.41, 0.1])
    record = Journal._record

    def scripted(self: Journal, trainer: object) -> float:
        record(self, trainer)
        self.state.history[-1]["val_loss"] = loss = next(losses)
        return loss

    monkeypatch.setattr(Journal, "_record", scripted)
    training.train(toy_config(training={"epochs": 9, "patience": 3}), tmp_path / "run")
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert report["time"]["epochs"] == 5
    assert report["validation"]["epoch"] == 2


def test_starts_from_a_model(finished: Path, tmp_path: Path, toy_config: Build):
    start = str(finished / "model.safetensors")
    tuned = training.train(
        toy_config(training={"init": start, "learning_rate": 1e-9, "max_steps": 1}), tmp_path / "run"
    )
    began = load_file(start)
    moved = [
        (value - began[name]).abs().max().item()
        for name, value in tuned.network.state_dict().items()
        if "norm" not in name
    ]
    assert max(moved) < 1e-6
    assert "model.safetensors" in tuned.provenance.kmer_vectors


def test_what_a_starting_model_has_seen_is_noticed(
    finished: Path, simulated: Path, tmp_path: Path, toy_config: Build, caplog: pytest.LogCaptureFixture
):
    config = toy_config(
        split={"split": "chromosome:chr1"},
        training={"init": str(finished / "model.safetensors"), "max_steps": 1},
    )
    model = training.train(config, tmp_path / "run")
    assert "has seen 60 of the 60 test elements" in caplog.text
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert report["split"]["test_elements_seen_before"] == 60
    everything = interval_hashes(epidyn.read_pairs(simulated / "pairs.csv"))
    assert np.array_equal(model.provenance.interval_hashes(), everything)
    assert model.provenance.training["init"] == "model.safetensors"


def test_a_table_that_mixes_spellings_is_split_by_chromosome(simulated: Path, tmp_path: Path, toy_config: Build):
    table = pd.read_csv(simulated / "pairs.csv")
    bare = table.index % 2 == 0
    for role in ("enhancer", "promoter"):
        table.loc[bare, f"{role}_chrom"] = table.loc[bare, f"{role}_chrom"].str.removeprefix("chr")
    table.to_csv(tmp_path / "p.csv", index=False)
    training.train(
        toy_config(data={"pairs": str(tmp_path / "p.csv")}, training={"max_steps": 1}), tmp_path / "run"
    )
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["split"]["test"]["pairs"] == 30


def test_resume_notices_other_vectors(tmp_path: Path, toy_config: Build):
    np.save(tmp_path / "v.npy", np.zeros((4097, 7)))
    folder = stopped_after_one_epoch(toy_config(data={"kmer_vectors": str(tmp_path / "v.npy")}), tmp_path / "run")
    np.save(tmp_path / "v.npy", np.ones((4097, 7)))
    with pytest.raises(ConfigError, match="begun with other k-mer vectors"):
        training.resume(folder)


def test_what_a_kill_left_half_written_is_cleared(tmp_path: Path, toy_config: Build):
    folder = stopped_after_one_epoch(toy_config(training={"epochs": 2}), tmp_path / "run")
    (folder / ".checkpoint.pt.123.partial").write_bytes(b"half")
    training.resume(folder)
    assert not list(folder.glob(".*"))


def test_divergence_is_told(tmp_path: Path, toy_config: Build, monkeypatch: pytest.MonkeyPatch):
    from epidyn.nn import EpiDynFusion

    forward = EpiDynFusion.forward
    monkeypatch.setattr(EpiDynFusion, "forward", lambda *args: forward(*args) * float("nan"))
    with pytest.raises(ConfigError, match=r"diverged in epoch 1.*Lower --learning-rate"):
        training.train(toy_config(), tmp_path / "run")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("save_minutes", [0.0, 1000.0])
def test_a_loss_that_is_no_number_stops_and_the_last_good_epoch_stays(
    tmp_path: Path, toy_config: Build, monkeypatch: pytest.MonkeyPatch, bad: float, save_minutes: float
):
    from epidyn.training.module import NetworkModule

    step = NetworkModule.training_step
    monkeypatch.setattr(
        NetworkModule,
        "training_step",
        lambda self, batch, number: step(self, batch, number) * (bad if self.global_step == 9 else 1),
    )
    config = toy_config(training={"save_minutes": save_minutes})
    run = tmp_path / "run"
    with pytest.raises(DivergenceError, match=r"epoch 2, batch 3 of 7 \(step 10 of the run\).*Epoch 1, the best"):
        training.train(config, run)
    assert not (run / "metrics.json").exists()
    assert pd.read_csv(run / "history.csv")["epoch"].tolist() == [1]
    monkeypatch.undo()
    state = TrainingState.load(run / "checkpoint.pt")
    assert all(
        torch.isfinite(weights).all() for weights in (*state.weights.values(), *state.best_weights.values())
    )
    kept = epidyn.Model.load(run / "model.safetensors").network.state_dict()
    training.train(toy_config(training={"epochs": 1}), tmp_path / "one")
    one = epidyn.Model.load(tmp_path / "one" / "model.safetensors").network.state_dict()
    assert all(torch.equal(kept[name], weights) for name, weights in one.items())
    assert training.resume(run).provenance.metrics["test"]  # this time no step goes wrong


def test_refuses_a_model_of_another_network(finished: Path, tmp_path: Path, toy_config: Build):
    config = toy_config(
        training={"init": str(finished / "model.safetensors")}, network={"dense": 8, "dropout": 0.3}
    )
    with pytest.raises(ConfigError, match="must keep its network") as caught:
        training.train(config, tmp_path / "run")
    assert caught.value.rows == ("network.dense: 8, the model has 9",)


def test_refuses_a_model_and_vectors(finished: Path, tmp_path: Path, toy_config: Build):
    np.save(tmp_path / "v.npy", np.zeros((4097, 7)))
    config = toy_config(
        training={"init": str(finished / "model.safetensors")}, data={"kmer_vectors": str(tmp_path / "v.npy")}
    )
    with pytest.raises(ConfigError, match="kmer_vectors has no effect"):
        training.train(config, tmp_path / "run")


def test_published_validation_is_drawn_among_the_copies(tmp_path: Path, toy_config: Build):
    config = toy_config(
        split={"split": "random", "validation": "samples", "validation_fraction": 0.1}, training={"max_steps": 1}
    )
    training.train(config, tmp_path / "run")
    split = json.loads((tmp_path / "run" / "metrics.json").read_text())["split"]
    # 120 pairs, 6 + 6 of them test; 54 positives in 2 copies and 54 negatives, a tenth of each label held out.
    assert split["validation_kind"] == "samples"
    assert split["validation"] == {
        "pairs": 0,
        "positives": 0,
        "window_pairs": 10 + 5,
        "positive_window_pairs": 10,
    }
    assert split["train"]["window_pairs"] == 108 - 10 + 54 - 5


def test_a_table_without_a_test_part(simulated: Path, tmp_path: Path, toy_config: Build):
    table = pd.read_csv(simulated / "pairs.csv")
    table["split"] = np.where(table["promoter_chrom"] == "chr3", "validation", "train")
    table.to_csv(tmp_path / "p.csv", index=False)
    config = toy_config(
        data={"pairs": str(tmp_path / "p.csv")},
        split={"split": "column", "validation": "auto"},
        training={"max_steps": 1},
    )
    training.train(config, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"] is None
    assert not (tmp_path / "run" / "predictions.tsv").exists()


def test_shuffled_labels_are_another_table(finished: Path, tmp_path: Path, toy_config: Build):
    training.train(toy_config(data={"shuffle_labels": True}, training={"max_steps": 1}), tmp_path / "run")
    there = pd.read_csv(tmp_path / "run" / "predictions.tsv", sep="\t")
    here = pd.read_csv(finished / "predictions.tsv", sep="\t")
    assert there["label"].sum() == here["label"].sum()
    assert (there["label"] != here["label"]).any()
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["data"]["shuffle_labels"] is True


@pytest.mark.parametrize(("conv", "transforms"), [("direct", False), ("fft", True)])
def test_convolves_as_it_is_told(
    tmp_path: Path, toy_config: Build, monkeypatch: pytest.MonkeyPatch, conv: str, transforms: bool
):
    calls = []
    monkeypatch.setattr(stem, "fft_token_convolution", lambda *given: calls.append(1) or by_fft(*given))
    training.train(toy_config(training={"conv": conv, "max_steps": 1}), tmp_path / "run")
    assert bool(calls) is transforms


def test_bf16_trains(tmp_path: Path, toy_config: Build, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("epidyn.training.run.check_device", lambda config: None)  # which wants a GPU for it
    training.train(toy_config(training={"precision": "bf16", "max_steps": 2}), tmp_path / "run")
    assert np.isfinite(pd.read_csv(tmp_path / "run" / "history.csv")["train_loss"]).all()
    assert "computing on cpu, precision bf16" in (tmp_path / "run" / "log.txt").read_text()
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["environment"]["precision"] == "bf16"
    model = epidyn.Model.load(tmp_path / "run" / "model.safetensors")
    assert model.provenance.training["precision"] == "bf16"


def test_a_fold_is_test_and_says_so_everywhere(simulated: Path, tmp_path: Path, toy_config: Build):
    config = toy_config(
        split={"split": "chromosome-kfold:4", "fold": 2, "validation": "auto"}, training={"max_steps": 1}
    )
    model = training.train(config, tmp_path / "run")
    scored = pd.read_csv(tmp_path / "run" / "predictions.tsv", sep="\t")
    assert set(scored["promoter_chrom"]) == {"chr3"}
    split = pd.read_csv(tmp_path / "run" / "split.tsv", sep="\t")
    assert set(split["fold"]) == {2}
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())["split"]
    for said in (report, model.provenance.split):
        assert (said["kind"], said["fold"]) == ("chromosome-kfold:4", "2")
    assert report["validation_kind"].startswith("chromosome:")
    assert "split chromosome-kfold:4, fold 2: no test pair" in (tmp_path / "run" / "log.txt").read_text()


def test_a_fold_with_one_label_has_predictions_and_no_scores(
    simulated: Path, tmp_path: Path, toy_config: Build, caplog: pytest.LogCaptureFixture
):
    table = pd.read_csv(simulated / "pairs.csv")
    table[(table["promoter_chrom"] != "chr2") | (table["label"] == 0)].to_csv(tmp_path / "p.csv", index=False)
    config = toy_config(
        data={"pairs": str(tmp_path / "p.csv")},
        split={"split": "loco", "fold": "chr2", "validation": "auto"},
        training={"max_steps": 1},
    )
    model = training.train(config, tmp_path / "run")
    assert "all 15 test pairs of fold chr2 have label 0: AUROC and AUPR cannot be computed" in caplog.text
    expected = {"pairs": 15, "positives": 0, "negatives": 15, "prevalence": 0.0}
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"] == expected
    assert model.provenance.metrics["test"] == expected
    assert len(pd.read_csv(tmp_path / "run" / "predictions.tsv", sep="\t")) == 15


def test_an_element_disjoint_run_says_what_it_dropped(
    tmp_path: Path, toy_config: Build, caplog: pytest.LogCaptureFixture
):
    config = toy_config(
        split={
            "split": "element-disjoint",
            "validation": "auto",
            "test_fraction": 0.2,
            "validation_fraction": 0.2,
        },
        training={"max_steps": 1},
    )
    with caplog.at_level("INFO", logger="epidyn"):
        training.train(config, tmp_path / "run")
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())["split"]
    assert report["validation_kind"] == "blocks"
    dropped = report["unused"]["pairs"]
    parts = pd.read_csv(tmp_path / "run" / "split.tsv", sep="\t")["part"]
    assert 0 < dropped == (parts == "unused").sum() < 60
    assert f"unused: {dropped} of 120 pairs, which two parts would share" in caplog.text


def test_a_split_that_leaks_says_so_in_log_metrics_and_model(
    simulated: Path, tmp_path: Path, toy_config: Build, caplog: pytest.LogCaptureFixture
):
    table = pd.read_csv(simulated / "pairs.csv")
    for part in ("start", "end"):  # three pairs a promoter
        table[f"promoter_{part}"] = table[f"promoter_{part}"].to_numpy()[np.arange(120) // 3 * 3]
    table.to_csv(tmp_path / "p.csv", index=False)
    config = toy_config(
        data={"pairs": str(tmp_path / "p.csv")},
        split={"split": "random", "validation": "pairs"},
        training={"max_steps": 1},
    )
    model = training.train(config, tmp_path / "run")
    split = pd.read_csv(tmp_path / "run" / "split.tsv", sep="\t")["part"]
    seen = set(table["promoter_start"][split != "test"])
    share = table["promoter_start"][split == "test"].isin(seen).mean()
    assert share > 0.5
    said = json.loads((tmp_path / "run" / "metrics.json").read_text())["split"]["leakage"]
    assert said["promoter_seen"] == pytest.approx(share)
    assert said["enhancer_seen"] == 0
    assert said["leaks"] is True
    assert model.provenance.split["leakage"] == said
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said["summary"] in warned
    assert said["summary"] in (tmp_path / "run" / "log.txt").read_text()


def test_shuffled_sequences_are_the_same_for_training_and_test_and_recorded(
    finished: Path, tmp_path: Path, toy_config: Build, caplog: pytest.LogCaptureFixture
):
    shuffled = toy_config(data={"shuffle_sequence": "dinucleotide"}, training={"max_steps": 1})
    with caplog.at_level("INFO", logger="epidyn"):
        model = training.train(shuffled, tmp_path / "run")
    assert "control: the bases of each element are shuffled" in caplog.text
    expected = {"shuffle_labels": False, "shuffle_sequence": "dinucleotide", "random_genome": False}
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())["data"]
    for said in (report, model.provenance.training):
        assert {name: said[name] for name in expected} == expected
    here, there = (read_inputs(each).data.store.bases for each in (shuffled, toy_config()))
    assert here.shape == there.shape
    assert 0.5 < (here != there).mean() < 0.9
    assert np.array_equal(np.bincount(here), np.bincount(there))


def test_a_random_genome_is_recorded_as_a_control(simulated: Path, tmp_path: Path, toy_config: Build):
    sizes = tmp_path / "toy.chrom.sizes"
    lengths = [line.split("\t") for line in (simulated / "genome.fa.fai").read_text().splitlines()]
    sizes.write_text("".join(f"{name}\t{size}\n" for name, size, *_ in lengths))
    training.train(toy_config(data={"genome": f"random:{sizes}"}, training={"max_steps": 1}), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["data"]["random_genome"] is True
