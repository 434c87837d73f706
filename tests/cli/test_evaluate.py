from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, matthews_corrcoef, roc_auc_score

from tests.cli.conftest import BAD_TABLES, Inputs, Run, good_table, listing, refused, write

FILES = ["metrics.json", "precision_recall.png", "roc.png"]


def scores_table() -> pd.DataFrame:
    """Unbalanced labels, and scores that follow them a little, with ties."""
    rng = np.random.default_rng(3)
    label = (np.arange(47) % 5 == 0).astype(int)
    probability = np.round(0.6 * rng.random(47) + 0.25 * label, 2)
    start = 10 * np.arange(47)
    return pd.DataFrame(
        {
            "enhancer_chrom": "chr1",
            "enhancer_start": start,
            "enhancer_end": start + 30,
            "promoter_chrom": "chr1",
            "promoter_start": start + 7,
            "promoter_end": start + 19,
            "label": label,
            "logit": 0.0,
            "probability": probability,
        }
    )


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    path = tmp_path / "scores.tsv"
    scores_table().to_csv(path, sep="\t", index=False)
    return path


def printed(out: str) -> dict[str, str]:
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()}


def test_prints_what_scikit_learn_says(epidyn: Run, scores: Path):
    result = epidyn("evaluate", "--scores", scores)
    assert result.code == 0
    table, said = scores_table(), printed(result.out)
    truth, probability = table["label"], table["probability"]
    assert said["AUROC"] == f"{roc_auc_score(truth, probability):.4f}"
    area = average_precision_score(truth, probability)
    assert said["AUPR"] == f"{area:.4f}   (chance: the prevalence, {truth.mean():.4f})"
    assert said["f1"] == f"{f1_score(truth, probability >= 0.5):.4f}   (at 0.5)"
    assert said["MCC"] == f"{matthews_corrcoef(truth, probability >= 0.5):.4f}   (at 0.5)"
    assert said["pairs"] == "47   (10 positive, 37 negative)"
    assert "figures" not in said


def test_writes_metrics_and_figures(epidyn: Run, scores: Path, work: Path):
    result = epidyn("evaluate", "--scores", scores, "--out", work / "new", "--threshold", 0.4)
    assert result.code == 0
    assert sorted(path.name for path in (work / "new").iterdir()) == FILES
    written = json.loads((work / "new" / "metrics.json").read_text())
    table = scores_table()
    called = table["probability"] >= 0.4
    assert written["auroc"] == pytest.approx(roc_auc_score(table["label"], table["probability"]))
    assert written["aupr"] == pytest.approx(average_precision_score(table["label"], table["probability"]))
    assert written["prevalence"] == pytest.approx(10 / 47)
    assert written["recall"] == pytest.approx((called & (table["label"] == 1)).sum() / 10)
    assert written["precision"] == pytest.approx((called & (table["label"] == 1)).sum() / called.sum())
    assert written["threshold"] == 0.4
    for name in FILES[1:]:
        assert (work / "new" / name).read_bytes().startswith(b"\x89PNG")
        assert str(work / "new" / name) in result.out


def test_evaluates_what_predict_writes(epidyn: Run, inputs: Inputs, work: Path):
    names = ["--model", inputs.model, "--pairs", inputs.pairs, "--genome", inputs.genome]
    epidyn("predict", *names, "--out", work / "scores.tsv")
    result = epidyn("evaluate", "--scores", work / "scores.tsv")
    table = pd.read_csv(work / "scores.tsv", sep="\t")
    assert printed(result.out)["AUROC"] == f"{roc_auc_score(table['label'], table['probability']):.4f}"


def test_earlier_results_are_replaced_only_by_force(epidyn: Run, scores: Path, work: Path):
    (work / "metrics.json").write_text("{}")
    (work / "notes.txt").write_text("mine")
    before = listing(work)
    refused(epidyn("evaluate", "--scores", scores, "--out", work), str(work), "not empty", "--force")
    assert listing(work) == before
    assert epidyn("evaluate", "--scores", scores, "--out", work, "--force").code == 0
    assert sorted(path.name for path in work.iterdir()) == sorted([*FILES, "notes.txt"])
    assert (work / "notes.txt").read_text() == "mine"
    assert json.loads((work / "metrics.json").read_text())["pairs"] == 47


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="label"), ("'label'", "labelled table")),
        (lambda table: table.drop(columns="probability"), ("'probability'", "epidyn predict")),
        (lambda table: table.assign(label=0), ("all 47 labels are the same", "both 0 and 1")),
        (lambda table: table.replace({"probability": {table["probability"][4]: 1.5}}), ("row 4", "1.5")),
        (lambda table: table.assign(probability="high"), ("47 probabilities", "'high'", "and 27 more")),
        (lambda table: table.assign(probability=np.nan), ("47 probabilities", "row 0")),
    ],
    ids=["no label", "no probability", "one label", "above 1", "text", "empty"],
)
def test_refuses_scores_that_cannot_be_judged(
    epidyn: Run, scores: Path, work: Path, change, words: tuple[str, ...]
):
    change(scores_table()).to_csv(scores, sep="\t", index=False)
    refused(epidyn("evaluate", "--scores", scores, "--out", work / "new"), str(scores), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(("content", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_refuses_a_bad_table(
    epidyn: Run, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    path = write(tmp_path / "bad" / "scores.tsv", content)
    refused(epidyn("evaluate", "--scores", path, "--out", work / "new"), str(path), *words)
    assert list(work.iterdir()) == []


def test_a_file_is_no_folder_for_results(epidyn: Run, scores: Path, work: Path):
    (work / "file").write_text(good_table())
    refused(epidyn("evaluate", "--scores", scores, "--out", work / "file"), "is no folder")
    assert listing(work) == {"file": good_table().encode()}
