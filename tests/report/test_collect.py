from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from epidyn import Genome
from epidyn.errors import InputFileError
from epidyn.files import sha256
from epidyn.model import Model
from epidyn.predict import predict_table
from epidyn.report.collect import collect
from epidyn.report.rows import tidy
from tests.report.folders import vary, vary_folds
from tests.report.test_rows import SPECIFIC, one


def retrained(run: Path, prevalence: float) -> Path:
    """Give a copy of a run a model of its own, told apart by its digest."""
    model = Model.load(run / "model.safetensors")
    model.provenance = model.provenance.model_copy(update={"training_prevalence": prevalence})
    model.save(run / "model.safetensors")
    return run


def test_finds_runs_at_any_depth_and_each_once(real_run: Path, real_folds: Path, tmp_path: Path):
    vary(real_run, tmp_path / "a" / "b" / "run", line="K562")
    vary_folds(real_folds, tmp_path / "a" / "loco", line="K562")
    found = collect([tmp_path, tmp_path / "a", tmp_path / "a" / "b" / "run"])
    # The folds of a cross-validation are no runs of their own.
    assert [run.path.name for run in found.runs] == ["run", "loco"]
    assert found.notes == []


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, "nowhere does not exist; give run folders"),
        ("empty", "nowhere holds no run, neither itself nor below"),
        ("file", "nowhere is a file; give run folders"),
    ],
)
def test_a_folder_without_runs_is_named(real_run: Path, tmp_path: Path, made: str | None, words: str):
    """Also beside one that has some: it was meant to have some."""
    nowhere = tmp_path / "nowhere"
    if made == "empty":
        (nowhere / "below").mkdir(parents=True)
    elif made == "file":
        nowhere.write_text("x")
    with pytest.raises(InputFileError, match=words):
        collect([real_run, nowhere])


def test_an_unfinished_run_is_left_out_and_named(real_run: Path, real_folds: Path, tmp_path: Path):
    begun = vary(real_run, tmp_path / "begun")
    (begun / "metrics.json").unlink()
    folds = vary_folds(real_folds, tmp_path / "folds", line="K562")
    (folds / "metrics.json").unlink()
    for alone in ([begun], [begun, folds]):
        with pytest.raises(InputFileError, match="is finished, so there is nothing to report") as error:
            collect(alone)
        assert str(begun) in error.value.rows[0]
    found = collect([real_run, tmp_path])
    assert [run.path for run in found.runs] == [real_run]
    assert [f"epidyn train --resume {begun}" in found.notes[0], f"crossval --out {folds}" in found.notes[1]] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("metrics.json", '{"data": ', ("is damaged: no JSON",)),
        ("metrics.json", "", ("is empty",)),
        ("metrics.json", "[]", ("another format",)),
        ("metrics.json", '{"environment": {"epidyn": "0.0.3"}}', ("by epidyn 0.0.3", "split: Field required")),
        ("config.toml", "[training]\nepochs = 0\n", ("another format", "training.epochs")),
        ("config.toml", "[training", ("another format", "no TOML")),
    ],
)
def test_damaged_files_are_named(real_run: Path, tmp_path: Path, name: str, content: str, words: tuple[str, ...]):
    run = vary(real_run, tmp_path / "run")
    (run / name).write_text(content)
    with pytest.raises(InputFileError) as error:
        collect([real_run, run])
    assert str(run / name) in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("value", ["NaN", "1.5", '"high"'])
def test_a_score_that_is_none_is_refused(real_run: Path, tmp_path: Path, value: str):
    run = vary(real_run, tmp_path / "run", auroc=0.123456)
    text = (run / "metrics.json").read_text()
    (run / "metrics.json").write_text(text.replace("0.123456", value))
    with pytest.raises(InputFileError, match=r"metrics.json is of another format") as error:
        collect([run])
    assert any("auroc" in row for row in error.value.rows)


def test_the_same_run_twice_is_reported_once_and_said(real_run: Path, tmp_path: Path):
    vary(real_run, tmp_path / "a", auroc=0.9)
    vary(real_run, tmp_path / "b", auroc=0.9)
    vary(real_run, tmp_path / "c", auroc=0.7)
    found = collect([tmp_path])
    assert [run.path.name for run in found.runs] == ["a"]
    assert ["with the same scores" in found.notes[0], "with other scores" in found.notes[1]] == [True, True]
    row = one(tidy(found), "regimes", SPECIFIC)
    assert (row.ours, row.seeds) == (0.9, 1)


def test_copies_asked_for_and_by_the_rule_are_one_run_in_both_experiments(real_run: Path, tmp_path: Path):
    """The rule gives this balanced table 0 copies."""
    vary(real_run, tmp_path / "asked", settings={"training": {"copies": 0}})
    vary(real_run, tmp_path / "rule")
    rows = tidy(collect([tmp_path]))
    assert one(rows, "oversampling", "0x").seeds == 1
    assert one(rows, "regimes", SPECIFIC).seeds == 1


def test_a_test_part_with_one_label_has_no_score_and_is_named(real_run: Path, tmp_path: Path):
    def one_label(report):
        report["lines"]["NHEK"] = {"pairs": 12, "positives": 0, "negatives": 12, "prevalence": 0.0}

    found = collect([vary(real_run, tmp_path / "run", metrics=one_label)])
    assert one(tidy(found), "regimes", SPECIFIC).kind == "not run"
    assert "NHEK have one label only" in found.notes[0]


@pytest.fixture
def matrix(real_run: Path, simulated: Path, tmp_path: Path) -> Path:
    """A model of K562, and its scores of the test pairs of NHEK."""
    model = retrained(vary(real_run, tmp_path / "K562", line="K562"), 0.4)
    test = retrained(vary(real_run, tmp_path / "NHEK", line="NHEK"), 0.3)
    text = (test / "predictions.tsv").read_text()
    (test / "predictions.tsv").write_text(text.replace("simulated", "NHEK"))
    with Genome.open(simulated / "genome.fa") as genome:
        predict_table(model / "model.safetensors", test / "predictions.tsv", genome, tmp_path / "K562_on_NHEK.tsv")
    return tmp_path


def test_scores_across_lines_are_linked_by_digests(matrix: Path):
    found = collect([matrix])
    rows = tidy(found)
    assert found.notes == []
    scores = pd.read_csv(matrix / "K562_on_NHEK.tsv", sep="\t")
    row = one(rows, "cross-line", "K562", "NHEK")
    assert (row.kind, row.seeds, row.prevalence) == ("run", 1, 0.5)
    assert row.ours == pytest.approx(roc_auc_score(scores["label"], scores["logit"]))
    assert one(rows, "cross-line", "NHEK", "K562").kind == "not run"
    assert one(rows, "cross-line", "K562", "K562").ours == 0.9


def test_scores_that_are_no_cell_of_the_matrix_are_left_out_and_named(matrix: Path, tmp_path: Path):
    assert "its model is that of no run" in collect([matrix / "NHEK", *_beside(matrix)]).notes[0]
    assert "its pairs are the test part of no run" in collect([matrix / "K562", *_beside(matrix)]).notes[0]
    config = matrix / "NHEK" / "config.toml"
    config.write_text(config.read_text().replace("seed = 0", "seed = 3"))
    assert "seed 0, its pairs are the test part of seed 3" in collect([matrix]).notes[0]


def _beside(matrix: Path) -> list[Path]:
    folder = matrix / "scores"
    folder.mkdir(exist_ok=True)
    for path in matrix.glob("*.tsv*"):
        shutil.copy(path, folder)
    return [folder]


def test_fine_tuned_from_strict_pooling_stands_apart(real_run: Path, tmp_path: Path):
    general = {"training": {"regime": "general"}, "split": {"pool": "strict"}}
    start = retrained(vary(real_run, tmp_path / "general", settings=general, seed=1), 0.4)
    tuned = {"training": {"regime": "fine-tuned", "init": str(start / "model.safetensors")}}
    for name, digest in (("known", None), ("unknown", "0" * 64)):
        run = vary(real_run, tmp_path / name, settings=tuned, seed=len(name))
        model = Model.load(run / "model.safetensors")
        described = {"sha256": digest or sha256(start / "model.safetensors"), "regime": "general"}
        model.provenance = model.provenance.model_copy(update={"starting_model": described})
        model.save(run / "model.safetensors")
    found = collect([tmp_path])
    rows = tidy(found)
    assert one(rows, "regimes", "EPI-DynFusion-best, strict pooling").seeds == 1
    assert one(rows, "comparison", "EPI-DynFusion-best").seeds == 1
    assert one(rows, "general", "EPI-DynFusion-gen, strict pooling").published is None
    assert [str(tmp_path / "unknown") in note for note in found.notes] == [True]
