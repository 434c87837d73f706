"""Calibrating a model file on its own scores: fitted on the right logits, refused on any others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from epidyn import Genome, Model
from epidyn.calibrate import calibrate
from epidyn.elements import interval_hashes
from epidyn.errors import ConfigError, MetricError, OutputError, PairTableError
from epidyn.evaluation import evaluate
from epidyn.files import sha256
from epidyn.model import Provenance, pack_hashes
from epidyn.nn import EpiDynFusion
from epidyn.predict import predict_table
from epidyn.scores import read_scores
from epidyn.scoring import NetworkScorer
from tests.nn.toys import small_config

ROWS = 150
TRAINED_AT = 0.5


@pytest.fixture(scope="module")
def genome() -> Genome:
    rng = np.random.default_rng(4)
    return Genome.from_dict({f"chr{name}": rng.integers(0, 4, 3000) for name in range(1, 5)}, name="toy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, genome: Genome) -> Path:
    """A model, labelled pairs that it ranks well but is too sure of, and its scores of them."""
    folder = tmp_path_factory.mktemp("calibrate")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = EpiDynFusion(small_config())
    with torch.no_grad():
        network.output.weight.mul_(100)
    model = Model(NetworkScorer(network.eval()), Provenance(training_prevalence=TRAINED_AT))
    model.save(folder / "model.safetensors")
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"label": np.zeros(ROWS, dtype=np.int8)})
    for role in ("enhancer", "promoter"):
        table[f"{role}_chrom"] = [f"chr{row % 4 + 1}" for row in range(ROWS)]
        table[f"{role}_start"] = rng.integers(0, 2800, ROWS)
        table[f"{role}_end"] = table[f"{role}_start"] + 50
    logits = model.predict_logits(table, genome)
    centred = (logits - np.median(logits)) / logits.std()
    table["label"] = (rng.random(ROWS) < 1 / (1 + np.exp(-1.5 * centred + 0.5))).astype(np.int8)
    table.to_csv(folder / "pairs.csv", index=False)
    predict_table(folder / "model.safetensors", folder / "pairs.csv", genome, folder / "scores.tsv")
    return folder


def copied(folder: Path, to: Path) -> Path:
    """The scores and what lies beside them, for a test to change."""
    for name in ("scores.tsv", "scores.tsv.json"):
        (to / name).write_bytes((folder / name).read_bytes())
    return to / "scores.tsv"


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_calibrated_model_predicts_what_was_fitted(folder: Path, genome: Genome, tmp_path: Path, method: str):
    model, out = folder / "model.safetensors", tmp_path / "m.safetensors"
    fitted = calibrate(model, folder / "scores.tsv", out, method=method)
    before, after = Model.load(model), Model.load(out)
    assert after.provenance.calibration == fitted
    assert fitted.method == method
    assert fitted.scores == {"name": "scores.tsv", "sha256": sha256(folder / "scores.tsv")}
    assert fitted.model == sha256(model)
    assert after.provenance.model_copy(update={"calibration": None}) == before.provenance
    predict_table(out, folder / "pairs.csv", genome, tmp_path / "again.tsv")
    again, first = read_scores(tmp_path / "again.tsv"), read_scores(folder / "scores.tsv")
    assert again["logit"].tolist() == first["logit"].tolist()
    assert again["raw_probability"].tolist() == first["probability"].tolist()
    found = evaluate(again, resample="none")
    assert found.summary["brier"] == pytest.approx(fitted.brier_after, abs=1e-5)
    assert found.raw_brier == pytest.approx(fitted.brier_before, abs=1e-5)
    assert fitted.brier_after < fitted.brier_before - 0.02
    # Calibration never changes the order of the pairs, plateaus or not.
    plain = evaluate(first, resample="none").summary
    assert (found.summary["auroc"], found.summary["aupr"]) == (plain["auroc"], plain["aupr"])
    # On the pairs that it was fitted on, a calibration of either kind is right on the mean.
    assert again["probability"].mean() == pytest.approx(fitted.prevalence, abs=0.005)


def test_a_calibrated_model_is_calibrated_anew_from_its_own_logits(folder: Path, genome: Genome, tmp_path: Path):
    first = calibrate(folder / "model.safetensors", folder / "scores.tsv", tmp_path / "1.safetensors")
    predict_table(tmp_path / "1.safetensors", folder / "pairs.csv", genome, tmp_path / "s.tsv", prevalence=0.01)
    again = calibrate(tmp_path / "1.safetensors", tmp_path / "s.tsv", tmp_path / "2.safetensors")
    assert (again.slope, again.intercept) == (first.slope, first.intercept)
    assert again.brier_before == first.brier_before
    # The scores of the model before any calibration still count as its own, however often it was calibrated.
    last = calibrate(
        tmp_path / "2.safetensors", folder / "scores.tsv", tmp_path / "3.safetensors", method="isotonic"
    )
    assert Model.load(tmp_path / "3.safetensors").provenance.calibration == last
    assert last.model == sha256(folder / "model.safetensors")


@pytest.mark.parametrize(("seen", "said"), [(0, None), (3, "has seen 3 of the ")])
def test_elements_that_training_saw_are_said(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, seen: int, said: str | None
):
    table = read_scores(folder / "scores.tsv")
    hashes = interval_hashes(table)
    foreign = np.array([1, 2], dtype=np.uint64)
    model = Model.load(folder / "model.safetensors")
    known = {"training_intervals": pack_hashes(np.sort(np.concatenate([hashes[:seen], foreign])))}
    model.provenance = model.provenance.model_copy(update=known)
    model.save(tmp_path / "m.safetensors")
    scores = copied(folder, tmp_path)
    (tmp_path / "scores.tsv.json").unlink()
    calibrate(tmp_path / "m.safetensors", scores, tmp_path / "out.safetensors")
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    if said is None:
        assert warnings == []
    else:
        assert len(warnings) == 1
        assert f"{said}{len(hashes)} elements" in warnings[0]
        assert "too sure" in warnings[0]


def test_another_model_s_scores_are_refused(folder: Path, tmp_path: Path):
    other = Model.load(folder / "model.safetensors")
    other.provenance = other.provenance.model_copy(update={"regime": "general"})
    other.save(tmp_path / "other.safetensors")
    with pytest.raises(
        ConfigError, match=r"another model's, says .*scores\.tsv\.json .*Predict with .*other\.safe"
    ):
        calibrate(tmp_path / "other.safetensors", folder / "scores.tsv", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_shifted_scores_are_refused(folder: Path, genome: Genome, tmp_path: Path):
    model = folder / "model.safetensors"
    predict_table(model, folder / "pairs.csv", genome, tmp_path / "shifted.tsv", prevalence=0.1)
    with pytest.raises(ConfigError, match=r"shifted to prevalence 0\.1.*Predict without --prevalence"):
        calibrate(model, tmp_path / "shifted.tsv", tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"model": 3}', b'{"model": {"sha256": "0"}}', b"\xff\xfe", b"[" * 100_000]
)
def test_what_lies_beside_the_scores_must_be_predict_s(folder: Path, tmp_path: Path, content: bytes):
    scores = copied(folder, tmp_path)
    (tmp_path / "scores.tsv.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"scores\.tsv\.json is not what predict writes .*predict again"):
        calibrate(folder / "model.safetensors", scores, tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda table: table.drop(columns="logit"), PairTableError, "no column 'logit'"),
        (lambda table: table.drop(columns="label"), PairTableError, "no column 'label'"),
        (lambda table: table.assign(label=1), MetricError, "scores.tsv: calibration needs 20 .* 0 negative"),
        (lambda table: table[table["label"].cumsum() < 20], MetricError, "19 positive"),
        (lambda table: table.assign(logit=-table["logit"]), MetricError, "scores.tsv: .* does not rank them"),
        (lambda table: table.assign(logit=9 * table["label"]), MetricError, "scores.tsv: one logit separates"),
        (lambda table: table.assign(logit="inf"), PairTableError, "150 logits"),
        (lambda table: table.assign(probability=1.5), PairTableError, "150 probabilities"),
    ],
)
def test_refuses_scores_that_nothing_can_be_fitted_to(
    folder: Path, tmp_path: Path, change: Any, error: type[Exception], words: str
):
    scores = copied(folder, tmp_path)
    change(pd.read_csv(scores, sep="\t")).to_csv(scores, sep="\t", index=False)
    with pytest.raises(error, match=words):
        calibrate(folder / "model.safetensors", scores, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_an_unknown_method_is_refused(folder: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="--method 'beta' is unknown; allowed are platt, isotonic"):
        calibrate(folder / "model.safetensors", folder / "scores.tsv", tmp_path / "m.safetensors", method="beta")


def test_replaces_only_by_force_and_never_an_input(folder: Path, tmp_path: Path):
    out = tmp_path / "m.safetensors"
    out.write_bytes(b"mine")
    with pytest.raises(OutputError, match="--force"):
        calibrate(folder / "model.safetensors", folder / "scores.tsv", out)
    assert out.read_bytes() == b"mine"
    calibrate(folder / "model.safetensors", folder / "scores.tsv", out, force=True)
    before = out.read_bytes()
    with pytest.raises(OutputError, match="is an input"):
        calibrate(out, folder / "scores.tsv", out, force=True)
    assert out.read_bytes() == before


def test_equal_scores_give_equal_files(folder: Path, tmp_path: Path):
    for name in ("1", "2"):
        calibrate(folder / "model.safetensors", folder / "scores.tsv", tmp_path / name, method="isotonic")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
