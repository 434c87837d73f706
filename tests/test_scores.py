from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import metrics
from epidyn.errors import InputFileError, PairTableError
from epidyn.pairs import write_pairs
from epidyn.scores import ranking, read_scores, summarise, with_scores


@pytest.fixture
def pairs() -> pd.DataFrame:
    table = pd.DataFrame({"label": pd.Series([1, 0, 1], dtype="int8"), "my note": ["x", "", "NA"]})
    for role, start in (("enhancer", 100), ("promoter", 5000)):
        table[f"{role}_chrom"] = "chr3"
        table[f"{role}_start"] = start + np.arange(3)
        table[f"{role}_end"] = start + 40
    return table


LOGITS = np.array([0.5, -3.0, 2.25], dtype=np.float32)
PROBABILITIES = np.array([0.625, 0.0, 1.0], dtype=np.float32)


def table_with(path: Path, pairs: pd.DataFrame, probability: list[str]) -> Path:
    write_pairs(pairs.assign(probability=probability), path)
    return path


def test_scores_stand_behind_the_table(pairs: pd.DataFrame):
    before = pairs.copy()
    scored = with_scores(pairs, LOGITS, PROBABILITIES)
    assert list(scored) == [*pairs, "logit", "probability"]
    assert scored["logit"].tolist() == LOGITS.tolist()
    assert scored["probability"].tolist() == PROBABILITIES.tolist()
    pd.testing.assert_frame_equal(scored[list(pairs)], before)
    pd.testing.assert_frame_equal(pairs, before)


def test_raw_probabilities_stand_last_and_are_numbers(tmp_path: Path, pairs: pd.DataFrame):
    scored = with_scores(pairs, LOGITS, PROBABILITIES, PROBABILITIES[::-1])
    assert list(scored) == [*pairs, "logit", "probability", "raw_probability"]
    write_pairs(scored, tmp_path / "scores.tsv")
    assert read_scores(tmp_path / "scores.tsv")["raw_probability"].tolist() == PROBABILITIES[::-1].tolist()
    assert list(with_scores(scored, LOGITS, PROBABILITIES)) == [*pairs, "logit", "probability"]


def test_a_raw_probability_that_is_none_is_listed(tmp_path: Path, pairs: pd.DataFrame):
    write_pairs(pairs.assign(probability=0.5, raw_probability=["0", "1.5", "x"]), tmp_path / "scores.tsv")
    with pytest.raises(PairTableError, match="2 probabilities are no number from 0 to 1") as caught:
        read_scores(tmp_path / "scores.tsv")
    assert caught.value.rows == ("row 1: '1.5'", "row 2: 'x'")


def test_scores_are_by_row_whatever_the_index(pairs: pd.DataFrame):
    scored = with_scores(pairs.set_index(np.array([7, 3, 5])), LOGITS, PROBABILITIES)
    assert scored["probability"].tolist() == PROBABILITIES.tolist()


def test_old_scores_are_replaced(pairs: pd.DataFrame):
    old = pairs.copy()
    old.insert(0, "probability", "unknown")
    old.insert(2, "logit", 9.0)
    pd.testing.assert_frame_equal(
        with_scores(old, LOGITS, PROBABILITIES), with_scores(pairs, LOGITS, PROBABILITIES)
    )


@pytest.mark.parametrize("name", ["scores.tsv", "scores.csv.gz"])
def test_what_is_written_is_read(tmp_path: Path, pairs: pd.DataFrame, name: str):
    write_pairs(with_scores(pairs, LOGITS, PROBABILITIES), tmp_path / name)
    got = read_scores(tmp_path / name)
    assert got["probability"].dtype == np.float64
    assert got["probability"].tolist() == PROBABILITIES.tolist()
    assert got["label"].tolist() == [1, 0, 1]
    assert got["my note"].tolist() == ["x", "", "NA"]


@pytest.mark.parametrize(
    ("lacking", "cure"), [("label", "predict a labelled table"), ("probability", "epidyn predict")]
)
def test_a_column_that_is_missing_is_named_with_the_cure(
    tmp_path: Path, pairs: pd.DataFrame, lacking: str, cure: str
):
    path = tmp_path / "scores.tsv"
    write_pairs(with_scores(pairs, LOGITS, PROBABILITIES).drop(columns=lacking), path)
    with pytest.raises(PairTableError, match=rf"scores\.tsv has no column '{lacking}'.*{cure}"):
        read_scores(path)


@pytest.mark.parametrize("bad", ["nan", "NA", "", "high", "-0.001", "1.001", "inf", "-inf", "True", "0,5"])
def test_what_is_no_probability_is_an_error(tmp_path: Path, pairs: pd.DataFrame, bad: str):
    with pytest.raises(PairTableError, match="1 probabilities are no number from 0 to 1") as caught:
        read_scores(table_with(tmp_path / "scores.tsv", pairs, ["0.5", bad, "1"]))
    assert caught.value.rows == (f"row 1: {bad!r}",)


def test_all_bad_probabilities_are_listed(tmp_path: Path, pairs: pd.DataFrame):
    many = pd.concat([pairs] * 11, ignore_index=True)
    cells = [["0.5", "nan", "2"][row % 3] for row in range(33)]
    with pytest.raises(PairTableError, match=r"scores\.tsv: 22 probabilities") as caught:
        read_scores(table_with(tmp_path / "scores.tsv", many, cells))
    assert caught.value.rows == tuple(f"row {row}: {cells[row]!r}" for row in range(33) if row % 3)
    assert "... and 2 more" in str(caught.value)


def test_a_file_that_is_no_table_is_told(tmp_path: Path):
    with pytest.raises(InputFileError, match="does not exist"):
        read_scores(tmp_path / "scores.tsv")


def test_saturated_probabilities_are_ranked_by_their_logit(tmp_path: Path):
    rows = "\n".join(
        f"chr1\t{10 * i}\t{10 * i + 5}\tchr1\t{10 * i + 5}\t{10 * i + 9}\t{label}\t{logit}\t{probability}"
        for i, (label, logit, probability) in enumerate(
            [(1, 25.0, 1.0), (0, 18.0, 1.0), (1, 20.0, 1.0), (0, 9.0, 0.3), (0, -2.0, 0.4)]
        )
    )
    columns = [f"{role}_{part}" for role in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    head = "\t".join([*columns, "label", "logit", "probability"])
    (tmp_path / "s.tsv").write_text(f"{head}\n{rows}\n")
    table = read_scores(tmp_path / "s.tsv")
    assert ranking(table).tolist() == [4, 2, 3, 0, 1]
    assert summarise(table)["auroc"] == 1
    assert metrics.auroc(table["label"], table["probability"]) == pytest.approx(5 / 6)


def test_a_logit_that_is_no_number_is_listed(tmp_path: Path):
    columns = [f"{role}_{part}" for role in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    head = ",".join([*columns, "label", "logit", "probability"])
    (tmp_path / "s.csv").write_text(f"{head}\nchr1,1,5,chr1,7,9,1,inf,0.5\nchr1,1,5,chr1,7,9,0,0.1,0.5\n")
    with pytest.raises(PairTableError, match="1 logits are no number that is finite") as caught:
        read_scores(tmp_path / "s.csv")
    assert caught.value.rows == ("row 0: 'inf'",)
