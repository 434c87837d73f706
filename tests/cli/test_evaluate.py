from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
)

from tests.cli.conftest import BAD_TABLES, Inputs, Run, good_table, listing, refused, write

FILES = ["calibration.png", "metrics.json", "precision_recall.png", "roc.png"]
FIGURES = [name for name in FILES if name.endswith("png")]


def scores_table() -> pd.DataFrame:
    """Unbalanced labels, and scores that follow them a little, with ties."""
    rng = np.random.default_rng(3)
    label = (np.arange(47) % 5 == 0).astype(int)
    probability = np.round(0.6 * rng.random(47) + 0.25 * label, 2)
    start = 10 * np.arange(47)
    chrom = [f"chr{row % 4 + 1}" for row in range(47)]
    return pd.DataFrame(
        {
            "enhancer_chrom": chrom,
            "enhancer_start": start,
            "enhancer_end": start + 30,
            "promoter_chrom": chrom,
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
    """Names may hold spaces: two spaces or more end them."""
    return {name: value.strip() for name, value in (line.split("  ", 1) for line in out.splitlines())}


def test_prints_what_scikit_learn_says(epidyn: Run, scores: Path):
    result = epidyn("evaluate", "--scores", scores, "--interval", "none")
    assert result.code == 0
    table, said = scores_table(), printed(result.out)
    truth, probability = table["label"], table["probability"]
    assert said["AUROC"] == f"{roc_auc_score(truth, probability):.4f}"
    assert said["AUPR"] == f"{average_precision_score(truth, probability):.4f}"
    assert said["AUPR of chance"] == f"{truth.mean():.4f}   (the prevalence)"
    assert said["f1"] == f"{f1_score(truth, probability >= 0.5):.4f}   (at 0.5)"
    assert said["MCC"] == f"{matthews_corrcoef(truth, probability >= 0.5):.4f}   (at 0.5)"
    chance = brier_score_loss(truth, np.full(47, truth.mean()))
    brier = brier_score_loss(truth, probability)
    assert said["Brier score"] == f"{brier:.4f}   (always saying the prevalence: {chance:.4f})"
    assert said["pairs"] == "47   (10 positive, 37 negative)"
    assert "figures" not in said


def test_precision_at_recall_is_printed_with_its_enrichment(epidyn: Run, scores: Path):
    table = scores_table().assign(probability=np.where(np.arange(47) % 5 == 0, 0.9, 0.1))
    table.loc[:13, "probability"] = 0.95  # of 14 pairs 3 are positive; then 7 positives alone
    table.to_csv(scores, sep="\t", index=False)
    said = printed(epidyn("evaluate", "--scores", scores).out)
    assert said["precision at recall 0.1"] == f"{3 / 14:.4f}   ({3 / 14 * 4.7:.1f} times the prevalence)"
    assert said["precision at recall 0.5"] == f"{10 / 21:.4f}   ({10 / 21 * 4.7:.1f} times the prevalence)"


def test_cell_lines_are_told_apart(epidyn: Run, scores: Path, work: Path):
    table = scores_table().assign(cell_line=["B", "A"] * 23 + ["C"])
    table.to_csv(scores, sep="\t", index=False)
    said = printed(epidyn("evaluate", "--scores", scores, "--interval", "none", "--out", work / "e").out)
    written = json.loads((work / "e" / "metrics.json").read_text())["lines"]
    for line in "AB":
        part = table[table["cell_line"] == line]
        areas = [score(part["label"], part["probability"]) for score in (roc_auc_score, average_precision_score)]
        assert said[line] == (
            f"AUROC {areas[0]:.4f}, AUPR {areas[1]:.4f}   (23 pairs, {part['label'].sum()} positive)"
        )
        assert [written[line]["auroc"], written[line]["aupr"]] == pytest.approx(areas)
    assert said["C"] == "one label only   (1 pairs, 0 positive)"
    table.assign(cell_line="A").to_csv(scores, sep="\t", index=False)
    assert "A" not in printed(epidyn("evaluate", "--scores", scores, "--interval", "none").out)


def test_intervals_say_what_was_drawn(epidyn: Run, scores: Path, work: Path):
    value = f"{roc_auc_score(scores_table()['label'], scores_table()['probability']):.4f}"
    said = {}
    for kind, drawn in (("blocks", "bootstrap over 4 chromosomes"), ("pairs", "single pairs: too narrow")):
        result = epidyn("evaluate", "--scores", scores, "--interval", kind, "--out", work / kind)
        said[kind] = printed(result.out)["AUROC"]
        assert said[kind].startswith(f"{value}   (95% interval 0.")
        assert said[kind].endswith(f"{drawn})")
        written = json.loads((work / kind / "metrics.json").read_text())
        low, high = (f"{written['intervals']['auroc'][bound]:.4f}" for bound in ("low", "high"))
        assert f"interval {low} to {high}," in said[kind]
        assert (written["resampled"], written["draws"], written["seed"]) == (kind, 2000, 0)
    assert printed(epidyn("evaluate", "--scores", scores).out)["AUROC"] == said["blocks"]
    others = [("--draws", 500), ("--seed", 1)]
    assert all(
        printed(epidyn("evaluate", "--scores", scores, *each).out)["AUROC"] != said["blocks"] for each in others
    )


def test_too_few_chromosomes_are_said(epidyn: Run, scores: Path):
    table = scores_table().assign(enhancer_chrom="chr1", promoter_chrom="chr1")
    table.to_csv(scores, sep="\t", index=False)
    result = epidyn("evaluate", "--scores", scores)
    assert "too few chromosomes (1; 3 are needed)" in result.err
    assert "too narrow" in result.err
    assert printed(result.out)["AUPR"].endswith("single pairs: too narrow)")


@pytest.fixture
def better(tmp_path: Path) -> Path:
    table = scores_table()
    path = tmp_path / "better.tsv"
    table.assign(probability=0.5 * table["probability"] + 0.4 * table["label"]).to_csv(path, sep="\t", index=False)
    return path


def test_compares_two_scores_of_the_same_pairs(epidyn: Run, scores: Path, better: Path, work: Path):
    result = epidyn("evaluate", "--scores", better, "--compare", scores, "--out", work / "new")
    assert result.code == 0
    said, table = printed(result.out), scores_table()
    own, other = (
        roc_auc_score(table["label"], pd.read_csv(path, sep="\t")["probability"]) for path in (better, scores)
    )
    assert said["compared with"] == str(scores)
    assert said["its AUROC"].startswith(f"{other:.4f}   (95% interval ")
    assert said["AUROC less its"].startswith(f"{own - other:+.4f}   (95% interval ")
    written = json.loads((work / "new" / "metrics.json").read_text())
    assert (written["scores"], written["compared_with"]) == (str(better), str(scores))
    assert written["compared"]["differences"]["auroc"]["difference"] == pytest.approx(own - other)
    assert f"p {written['compared']['differences']['auroc']['p']:.2g})" in said["AUROC less its"]
    alone = epidyn("evaluate", "--scores", scores)
    assert printed(alone.out)["AUPR"] == said["its AUPR"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.iloc[:-2], ("47 and 45 pairs", "row by row")),
        (lambda table: table.iloc[::-1], ("46 of 47 rows", "row 0: chr1 0 30", "row 0: chr3 460 490")),
        (lambda table: table.assign(label=1 - table["label"]), ("47 of 47 rows", "row 0")),
        (lambda table: table.drop(columns="label"), ("other.tsv", "'label'")),
        (lambda table: table.assign(probability=2), ("other.tsv", "47 probabilities")),
    ],
    ids=["fewer", "turned", "labels", "no label", "no probability"],
)
def test_refuses_to_compare_other_pairs(epidyn: Run, scores: Path, work: Path, change, words: tuple[str, ...]):
    other = scores.with_name("other.tsv")
    change(scores_table()).to_csv(other, sep="\t", index=False)
    refused(epidyn("evaluate", "--scores", scores, "--compare", other, "--out", work / "new"), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--interval", "genes"), ("--interval 'genes'", "blocks, pairs, none")),
        (("--draws", 10), ("--draws is 10", "100")),
        (("--seed", -1), ("--seed",)),
    ],
)
def test_refuses_options_that_cannot_be(epidyn: Run, scores: Path, options: tuple[object, ...], words):
    refused(epidyn("evaluate", "--scores", scores, *options), *words)


def test_both_brier_scores_of_calibrated_scores(epidyn: Run, scores: Path, work: Path):
    table = scores_table()
    table = table.assign(raw_probability=table["probability"], probability=table["probability"] / 2)
    table.to_csv(scores, sep="\t", index=False)
    result = epidyn("evaluate", "--scores", scores, "--out", work / "new")
    raw, after = (brier_score_loss(table["label"], table[f"{name}probability"]) for name in ("raw_", ""))
    assert printed(result.out)["Brier score"].startswith(f"{after:.4f}   (before calibration: {raw:.4f}; ")
    written = json.loads((work / "new" / "metrics.json").read_text())
    assert (written["brier"], written["raw_brier"]) == pytest.approx((after, raw))


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
    assert (written["raw_brier"], written["compared"], written["compared_with"]) == (None, None, None)
    for name in FIGURES:
        assert (work / "new" / name).read_bytes().startswith(b"\x89PNG")
        assert str(work / "new" / name) in result.out


def test_evaluates_what_predict_writes(epidyn: Run, inputs: Inputs, work: Path):
    names = ["--model", inputs.model, "--pairs", inputs.pairs, "--genome", inputs.genome]
    epidyn("predict", *names, "--out", work / "scores.tsv")
    result = epidyn("evaluate", "--scores", work / "scores.tsv")
    table = pd.read_csv(work / "scores.tsv", sep="\t")
    assert printed(result.out)["AUROC"].split()[0] == f"{roc_auc_score(table['label'], table['probability']):.4f}"


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
