"""FASTA writing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn.errors import GenomeError, OutputError
from epidyn.genome import Genome, encode
from epidyn.genome.write import write_fasta


@settings(deadline=None)
@given(letters=st.text("ACGTN", min_size=1, max_size=40), width=st.integers(1, 13))
def test_lines_are_cut_at_the_width(tmp_path_factory: pytest.TempPathFactory, letters: str, width: int):
    path = tmp_path_factory.getbasetemp() / "lines.fa"
    slow = "".join(f"{letters[i : i + width]}\n" for i in range(0, len(letters), width))
    assert write_fasta(path, {"a": letters, "b": encode(letters)}, width=width) == path
    assert path.read_text() == f">a\n{slow}>b\n{slow}"


def test_what_is_written_is_read(tmp_path: Path):
    path = write_fasta(tmp_path / "toy.fa", {"chr1": "acgtnR" * 31, "chr2": encode("TTGCA" * 13)})
    with Genome.open(path) as genome:
        assert genome.sizes == {"chr1": 186, "chr2": 65}
        assert genome.fetch("chr1", 180, 188).tolist() == [0, 1, 2, 3, 4, 4, 4, 4]


@pytest.mark.parametrize("sequences", [{"two words": "A"}, {"": "A"}, {"chr1": "A", "chr2": ""}])
def test_a_refused_sequence_leaves_what_was_there(tmp_path: Path, sequences: dict[str, str]):
    path = tmp_path / "old.fa"
    path.write_text("old")
    with pytest.raises(GenomeError):
        write_fasta(path, sequences)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("old.fa", "old")]


def test_width_and_folder_are_checked(tmp_path: Path):
    with pytest.raises(GenomeError, match="not 0"):
        write_fasta(tmp_path / "a.fa", {"a": "A"}, width=0)
    with pytest.raises(OutputError, match="no folder"):
        write_fasta(tmp_path / "none" / "a.fa", {"a": "A"})
