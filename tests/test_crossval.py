"""Cross-validation on toy data: what it leaves, that it repeats, and that it survives kill -9."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import epidyn
from epidyn import crossval, metrics, training
from epidyn.crossval import SCORES, CrossvalFolder
from epidyn.errors import ConfigError, CrossvalError, InputFileError, OutputError, SplitError
from epidyn.training.config import RunConfig
from epidyn.training.folder import RunFolder

Build = Callable[..., RunConfig]

FOLDS = ["chr1", "chr2", "chr3", "chr4"]
ONE_EPOCH = {"epochs": 1, "copies": 0}


def loco(toy_config: Build, **data: str) -> RunConfig:
    return toy_config(split={"split": "loco", "validation": "auto"}, training=ONE_EPOCH, data=data)


@pytest.fixture(scope="module")
def whole(toy_config: Build, tmp_path_factory: pytest.TempPathFactory) -> crossval.Crossvalidation:
    """An uninterrupted leave-one-chromosome-out run that others are compared with."""
    return crossval.crossval(loco(toy_config), tmp_path_factory.mktemp("crossval") / "whole")


def same_results(one: Path, other: Path) -> bool:
    names = (CrossvalFolder.TABLE, CrossvalFolder.PREDICTIONS, CrossvalFolder.METRICS)
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_every_pair_is_tested_once_in_the_order_of_the_table(whole: crossval.Crossvalidation, simulated: Path):
    pairs = epidyn.read_pairs(simulated / "pairs.csv")
    scored = epidyn.read_pairs(whole.folder / "predictions.tsv")
    columns = [f"{role}_{part}" for role in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    pd.testing.assert_frame_equal(scored[[*columns, "label"]], pairs[[*columns, "label"]], check_dtype=False)
    assert scored["fold"].tolist() == pairs["promoter_chrom"].tolist()


def test_no_fold_trained_on_its_own_chromosome(whole: crossval.Crossvalidation, simulated: Path):
    pairs = epidyn.read_pairs(simulated / "pairs.csv")
    for name in FOLDS:
        seen = epidyn.Model.load(whole.folder / "folds" / name / "model.safetensors").provenance.interval_hashes()
        own = epidyn.elements.interval_hashes(pairs[pairs["promoter_chrom"] == name])
        assert len(seen)
        assert not np.isin(own, seen).any()


def test_the_table_is_that_of_the_predictions(whole: crossval.Crossvalidation):
    scored = pd.read_csv(whole.folder / "predictions.tsv", sep="\t")
    table = pd.read_csv(whole.folder / "table.csv").set_index("fold")
    assert table.index.tolist() == [*FOLDS, "mean", "sd", "pooled"]
    areas = [metrics.auroc(part["label"], part["probability"]) for _, part in scored.groupby("fold", sort=True)]
    assert table.loc[FOLDS, "auroc"].tolist() == pytest.approx(areas)
    assert table.loc["mean", "auroc"] == pytest.approx(np.mean(areas))
    assert table.loc["sd", "auroc"] == pytest.approx(np.std(areas, ddof=1))
    assert table.loc["pooled", "aupr"] == pytest.approx(metrics.aupr(scored["label"], scored["probability"]))
    assert table.loc["pooled", "pairs"] == 120
    assert table["note"].isna().all()
    report = json.loads((whole.folder / "metrics.json").read_text())
    assert report["pooled"]["auroc"] == pytest.approx(table.loc["pooled", "auroc"])
    assert [row["fold"] for row in report["folds"]] == FOLDS
    assert report["intervals"]["auroc"]["blocks"] == 4


def test_leaves_figures(whole: crossval.Crossvalidation):
    for name in (CrossvalFolder.ROC, CrossvalFolder.PRECISION_RECALL, CrossvalFolder.BY_FOLD):
        assert (whole.folder / name).read_bytes().startswith(b"\x89PNG")


KILLED_IN_THE_THIRD_FOLD = """
import os, signal, torch
from epidyn import crossval
from epidyn.training.config import make_config, read_settings
from epidyn.training.module import Journal
ended, steps = Journal.on_train_batch_end, []
def killing(self, *args):
    ended(self, *args)
    steps.append(self.state.step)
    if steps.count(1) == 3 and self.state.step == 2:
        os.kill(os.getpid(), signal.SIGKILL)
Journal.on_train_batch_end = killing
torch.set_num_threads({threads})
crossval.crossval(make_config(read_settings({config!r})), {out!r})
"""


@pytest.mark.parametrize("save_minutes", [0.0, 1000.0])
def test_killed_half_way_it_ends_with_the_table_of_an_uninterrupted_run(
    whole: crossval.Crossvalidation, toy_config: Build, tmp_path: Path, save_minutes: float
):
    config = loco(toy_config)
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"save_minutes": save_minutes})}
    )
    (tmp_path / "c.toml").write_text(config.to_toml())
    out = tmp_path / "cv"
    code = KILLED_IN_THE_THIRD_FOLD.format(
        threads=torch.get_num_threads(), config=str(tmp_path / "c.toml"), out=str(out)
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    finished = [name for name in FOLDS if (out / "folds" / name / "metrics.json").exists()]
    assert finished == FOLDS[:2]
    made = {name: (out / "folds" / name / "model.safetensors").stat().st_mtime_ns for name in finished}
    crossval.crossval(config, out)
    assert made == {name: (out / "folds" / name / "model.safetensors").stat().st_mtime_ns for name in finished}
    assert same_results(whole.folder, out)


def test_folds_in_parallel_find_the_same(whole: crossval.Crossvalidation, toy_config: Build, tmp_path: Path):
    found = crossval.crossval(loco(toy_config), tmp_path / "cv", jobs=2)
    # The number of threads changes the order of sums.
    assert found.table["pairs"].equals(whole.table["pairs"])
    assert np.allclose(found.table["auroc"], whole.table["auroc"], atol=0.01)
    scored = [pd.read_csv(folder / "predictions.tsv", sep="\t") for folder in (found.folder, whole.folder)]
    assert np.allclose(scored[0]["logit"], scored[1]["logit"], atol=1e-4)


ENDLESS_FOLDS = """
import os, signal, sys
from pathlib import Path
from epidyn import crossval
from epidyn.training.config import make_config, read_settings
def kill_when_folds_are_at_work(running):
    while len(list(Path({out!r}).glob("folds/*/history.csv"))) < 2:
        pass
    os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    crossval.as_completed = kill_when_folds_are_at_work
    crossval.crossval(make_config(read_settings({config!r})), {out!r}, jobs=2)
"""


def test_folds_do_not_outlive_a_killed_command(toy_config: Build, tmp_path: Path):
    config = toy_config(
        split={"split": "loco", "validation": "auto"}, training={"epochs": 10**6, "patience": 10**6}
    )
    (tmp_path / "c.toml").write_text(config.to_toml())
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS_FOLDS.format(out=str(tmp_path / "cv"), config=str(tmp_path / "c.toml")))
    # The folds hold the pipe too: communicate() returns when the last of them has ended.
    command = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = command.communicate()
    assert command.returncode == -signal.SIGKILL, output.decode()


def test_a_scheduler_can_run_the_folds(whole: crossval.Crossvalidation, toy_config: Build, tmp_path: Path):
    """Two machines with one file system: two commands at once, each with folds of its own, then one merge."""
    out = tmp_path / "cv"
    assert crossval.begin(loco(toy_config), out) == FOLDS
    command = [sys.executable, "-m", "epidyn", "crossval", "--quiet", "--out", str(out), "--fold"]
    machines = [subprocess.Popen([*command, name]) for name in FOLDS[:2]]
    assert [each.wait() for each in machines] == [0, 0]
    crossval.run_fold(out, FOLDS[2])
    with pytest.raises(CrossvalError, match="1 of the 4 folds") as error:
        crossval.merge(out)
    assert error.value.rows == ("chr4",)
    crossval.run_fold(out, "chr4")
    crossval.merge(out)
    assert same_results(whole.folder, out)


def test_kfold_tests_whole_chromosomes(toy_config: Build, tmp_path: Path):
    config = toy_config(split={"split": "chromosome-kfold:2", "validation": "auto"}, training=ONE_EPOCH)
    found = crossval.crossval(config, tmp_path / "cv")
    scored = pd.read_csv(tmp_path / "cv" / "predictions.tsv", sep="\t")
    assert (scored.groupby("promoter_chrom")["fold"].nunique() == 1).all()
    assert found.table["pairs"].dropna().tolist() == [60, 60, 120]


def test_cell_lines_are_pooled_and_each_tested_whole(simulated: Path, toy_config: Build, tmp_path: Path):
    table = pd.read_csv(simulated / "pairs.csv").drop(columns="cell_line")
    lines = {
        "A": table[table.index % 3 != 0],
        "B": table[(table.index % 3 != 1) & (table["promoter_chrom"] != "chr4")],
    }
    for name, part in lines.items():
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    config = toy_config(
        data={"pairs": [str(tmp_path / "B.csv"), str(tmp_path / "A.csv")]},
        split={"split": "loco", "validation": "auto"},
        training={**ONE_EPOCH, "regime": "general"},
    )
    found = crossval.crossval(config, tmp_path / "cv")
    assert found.table["fold"].tolist() == [*FOLDS, "mean", "sd", "pooled"]
    scored = pd.read_csv(tmp_path / "cv" / "predictions.tsv", sep="\t")
    for name, part in lines.items():
        of_line = scored[scored["cell_line"] == name]
        assert of_line["enhancer_start"].tolist() == part["enhancer_start"].tolist()
        said = json.loads((tmp_path / "cv" / "metrics.json").read_text())["lines"][name]
        assert said["auroc"] == pytest.approx(metrics.auroc(of_line["label"], of_line["logit"]))
    for name in FOLDS:
        seen = epidyn.Model.load(
            tmp_path / "cv" / "folds" / name / "model.safetensors"
        ).provenance.interval_hashes()
        own = epidyn.elements.interval_hashes(table[table["promoter_chrom"] == name])
        assert not np.isin(own, seen).any()


def test_folds_of_the_general_regime_are_those_of_each_line(simulated: Path, toy_config: Build, tmp_path: Path):
    table = pd.read_csv(simulated / "pairs.csv")
    sizes = {
        "A": {"chr1": 30, "chr2": 20, "chr3": 10, "chr4": 6},
        "B": {"chr1": 6, "chr2": 9, "chr3": 30, "chr4": 24},
    }
    lines = {
        name: pd.concat(table[table["promoter_chrom"] == chrom].head(size) for chrom, size in of.items())
        for name, of in sizes.items()
    }
    paths = []
    for name, part in lines.items():
        paths.append(str(tmp_path / f"{name}.csv"))
        part.assign(cell_line=name).to_csv(paths[-1], index=False)
    split = {"split": "chromosome-kfold:2", "validation": "auto"}
    config = toy_config(data={"pairs": paths}, split=split, training={**ONE_EPOCH, "regime": "general"})
    assert crossval.begin(config, tmp_path / "cv") == ["0", "1"]
    plan = pd.read_csv(tmp_path / "cv" / "folds.tsv", sep="\t")
    # The largest chromosome first, each to the emptier fold: A 30+6 and 20+10, B 30+6 and 24+9.
    assert plan["pairs"].tolist() == [36 + 36, 30 + 33]


def test_a_fold_with_one_label_is_reported_and_left_out_of_the_mean(
    simulated: Path, toy_config: Build, tmp_path: Path
):
    table = pd.read_csv(simulated / "pairs.csv")
    on_two = table["promoter_chrom"] == "chr2"
    table[~on_two | (table["label"] == 0)].to_csv(tmp_path / "p.csv", index=False)
    found = crossval.crossval(loco(toy_config, pairs=str(tmp_path / "p.csv")), tmp_path / "cv")
    rows = found.table.set_index("fold")
    assert "one label only" in rows.loc["chr2", "note"]
    assert rows.loc["chr2", "pairs"] == 15
    assert rows.loc["mean", "auroc"] == pytest.approx(rows.loc[["chr1", "chr3", "chr4"], "auroc"].mean())
    assert rows.loc["pooled", "pairs"] == 105
    report = json.loads((tmp_path / "cv" / "metrics.json").read_text())
    assert report["folds"][1]["auroc"] is None
    assert [name for name in SCORES if rows[name].drop("chr2").isna().any()] == []


def test_a_start_that_has_seen_the_test_folds_is_said(
    whole: crossval.Crossvalidation, toy_config: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    config = loco(toy_config)
    start = str(whole.folder / "folds" / "chr1" / "model.safetensors")
    training_ = config.training.model_copy(update={"init": start, "max_steps": 1})
    crossval.crossval(config.model_copy(update={"training": training_}), tmp_path / "cv")
    # That fold trained and validated on all chromosomes but chr1.
    assert "has seen test elements of 3 of the 4 folds" in caplog.records[-1].getMessage()
    assert json.loads((tmp_path / "cv" / "metrics.json").read_text())["test_elements_seen_before"] > 100
    assert json.loads((whole.folder / "metrics.json").read_text())["test_elements_seen_before"] == 0


def test_a_table_that_grew_is_noticed(toy_config: Build, simulated: Path, tmp_path: Path):
    table = pd.read_csv(simulated / "pairs.csv")
    table[table["promoter_chrom"] != "chr4"].to_csv(tmp_path / "p.csv", index=False)
    config = loco(toy_config, pairs=str(tmp_path / "p.csv"))
    crossval.begin(config, tmp_path / "cv")
    table.to_csv(tmp_path / "p.csv", index=False)
    for call in (
        lambda: crossval.crossval(None, tmp_path / "cv"),
        lambda: crossval.run_fold(tmp_path / "cv", "chr1"),
    ):
        with pytest.raises(ConfigError, match=r"(?s)begun with other files.*p\.csv: SHA-256"):
            call()
    assert not list((tmp_path / "cv").rglob("model.safetensors"))


def test_force_clears_the_folds_of_another_split(
    whole: crossval.Crossvalidation, toy_config: Build, tmp_path: Path
):
    out = tmp_path / "cv"
    shutil.copytree(whole.folder, out)
    config = toy_config(split={"split": "chromosome-kfold:2", "validation": "auto"}, training=ONE_EPOCH)
    crossval.begin(config, out, force=True)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == [
        "config.toml",
        "folds.tsv",
        "origin.json",
    ]


@pytest.mark.parametrize(
    ("fold", "name"), [("chr1", "chr1"), ("GL1.1", "GL1.1"), ("..", "%2E%2E"), ("a/b", "a%2Fb")]
)
def test_no_fold_lies_elsewhere(tmp_path: Path, fold: str, name: str):
    assert CrossvalFolder(tmp_path).run(fold).path == tmp_path / "folds" / name


def test_other_settings_for_a_folder_that_was_begun(toy_config: Build, tmp_path: Path):
    crossval.begin(loco(toy_config), tmp_path / "cv")
    other = loco(toy_config)
    other = other.model_copy(update={"training": other.training.model_copy(update={"learning_rate": 0.5})})
    with pytest.raises(ConfigError, match="other settings") as error:
        crossval.begin(other, tmp_path / "cv")
    assert error.value.rows == ("training.learning_rate: 0.5 (begun with 0.001)",)


def test_force_begins_anew(whole: crossval.Crossvalidation, toy_config: Build, tmp_path: Path):
    out = tmp_path / "cv"
    shutil.copytree(whole.folder, out)
    (out / "folds" / "chr1" / "notes.txt").write_text("mine")
    crossval.begin(loco(toy_config), out, force=True)
    left = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert left == ["config.toml", "folds.tsv", "folds/chr1/notes.txt", "origin.json"]


@pytest.mark.parametrize("written", [0, 1, 2])
def test_killed_while_it_begins_it_begins_again(
    toy_config: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
):
    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        for name in ("write_text", "write_json", "write_table")[written:]:
            patch.setattr(crossval, name, killed)
        with pytest.raises(SystemExit):
            crossval.begin(loco(toy_config), tmp_path / "cv")
    assert len([*(tmp_path / "cv").iterdir()]) == written
    assert crossval.begin(loco(toy_config), tmp_path / "cv") == FOLDS


def test_folds_of_different_tables_are_not_merged(
    whole: crossval.Crossvalidation, toy_config: Build, simulated: Path, tmp_path: Path
):
    out = tmp_path / "cv"
    shutil.copytree(whole.folder, out)
    report = json.loads((out / "folds" / "chr3" / "metrics.json").read_text())
    report["data"]["pairs"][0]["sha256"] = "0" * 64
    (out / "folds" / "chr3" / "metrics.json").write_text(json.dumps(report))
    with pytest.raises(CrossvalError, match="different pair tables"):
        crossval.merge(out)


def test_a_fold_that_fails_leaves_the_others_finished(toy_config: Build, tmp_path: Path):
    out = tmp_path / "cv"
    crossval.begin(loco(toy_config), out)
    (out / "folds" / "chr2").mkdir(parents=True, exist_ok=True)
    (out / "folds" / "chr2" / "config.toml").write_text("no = [toml")
    for jobs in (1, 2):
        with pytest.raises(CrossvalError, match="1 of 4 folds failed") as error:
            crossval.crossval(None, out, jobs=jobs)
        assert error.value.rows[0].startswith("chr2: configuration ")
    assert RunFolder(out / "folds" / "chr4").finished


def test_bad_input(toy_config: Build, tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        crossval.begin(loco(toy_config), tmp_path / "full")
    for split in ("random", "chromosome:chr1"):
        with pytest.raises(SplitError, match="loco"):
            crossval.begin(toy_config(split={"split": split, "validation": "auto"}), tmp_path / "cv")
    one = toy_config(split={"split": "loco", "validation": "auto", "fold": "chr1"})
    with pytest.raises(ConfigError, match="one fold"):
        crossval.begin(one, tmp_path / "cv")
    with pytest.raises(ConfigError, match="devices: 2"):
        crossval.begin(toy_config(split={"split": "loco"}, training={"devices": 2}), tmp_path / "cv")
    for call in (
        crossval.merge,
        lambda out: crossval.run_fold(out, "chr1"),
        lambda out: crossval.begin(None, out),
    ):
        with pytest.raises(InputFileError, match="no cross-validation"):
            call(tmp_path / "cv")
    assert not (tmp_path / "cv").exists()
    crossval.begin(loco(toy_config), tmp_path / "cv")
    with pytest.raises(SplitError, match="'chr9' is unknown; the folds are chr1, chr2, chr3, chr4"):
        crossval.run_fold(tmp_path / "cv", "chr9")


def test_a_table_with_a_column_fold_is_refused(toy_config: Build, simulated: Path, tmp_path: Path):
    pd.read_csv(simulated / "pairs.csv").assign(fold="mine").to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(ConfigError, match=r"p\.csv has a column fold.*Rename it"):
        crossval.begin(loco(toy_config, pairs=str(tmp_path / "p.csv")), tmp_path / "cv")
    assert not (tmp_path / "cv").exists()


def test_what_a_fold_warns_of_is_told_by_the_command(
    toy_config: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def warning(out: Path, fold: str) -> None:
        for _ in range(2):
            logging.getLogger("epidyn").warning("fold %s is odd", fold)
        logging.getLogger("epidyn").info("all is well")

    monkeypatch.setattr(crossval, "run_fold", warning)
    assert crossval._run_and_tell(tmp_path, "chr1") == ["fold chr1 is odd"]


def test_a_fold_is_an_ordinary_run(whole: crossval.Crossvalidation):
    before = (whole.folder / "folds" / "chr1" / "model.safetensors").read_bytes()
    training.resume(whole.folder / "folds" / "chr1")
    assert (whole.folder / "folds" / "chr1" / "model.safetensors").read_bytes() == before
