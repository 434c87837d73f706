"""Ordinary gzipped FASTA, read into memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from epidyn.errors import GenomeError, InputFileError
from epidyn.genome import Genome


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_lines_of_any_length(tmp_path: Path):
    path = write(tmp_path / "toy.fa.gz", "\n>chr1 first\nAC\n\nGTACN\nr\n> chr2\r\nTT\r\nGg")
    genome = Genome.open(path)
    assert (genome.name, genome.sizes) == ("toy.fa.gz", {"chr1": 8, "chr2": 4})
    assert genome.fetch("chr1", 0, 8).tolist() == [0, 1, 2, 3, 0, 1, 4, 4]
    assert genome.fetch("chr2", 0, 4).tolist() == [3, 3, 2, 2]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (">a\nA\n>b\nC\n>a\nG\n", "same name"),
        (">a\nA\n>\nC\n", "line 3"),
        (">a\n>b\nC\n", "without a base"),
    ],
)
def test_content_that_cannot_be_used(tmp_path: Path, text: str, part: str):
    with pytest.raises(GenomeError, match=part):
        Genome.open(write(tmp_path / "bad.fa.gz", text))


def test_a_truncated_or_damaged_gzip(tmp_path: Path, sequences: dict[str, str]):
    path = write(tmp_path / "cut.fa.gz", ">chr2\n" + sequences["chr2"] + "\n")
    raw = path.read_bytes()
    for length in (12, 1_000, len(raw) - 1):
        path.write_bytes(raw[:length])
        with pytest.raises(InputFileError, match="truncated gzip"):
            Genome.open(path)
    for place in (10, len(raw) - 6):
        path.write_bytes(raw[:place] + b"\xff\xff\xff\xff" + raw[place + 4 :])
        with pytest.raises(InputFileError, match="damaged gzip"):
            Genome.open(path)
