"""Motifs of JASPAR, of MEME files, and what they score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epidyn.errors import ConfigError, InputFileError, MatrixError
from epidyn.matrices import Matrix, digest, load_matrices, read_meme

pytest.importorskip("pyjaspar", reason="pyjaspar is not installed: pip install 'epidyn[motifs]'")

# As the MEME suite's page of the format has it, with what may be left out and what may vary.
MEME = """MEME version 5

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.3 C 0.2 G 0.2 T 0.3

MOTIF first FIRST of two
letter-probability matrix: alength= 4 w= 2 nsites= 17 E= 4.1e-009
 0.0 1.0 0.0 0.0
 0.25 0.25 0.25 0.25

MOTIF second
URL http://example.org
letter-probability matrix:

1e-2\t0.5 0.01 0.48
"""


@pytest.fixture(scope="module")
def matrices() -> list[Matrix]:
    return load_matrices()


def test_the_collections_of_the_article(matrices: list[Matrix]):
    kinds = [each.collection for each in matrices]
    assert (kinds.count("CORE"), kinds.count("CNE")) == (746, 233)
    by_id = {each.id: each for each in matrices}
    assert by_id["MA0139.1"].name == "CTCF"
    assert {"CN0173.1", "CN0009.1", "CN0190.1", "CN0228.1", "CN0180.1", "CN0116.1"} <= by_id.keys()
    # JASPAR's MA0139.1: the first position counts 87, 291, 76 and 459.
    assert by_id["MA0139.1"].frequencies[0] == pytest.approx(np.array([87, 291, 76, 459]) / 913)
    assert all(each.frequencies.sum(axis=1) == pytest.approx(1) for each in matrices)


def test_what_is_not_there_is_told():
    with pytest.raises(ConfigError, match=r"no release 'JASPAR2019'; there are .*JASPAR2020"):
        load_matrices("JASPAR2019")
    with pytest.raises(ConfigError, match=r"no collection 'CORES'; there are CORE, CNE"):
        load_matrices(collections=["CORE", "CORES"])


def test_reads_what_the_format_allows(tmp_path: Path):
    (tmp_path / "own.meme").write_text(MEME)
    first, second = read_meme(tmp_path / "own.meme")
    assert (first.id, first.name, first.collection) == ("first", "FIRST of two", "own.meme")
    assert (second.id, second.name) == ("second", "second")
    assert first.frequencies.tolist() == [[0, 1, 0, 0], [0.25] * 4]
    assert second.frequencies == pytest.approx(np.array([[0.01, 0.5, 0.01, 0.48]]))


@pytest.mark.parametrize("after", ["*" * 80, "-" * 80, "# a comment", "URL http://example.org", ""])
def test_what_programs_write_around_a_matrix_is_no_part_of_it(tmp_path: Path, after: str):
    text = MEME.replace("MOTIF first FIRST of two", "MOTIF ACGT MEME-1\twidth =   2  sites =  17  llr = 3")
    text = text.replace(" 0.25 0.25 0.25 0.25\n", f" 0.25 0.25 0.25 0.25\n{after}\n").replace("\n", "\r\n")
    (tmp_path / "own.meme").write_bytes(text.encode())
    first, _ = read_meme(tmp_path / "own.meme")
    assert (first.id, first.name, len(first.frequencies)) == ("ACGT", "MEME-1", 2)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("MEME version 5", "MEME", ["MEME version"]),
        ("ACGT", "ACGU", ["ACGU", "ALPHABET= ACGT"]),
        ("MOTIF", "motif", ["holds no motif"]),
        ("MOTIF second", "MOTIF first", ["several motifs", "first"]),
        (" 0.0 1.0 0.0 0.0", "0.0 0.0 0.0 0.0", ["line 10", "first", "column 1", "0.0 0.0 0.0 0.0"]),
        ("0.25 0.25 0.25 0.25", "0.5 0.25 0.25 -0.25", ["column 2"]),
        ("0.25 0.25 0.25 0.25", "0.5 0.25 0.25", ["column 2"]),
        ("0.48", "nan", ["second", "column 1"]),
        ("0.48", ".4.8", ["second", ".4.8"]),
        ("0.25 0.25 0.25 0.25", "nan nan nan nan", ["first", "column 2, in line 13", "'nan nan nan nan'"]),
        ("0.25 0.25 0.25 0.25", "foo", ["first", "column 2, in line 13", "'foo'"]),
        ("0.25 0.25 0.25 0.25", "0.25 inf 0 0", ["first", "column 2, in line 13"]),
        ("MOTIF second", "MOTIF", ["line 15: MOTIF: it has no name"]),
        ("w= 2", "w= 8", ["first", "'w= 8', and it is 2; mend the file"]),
        ("alength= 4", "alength= 20", ["first", "'alength= 20', and it is 4"]),
        ("1e-2\t0.5 0.01 0.48", "", ["second", "no letter-probability matrix"]),
        ("letter-probability matrix:\n", "log-odds matrix:\n", ["second", "no letter-probability matrix"]),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, old: str, new: str, words: list[str]):
    path = tmp_path / "own.meme"
    path.write_text(MEME.replace(old, new))
    with pytest.raises(MatrixError) as error:
        read_meme(path)
    assert all(word in str(error.value) for word in [str(path), *words])


def test_a_file_that_is_none(tmp_path: Path):
    with pytest.raises(InputFileError, match="does not exist"):
        read_meme(tmp_path / "none.meme")


def test_a_base_never_seen_has_a_finite_score():
    log_odds = Matrix("a", "a", "", np.array([[0.0, 1.0, 0.0, 0.0], [0.295, 0.205, 0.205, 0.295]])).log_odds()
    assert log_odds[0] == pytest.approx(np.log([0.01 / 1.01, 1.00205 / 1.01 / 0.205, 0.01 / 1.01, 0.01 / 1.01]))
    assert log_odds[1] == pytest.approx(0)


def test_the_digest_knows_order_and_content(matrices: list[Matrix]):
    first, second = matrices[:2]
    assert digest([first, second]) == digest([first, second])
    others = [first], [second, first], [Matrix("x", first.name, "", first.frequencies), second]
    turned = [Matrix(first.id, first.name, "", first.frequencies[::-1]), second]
    assert len({digest(each) for each in ([first, second], *others, turned)}) == 5
