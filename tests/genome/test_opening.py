"""Telling what a file is, by what is in it."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from epidyn.errors import InputFileError
from epidyn.genome import Genome, opening

from .formats import fasta_text, write_bgzf

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("fasta", "FastaGenome"),
        ("bgzip", "FastaGenome"),
        ("gzip", "MemoryGenome"),
        ("2bit", "TwoBitGenome"),
    ],
)
@pytest.mark.parametrize("ending", ["fa", "fa.gz", "2bit"])
def test_a_name_says_nothing(
    genome_file: Callable[[str], Path], tmp_path: Path, kind: str, expected: str, ending: str
):
    path = tmp_path / f"misnamed.{ending}"
    path.write_bytes(genome_file(kind).read_bytes())
    with Genome.open(path) as genome:
        assert type(genome).__name__ == expected
        assert genome.name == path.name
        assert genome.sizes["chrX"] == 977


@pytest.mark.parametrize(
    "content",
    [
        b"chrom,start,end\nchr1,5,9\n",
        b"\n  >chr1\nACGT\n",
        b" \n\n",
        b"BZh91AY&SY",
        b"\x1a\x41",
        gzip.compress(b"chrom\tstart\n", mtime=0),
        gzip.compress(b"", mtime=0),
    ],
)
def test_what_is_no_genome(tmp_path: Path, content: bytes):
    path = tmp_path / "genome.fa"
    path.write_bytes(content)
    with pytest.raises(InputFileError) as caught:
        Genome.open(path)
    assert str(path) in str(caught.value)
    assert "Accepted are FASTA (plain, bgzipped, or gzipped up to 300 MB), 2bit" in str(caught.value)


def test_what_is_bgzipped_but_no_fasta(tmp_path: Path):
    with pytest.raises(InputFileError, match="neither FASTA"):
        Genome.open(write_bgzf(tmp_path / "table.gz", "chrom\tstart\n"))


def test_files_that_are_not_there(tmp_path: Path):
    (tmp_path / "empty.fa").touch()
    for path, part in [("none.fa", "does not exist"), ("empty.fa", "is empty"), (".", "is a folder")]:
        with pytest.raises(InputFileError, match=part):
            Genome.open(tmp_path / path)


def test_a_bgzip_without_its_end_is_truncated(tmp_path: Path, sequences: dict[str, str]):
    path = write_bgzf(tmp_path / "cut.fa.gz", fasta_text(sequences))
    raw = path.read_bytes()
    for lost in (1, 28, 10_000):
        path.write_bytes(raw[:-lost])
        with pytest.raises(InputFileError, match="truncated bgzip"):
            Genome.open(path)
    assert [each.name for each in tmp_path.iterdir()] == ["cut.fa.gz"]


def test_a_large_gzip_is_refused_with_advice(genome_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    path = genome_file("gzip")
    assert opening.MAX_GZIP_BYTES == 300_000_000
    monkeypatch.setattr(opening, "MAX_GZIP_BYTES", path.stat().st_size - 1)
    with pytest.raises(InputFileError, match=r"gunzip.*bgzip.*2bit"):
        Genome.open(path)
    monkeypatch.setattr(opening, "MAX_GZIP_BYTES", path.stat().st_size)
    assert len(Genome.open(path).sizes) == 5


def test_bgzip_is_told_by_a_part_of_the_extra_field():
    def head(flags: int, extra: bytes) -> bytes:
        return bytes([0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 255]) + len(extra).to_bytes(2, "little") + extra

    block = b"BC\x02\x00\x1b\x00"
    assert opening.is_bgzf(head(4, block))
    assert opening.is_bgzf(head(4, b"XY\x03\x00abc" + block))
    assert not opening.is_bgzf(head(0, block))
    assert not opening.is_bgzf(head(4, b"XY\x06\x00" + block))
    assert not opening.is_bgzf(head(4, b""))
    assert not opening.is_bgzf(b"\x1f\x8b\x08\x04")


def test_genomes_are_told_from_tables(genome_file: Callable[[str], Path], tmp_path: Path):
    assert all(opening.looks_like_genome(genome_file(kind)) for kind in ("fasta", "bgzip", "gzip", "2bit"))
    table = tmp_path / "pairs.csv.gz"
    table.write_bytes(gzip.compress(b"enhancer_name,promoter_name\n"))
    assert not opening.looks_like_genome(table)


def test_a_real_megabase():
    data = Path(os.environ.get("EPIDYN_DATA", REPOSITORY.parent / "shared" / "data"))
    path = data / "hg19" / "chr20_1-2Mb.fa.gz"
    if not path.exists():
        pytest.skip(f"there is no {path}; set EPIDYN_DATA to the folder of the real data")
    genome = Genome.open(path)
    assert list(genome.sizes) == ["chr20"]
    assert (genome.fetch("chr20", 0, 1_000_000) == 4).all()
    assert (genome.fetch("chr20", 1_000_000, genome.sizes["chr20"]) < 4).mean() > 0.99
    assert genome.fetch("20", 999_995, 1_000_005).tolist() == [4, 4, 4, 4, 4, 3, 2, 2, 2, 0]
