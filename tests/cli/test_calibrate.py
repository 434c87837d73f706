from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Model
from tests.cli.conftest import BAD_TABLES, Inputs, Run, listing, refused, write
from tests.cli.test_evaluate import printed


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Scores that rank well and are far too sure, of pairs of which a third interacts."""
    rng = np.random.default_rng(5)
    label = (np.arange(120) % 3 == 0).astype(int)
    logit = np.round(8 * (rng.standard_normal(120) + 1.5 * label), 4)
    table = pd.DataFrame({"label": label, "logit": logit, "probability": 1 / (1 + np.exp(-logit))})
    for role, start in (("enhancer", 100), ("promoter", 9000)):
        table[f"{role}_chrom"], table[f"{role}_start"] = "chr1", start + np.arange(120)
        table[f"{role}_end"] = table[f"{role}_start"] + 40
    (tmp_path / "in").mkdir()
    table.to_csv(tmp_path / "in" / "scores.tsv", sep="\t", index=False)
    return tmp_path / "in" / "scores.tsv"


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_says_what_was_fitted_and_info_says_it_again(
    epidyn: Run, inputs: Inputs, scores: Path, work: Path, method: str
):
    out = work / "m.safetensors"
    options = ("--method", method) if method != "platt" else ()  # the default
    result = epidyn("calibrate", "--model", inputs.model, "--scores", scores, "--out", out, *options)
    assert result.code == 0
    fitted = Model.load(out).provenance.calibration
    assert fitted is not None
    assert fitted.method == method
    said, known = printed(result.out), printed(epidyn("info", out).out)
    assert said["pairs"] == "120   (40 positive, prevalence 0.3333)"
    assert said["Brier score"].startswith(f"{fitted.brier_after:.4f}   (before: {fitted.brier_before:.4f};")
    assert said["model"] == str(out)
    if method == "platt":
        assert said["calibration"] == f"Platt, log-odds = {fitted.slope:.4g} logit {fitted.intercept:+.4g}"
    else:
        assert said["calibration"].startswith(
            f"isotonic, {len(fitted.logits)} points from probability 0 at logit "
        )
    assert known["calibration"] == said["calibration"]
    assert known["calibration.prevalence"] == "0.3333"
    assert known["calibration.scores"].startswith("name scores.tsv, sha256 ")
    assert "calibration" not in printed(epidyn("info", inputs.model).out)
    assert "calibration.logits" not in known


def test_predict_uses_it(epidyn: Run, inputs: Inputs, scores: Path, work: Path):
    epidyn("calibrate", "--model", inputs.model, "--scores", scores, "--out", work / "m.safetensors")
    names = ["--pairs", inputs.pairs, "--genome", inputs.genome, "--out", work / "scores.tsv"]
    assert epidyn("predict", "--model", work / "m.safetensors", *names).code == 0
    table = pd.read_csv(work / "scores.tsv", sep="\t")
    fitted = Model.load(work / "m.safetensors").provenance.calibration
    expected = 1 / (1 + np.exp(-(fitted.slope * table["logit"] + fitted.intercept)))
    np.testing.assert_allclose(table["probability"], expected, atol=1e-6)
    np.testing.assert_allclose(table["raw_probability"], 1 / (1 + np.exp(-table["logit"])), atol=1e-6)


def test_help_warns_of_test_pairs(epidyn: Run):
    said = " ".join(epidyn("calibrate", "--help").out.replace("│", " ").split())
    assert "never the test pairs that will be reported" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.assign(label=0), ("needs 20 pairs of each label", "0 positive")),
        (lambda table: table.iloc[:57], ("19 positive and 38 negative",)),
        (lambda table: table.drop(columns="logit"), ("no column 'logit'", "epidyn predict")),
        (lambda table: table.drop(columns="label"), ("no column 'label'",)),
        (lambda table: table.replace({"probability": {table["probability"][4]: 1.5}}), ("row 4", "1.5")),
    ],
    ids=["one label", "few", "no logit", "no label", "above 1"],
)
def test_refuses_scores_that_cannot_be_used(
    epidyn: Run, inputs: Inputs, scores: Path, work: Path, change, words: tuple[str, ...]
):
    change(pd.read_csv(scores, sep="\t")).to_csv(scores, sep="\t", index=False)
    result = epidyn("calibrate", "--model", inputs.model, "--scores", scores, "--out", work / "m.safetensors")
    refused(result, str(scores), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(("content", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_refuses_a_bad_table(
    epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    path = write(tmp_path / "bad" / "scores.tsv", content)
    result = epidyn("calibrate", "--model", inputs.model, "--scores", path, "--out", work / "m.safetensors")
    refused(result, str(path), *words)
    assert list(work.iterdir()) == []


def test_refuses_an_unknown_method_and_a_file_that_is_there(epidyn: Run, inputs: Inputs, scores: Path, work: Path):
    names = ["calibrate", "--model", inputs.model, "--scores", scores, "--out", work / "m.safetensors"]
    refused(epidyn(*names, "--method", "beta"), "--method 'beta'", "platt, isotonic")
    (work / "m.safetensors").write_text("mine")
    refused(epidyn(*names), "exists", "--force")
    assert listing(work) == {"m.safetensors": b"mine"}
    assert epidyn(*names, "--force").code == 0


def test_refuses_what_is_no_model(epidyn: Run, inputs: Inputs, scores: Path, work: Path):
    result = epidyn("calibrate", "--model", scores, "--scores", scores, "--out", work / "m.safetensors")
    refused(result, str(scores), "no safetensors")
