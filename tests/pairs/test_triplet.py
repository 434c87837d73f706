"""Pairs given as sequences: order, labels, windows, and files that do not belong together."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from epidyn import windows
from epidyn.errors import GenomeError, InputFileError, PairTableError
from epidyn.genome import decode
from epidyn.pairs import read_triplet

ENHANCERS = ["ACGTACGTAC", "TTTTTTTTTT", "ACGTACGTAC", "NNACGTACGT"]
PROMOTERS = ["GGGGGG", "CCCCCC", "ACACAC", "GGGGGG"]


def fasta(path: Path, sequences: list[str], width: int = 99) -> Path:
    lines = []
    for number, bases in enumerate(sequences):
        lines += [
            f">chr1:{number}-{number + 9} more",
            *(bases[i : i + width] for i in range(0, len(bases), width)),
        ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    labels = tmp_path / "label.txt"
    labels.write_text("1\n0\n1.000000000000000000e+00\n0\n")
    return fasta(tmp_path / "e.fasta", ENHANCERS), fasta(tmp_path / "p.fasta", PROMOTERS), labels


def sequences(triplet, role: str) -> list[str]:
    table, genome = triplet
    places = zip(*(table[f"{role}_{part}"] for part in ("chrom", "start", "end")), strict=True)
    return [decode(genome.fetch(*place)) for place in places]


def test_records_keep_their_order_and_labels(files):
    triplet = table, genome = read_triplet(*files)
    assert sequences(triplet, "enhancer") == ENHANCERS
    assert sequences(triplet, "promoter") == PROMOTERS
    assert table["label"].tolist() == [1, 0, 1, 0]
    assert table["enhancer_name"].tolist() == [f"chr1:{number}-{number + 9}" for number in range(4)]
    assert table["enhancer_chrom"].tolist() == ["enhancer_1", "enhancer_2", "enhancer_1", "enhancer_4"]
    assert len(genome.sizes) == 3 + 3
    assert table.attrs["format"] == "FASTA triplet"


def test_gzipped_files_of_several_lines_a_record_and_no_labels(tmp_path, files):
    wrapped = fasta(tmp_path / "w.fasta", ENHANCERS, width=4)
    packed = tmp_path / "p.fasta.gz"
    packed.write_bytes(gzip.compress(files[1].read_bytes()))
    triplet = read_triplet(wrapped, packed)
    assert "label" not in triplet[0]
    assert sequences(triplet, "enhancer") == ENHANCERS
    assert sequences(triplet, "promoter") == PROMOTERS


@pytest.mark.parametrize("length", [7, 9, 10, 11, 16])
def test_the_central_window_is_the_sequence_or_its_middle_or_filled_in_front(files, length):
    """As the public scripts fill: Keras puts what is missing in front."""
    table, genome = read_triplet(*files)
    start = windows.central(table["enhancer_start"], table["enhancer_end"], length, 10)
    for row, bases in enumerate(ENHANCERS):
        window = decode(genome.fetch(table["enhancer_chrom"][row], start[row], start[row] + length))
        if length >= len(bases):
            assert window == bases.rjust(length, "N")
        else:
            assert window in bases
            assert abs(2 * start[row] + length - len(bases)) <= 2


def test_counts_that_differ_are_all_told(tmp_path, files):
    enhancers, promoters, labels = files
    labels.write_text("1\n0\n\n1\n")
    with pytest.raises(PairTableError, match="different numbers of pairs") as caught:
        read_triplet(enhancers, promoters, labels)
    assert caught.value.rows == (f"{enhancers}: 4 sequences", f"{promoters}: 4 sequences", f"{labels}: 3 labels")
    with pytest.raises(PairTableError, match="different numbers of pairs"):
        read_triplet(enhancers, fasta(tmp_path / "short.fasta", PROMOTERS[:3]))


def test_a_bad_label_is_named_with_its_line(files):
    files[2].write_text("1\n\n2\nyes\n0\n")
    with pytest.raises(PairTableError, match=r"label\.txt: 2 rows cannot be used") as caught:
        read_triplet(*files)
    assert caught.value.rows == (
        'line 3: label is "2"; 0 or 1 is needed',
        'line 4: label is "yes"; 0 or 1 is needed',
    )


def test_sequences_of_several_lengths_are_named(tmp_path, files):
    bad = fasta(tmp_path / "bad.fasta", [*ENHANCERS[:2], "ACG", ENHANCERS[3] + "A"])
    with pytest.raises(
        PairTableError, match=r"2 of 4 sequences have another length than the first, 10 bases"
    ) as caught:
        read_triplet(bad, *files[1:])
    assert caught.value.rows == ("record 3 (chr1:2-11): 3 bases", "record 4 (chr1:3-12): 11 bases")


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("ACGT\nACGT\n", PairTableError, "bad is no FASTA: its first line does not begin with '>'. Put"),
        ("", InputFileError, "bad is empty"),
        (" \n", PairTableError, "no FASTA"),
        (">a\nACGT\n>\nACGT\n", GenomeError, "line 3: a sequence has no name"),
        (">a\n>b\nA\n", PairTableError, r"1 records have no base.*\n  record 1 \(a\)"),
    ],
)
def test_what_is_no_fasta_is_refused(tmp_path, files, content, error, words):
    (tmp_path / "bad").write_text(content)
    with pytest.raises(error, match=words):
        read_triplet(tmp_path / "bad", files[1])
    with pytest.raises(InputFileError, match="none does not exist"):
        read_triplet(files[0], tmp_path / "none")
