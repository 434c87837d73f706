"""2bit files, whole and broken. Broken ones must never reach py2bit, which would end the process."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from epidyn.errors import GenomeError, InputFileError
from epidyn.genome import Genome, encode, twobit

from .formats import twobit_bytes

TOY = [("chrA", "NNacgtRACGTTTGCAnn"), ("b", "TTGCA" * 9 + "n"), ("nothing_masked", "GATTACA")]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_the_bases_of_a_toy(tmp_path: Path):
    with Genome.open(write(tmp_path / "toy", twobit_bytes(TOY))) as genome:
        assert genome.name == "toy"
        for name, letters in TOY:
            assert genome.fetch(name, 0, len(letters)).tolist() == encode(letters).tolist()


def test_every_truncation_is_an_error(tmp_path: Path):
    whole = twobit_bytes(TOY)
    for length in range(4, len(whole)):
        with pytest.raises(InputFileError, match=r"truncated|damaged"):
            Genome.open(write(tmp_path / "cut.2bit", whole[:length]))


def test_any_number_may_be_wrong(tmp_path: Path):
    """Each aligned or unaligned word of the tables, overwritten with a huge one, is an error or harmless."""
    whole = twobit_bytes(TOY)
    refused = 0
    for place in range(4, len(whole) - 3):
        broken = whole[:place] + b"\xf7\xff\xff\x7f" + whole[place + 4 :]
        try:
            with Genome.open(write(tmp_path / "broken.2bit", broken)) as genome:
                for name, size in genome.sizes.items():
                    assert len(genome.fetch(name, 0, size)) == size
        except (InputFileError, GenomeError):
            refused += 1
    assert refused > 100


def test_n_blocks_out_of_order(tmp_path: Path):
    whole = twobit_bytes([("a", "NNACGTNNACGT")])
    starts = whole.index(struct.pack("=4I", 0, 6, 2, 2))
    swapped = whole[:starts] + struct.pack("=4I", 6, 0, 2, 2) + whole[starts + 16 :]
    with pytest.raises(InputFileError, match="N blocks of a"):
        Genome.open(write(tmp_path / "n.2bit", swapped))


def test_the_other_byte_order_is_known_but_refused(tmp_path: Path):
    other = ">" if struct.pack("=I", 1) == struct.pack("<I", 1) else "<"
    with pytest.raises(InputFileError, match=r"byte order.*faToTwoBit"):
        Genome.open(write(tmp_path / "other", twobit_bytes(TOY, order=other)))


def test_offsets_of_64_bits(tmp_path: Path):
    path = write(tmp_path / "long", twobit_bytes(TOY, version=1))
    # The index is read here; whether py2bit reads the rest depends on its version (1.0 and later do).
    assert twobit._checked(path) == [(name, len(letters)) for name, letters in TOY]


def test_a_later_version_is_refused(tmp_path: Path):
    with pytest.raises(InputFileError, match="version 2"):
        Genome.open(write(tmp_path / "later", twobit_bytes(TOY, version=2)))


def test_names_and_sizes_are_checked(tmp_path: Path):
    with pytest.raises(GenomeError, match="same name") as caught:
        Genome.open(write(tmp_path / "twice", twobit_bytes([("a", "AC"), ("b", "G"), ("a", "T")])))
    assert caught.value.rows == ("'a' occurs 2 times",)
    with pytest.raises(GenomeError, match="without a base"):
        Genome.open(write(tmp_path / "empty", twobit_bytes([("a", "AC"), ("b", "")])))
    with pytest.raises(GenomeError, match="no sequence"):
        Genome.open(write(tmp_path / "none", twobit_bytes([])))
    with pytest.raises(InputFileError, match="no name of a sequence"):
        Genome.open(write(tmp_path / "name", twobit_bytes([("a\x00b", "AC")])))
    raw = twobit_bytes([("ab", "AC")]).replace(b"ab", b"\xff\xfe")
    with pytest.raises(InputFileError, match="no name of a sequence"):
        Genome.open(write(tmp_path / "bytes", raw))


def test_what_py2bit_refuses_is_our_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: str) -> None:
        raise RuntimeError("Received an error during file opening!")

    monkeypatch.setattr("py2bit.open", refuse)
    with pytest.raises(InputFileError, match="py2bit cannot open"):
        Genome.open(write(tmp_path / "toy", twobit_bytes(TOY)))
