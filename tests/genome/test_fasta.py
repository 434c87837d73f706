"""FASTA files: what is particular to them, and what is wrong with them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from Bio import bgzf

from epidyn.errors import GenomeError, InputFileError, OutputError
from epidyn.genome import Genome, encode, fasta_index
from tests.fulldisk import no_file_beyond

from .formats import fasta_text, write_bgzf


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fetch_all(path: Path, chrom: str) -> str:
    with Genome.open(path) as genome:
        return "".join("ACGTN"[code] for code in genome.fetch(chrom, 0, genome.sizes[chrom]))


def set_age(path: Path, seconds: int) -> None:
    """Make a file so many seconds older than now."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))


def test_intervals_that_begin_at_a_block_of_bgzip(genome_file: Callable[[str], Path], sequences: dict[str, str]):
    path = genome_file("bgzip")
    with path.open("rb") as handle:
        begins = [block[2] for block in bgzf.BgzfBlocks(handle)][1:]
    offset = fasta_text(sequences).index("chr2\n") + 5
    with Genome.open(path) as genome:
        tried = 0
        for begin in begins:
            place = (begin - offset) * 61 // 62
            for start in range(max(place - 3, 0), min(place + 4, 140_000)):
                assert (
                    genome.fetch("chr2", start, start + 5).tolist()
                    == encode(sequences["chr2"][start : start + 5]).tolist()
                )
                tried += 1
    assert tried >= 14


@pytest.mark.parametrize(("kind", "indexes"), [("fasta", [".fai"]), ("bgzip", [".fai", ".gzi"])])
def test_indexes_are_written_once_and_used_again(
    genome_file: Callable[[str], Path],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    indexes: list[str],
):
    path = genome_file(kind)
    with Genome.open(path) as genome:
        digest = genome.digest()
    assert names(path.parent) == ["genome.dat", *(f"genome.dat{end}" for end in indexes)]
    monkeypatch.setattr(fasta_index, "build_index", None)
    caplog.set_level(logging.INFO, "epidyn")
    caplog.clear()
    with Genome.open(path) as genome:
        assert genome.digest() == digest
    assert not caplog.records


def test_an_old_index_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "toy.fa"
    path.write_text(">a\nACGT\n")
    assert fetch_all(path, "a") == "ACGT"
    path.write_text(">a\nTTACGT\n")
    set_age(tmp_path / "toy.fa.fai", 60)
    caplog.set_level(logging.INFO, "epidyn")
    assert fetch_all(path, "a") == "TTACGT"
    assert "older than toy.fa" in caplog.text
    assert (tmp_path / "toy.fa.fai").read_text().split("\t")[:2] == ["a", "6"]


@pytest.mark.parametrize(
    "index",
    [
        "a\t4\t3\t4\t5\n",  # of a file with other names
        "chr1\t9\t6\t4\t5\nchr2\t400\t24\t4\t5\n",  # longer than the file
        "chr1\t9\t7\t4\t5\nchr2\t3\t24\t4\t5\n",  # a header elsewhere
        "chr1\t9\t6\t4\t5\nchr1\t3\t24\t4\t5\n",  # a name twice
        "chr2\t3\t24\t3\t4\nchr1\t9\t6\t4\t5\n",  # another order
        "chr1\t9\t6\t0\t0\n",
        "chr1\t9\t6\n",
        "",
        "\xff",
    ],
)
def test_an_index_of_another_file_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, index: str):
    path = tmp_path / "toy.fa"
    path.write_text(">chr1\nACGT\nTTTT\nG\n>chr2\nCCA\n")
    (tmp_path / "toy.fa.fai").write_text(index, encoding="latin-1")
    caplog.set_level(logging.INFO, "epidyn")
    assert fetch_all(path, "chr1") == "ACGTTTTTG"
    assert fetch_all(path, "chr2") == "CCA"
    assert "made anew" in caplog.text


@pytest.mark.parametrize("kept", [0, 5, 16])
def test_part_of_a_block_index_is_made_anew(
    genome_file: Callable[[str], Path], sequences: dict[str, str], kept: int
):
    path = genome_file("bgzip")
    Genome.open(path).close()
    gzi = path.with_name("genome.dat.gzi")
    whole = gzi.read_bytes()
    gzi.write_bytes(whole[:kept])
    with Genome.open(path) as genome:
        assert genome.fetch("chrX", 0, 977).tolist() == encode(sequences["chrX"]).tolist()
    assert gzi.read_bytes() == whole


@pytest.mark.parametrize("moved", [1, 70_000, 10**9])
def test_a_bgzip_index_of_another_file_is_made_anew(
    genome_file: Callable[[str], Path], sequences: dict[str, str], moved: int
):
    path = genome_file("bgzip")
    Genome.open(path).close()
    fai = path.with_name("genome.dat.fai")
    whole = fai.read_text()
    rows = [row.split("\t") for row in whole.splitlines()]
    fai.write_text("".join("\t".join([row[0], row[1], str(int(row[2]) + moved), *row[3:]]) + "\n" for row in rows))
    with Genome.open(path) as genome:
        assert genome.fetch("chrX", 0, 977).tolist() == encode(sequences["chrX"]).tolist()
    assert fai.read_text() == whole


def test_no_room_for_a_temporary_folder(genome_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    def refuse(prefix: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    with pytest.raises(OutputError, match=r"No space left.*TMPDIR"):
        Genome.open(genome_file("fasta"))


@pytest.mark.parametrize("indexed", [False, True])
def test_no_room_in_the_temporary_folder(genome_file: Callable[[str], Path], indexed: bool):
    path = genome_file("bgzip")
    if indexed:
        Genome.open(path).close()
    with no_file_beyond(20), pytest.raises(OutputError, match=r"genome\.dat .*File too large\. Set TMPDIR"):
        Genome.open(path)


def test_a_folder_that_cannot_be_written_to(
    genome_file: Callable[[str], Path],
    sequences: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def refuse(target: Path) -> None:
        raise OutputError(f"cannot write {target}: Read-only file system.")

    monkeypatch.setattr(fasta_index, "atomic_path", refuse)
    path = genome_file("fasta")
    with Genome.open(path) as genome:
        assert genome.fetch("chr1", 0, 331).tolist() == encode(sequences["chr1"]).tolist()
    assert names(path.parent) == ["genome.dat"]
    assert "temporary folder" in caplog.text


@pytest.mark.parametrize(
    ("text", "part", "rows"),
    [
        (
            ">a\nAC\n>b\nA\n>a\nCC\n>b x\nT\n>c\nA\n",
            "same name",
            ("'a' occurs 2 times", "'b' occurs 2 times"),
        ),
        (">a\nAC\n> \nA\n", "name", ()),
        (">a\nACGT\nAC\nACGT\n", "Inconsistent line", ()),
        (">a\nACGT\n\nACGT\n", "Inconsistent line", ()),
        (">a\nAC\nACGT\n>b\nA\n", "unequal length", ("a",)),
        (">a\nAC\nACGT\n\n>b\nA\n", "unequal length", ("a",)),
        (">b\nA\n>a\nAC\nACGTA\n", "unequal length", ("a",)),
        (">b\nA\n>a\nAC\nACGTACGTTT", "unequal length", ("a",)),
        (">a\n>b\n", "without a base", ("a", "b")),
        (">a", "without a base", ("a",)),
    ],
)
def test_content_that_cannot_be_used(tmp_path: Path, text: str, part: str, rows: tuple[str, ...]):
    path = tmp_path / "bad.fa"
    path.write_text(text)
    with pytest.raises(GenomeError, match=part) as caught:
        Genome.open(path)
    assert "bad.fa" in caught.value.headline
    assert "epidyn-" not in str(caught.value)  # the folder that pyfaidx works in is no concern of the user
    assert caught.value.rows == rows


def test_a_file_that_stops_being_text(tmp_path: Path):
    path = tmp_path / "bad.fa"
    path.write_bytes(b">a\nACGT\n\xff\xfe\xfd\x80\n")
    with pytest.raises(InputFileError, match="damaged, or no FASTA text"):
        Genome.open(path)
    assert names(tmp_path) == ["bad.fa"]


def test_a_damaged_block_of_bgzip(tmp_path: Path, sequences: dict[str, str]):
    path = write_bgzf(tmp_path / "bad.fa.gz", fasta_text(sequences))
    Genome.open(path).close()
    raw = bytearray(path.read_bytes())
    with path.open("rb") as handle:
        begin, size, *_ = list(bgzf.BgzfBlocks(handle))[1]
    raw[begin + size // 2 : begin + size // 2 + 100] = bytes(100)
    path.write_bytes(raw)
    set_age(path, 60)  # so that the index counts as fresh, and the damage is met when reading
    with Genome.open(path) as genome, pytest.raises(InputFileError, match="cannot be read"):
        genome.fetch("chr2", 70_000, 139_000)
    (tmp_path / "bad.fa.gz.fai").unlink()
    with pytest.raises(InputFileError, match="damaged"):
        Genome.open(path)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path):
    path = tmp_path / "toy.fa"
    path.write_text(">a\n" + "ACGTACGTAC\n" * 2_000)
    with Genome.open(path) as genome:
        genome.fetch("a", 0, 10)
        os.truncate(path, 50)
        with pytest.raises(InputFileError, match=r"a:15000-16000 gives 0 bases"):
            genome.fetch("a", 15_000, 16_000)


def test_a_file_that_changed_is_not_opened_again(tmp_path: Path):
    path = tmp_path / "toy.fa"
    path.write_text(">a\nACGT\n")
    genome = Genome.open(path)
    genome.close()
    path.write_text(">a\nAACGT\n")
    with pytest.raises(InputFileError, match="changed after it was opened"):
        genome.fetch("a", 0, 2)
    path.unlink()
    with pytest.raises(InputFileError, match="cannot be read any more"):
        genome.fetch("a", 0, 2)


def test_a_relative_path_survives_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "toy.fa").write_text(">a\nACGT\n")
    monkeypatch.chdir(tmp_path)
    genome = Genome.open("toy.fa")
    assert genome.name == "toy.fa"
    genome.close()
    monkeypatch.chdir("/")
    with genome:
        assert genome.fetch("a", 1, 3).tolist() == [1, 2]
