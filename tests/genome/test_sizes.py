"""Chromosome sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from epidyn.errors import GenomeError, InputFileError
from epidyn.genome.sizes import HG19, read_sizes


def test_hg19_has_the_published_length():
    # The assembled nuclear chromosomes of GRCh37 have 3,095,677,412 bases.
    assert sum(HG19.values()) == 3_095_677_412
    assert list(HG19) == [f"chr{name}" for name in [*range(1, 23), "X", "Y"]]


def test_a_table_keeps_its_order(tmp_path: Path):
    path = tmp_path / "toy.chrom.sizes"
    path.write_text("chr9\t120\n\nchr1 45\n")
    assert list(read_sizes(path).items()) == [("chr9", 120), ("chr1", 45)]


def test_every_bad_row_is_listed(tmp_path: Path):
    path = tmp_path / "bad.sizes"
    path.write_text(f"chr1\t10\nchr2\nchr3\tten\nchr4\t0\nchr1\t12\na\tb\tc\nchr5\t-3\nchr6\t{10**30}\n")
    with pytest.raises(GenomeError) as caught:
        read_sizes(path)
    assert str(path) in caught.value.headline
    assert [row.split(":")[0] for row in caught.value.rows] == [f"line {n}" for n in range(2, 9)]
    assert "'ten'" in caught.value.rows[1]
    assert "second time" in caught.value.rows[3]


def test_files_without_a_row(tmp_path: Path):
    (tmp_path / "blank").write_text("\n \n")
    with pytest.raises(GenomeError, match="names no chromosome"):
        read_sizes(tmp_path / "blank")
    with pytest.raises(InputFileError, match="does not exist"):
        read_sizes(tmp_path / "none")
