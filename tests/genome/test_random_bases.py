"""The random genome against a twin in Python's whole numbers, and against itself for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn.errors import GenomeError, InputFileError
from epidyn.genome import Genome, decode

MASK = 2**64 - 1


def slow_base(seed: int, chrom: str, position: int) -> str:
    name = chrom[3:] if chrom.startswith("chr") else chrom
    digest = hashlib.blake2b(f"{seed}\t{name}".encode(), digest_size=8).digest()
    key = sum(byte << 8 * i for i, byte in enumerate(digest))
    z = (key + (position // 32 + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return "ACGT"[(z >> 2 * (position % 32)) & 3]


def slow_fetch(seed: int, chrom: str, start: int, end: int) -> str:
    return "".join(slow_base(seed, chrom, position) for position in range(start, end))


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**70),
    chrom=st.sampled_from(["chr1", "chr20", "chrX"]),
    start=st.integers(0, 59_000_000),
    length=st.integers(1, 150),
)
def test_fetch_is_the_twin(seed: int, chrom: str, start: int, length: int):
    genome = Genome.open(f"random:hg19:{seed}")
    assert decode(genome.fetch(chrom, start, start + length)) == slow_fetch(seed, chrom, start, start + length)


GOLDEN = [
    ("random:hg19", "chr1", 0, "TCGGACGCAACCCGCACCAGAATGCCAGGTGTGACGTAATTGCGGATGAACTGGTGTCTGAGTTCTCTTT"),
    (
        "random:hg19",
        "chr20",
        1_305_000,
        "ATGTCTTTAAAGCGAGACGACGGAGGGCCCACGTTGCTAAGACTTACTCGCGCGATACGCACGGCCGAAC",
    ),
    ("random:hg19:7", "chrX", 155_270_500, "GGATATGCCTGCGATCGCGTTTAGGTTCTTTTGTGTTTTAGGGTTGCTGTGACAGACCCC"),
]


@pytest.mark.parametrize(("spec", "chrom", "start", "bases"), GOLDEN)
def test_these_bases_never_change(spec: str, chrom: str, start: int, bases: str):
    """A model's score on the random genome is comparable between versions only while this holds."""
    seed = int(spec.split(":")[2]) if spec.count(":") == 2 else 0
    assert decode(Genome.open(spec).fetch(chrom, start, start + len(bases))) == bases
    assert slow_fetch(seed, chrom, start, start + len(bases)) == bases


def test_any_interval_is_a_slice_of_a_larger_one():
    genome = Genome.open("random:hg19")
    whole = genome.fetch("chr7", 1_000_000, 1_004_000)
    for start, end in [(3_901, 4_000), (0, 1), (31, 33), (32, 64), (517, 3_000)]:
        np.testing.assert_array_equal(genome.fetch("7", 1_000_000 + start, 1_000_000 + end), whole[start:end])


def test_chromosome_ends_are_padded():
    genome = Genome.open("random:hg19")
    size = genome.sizes["chr20"]
    codes = genome.fetch("chr20", size - 37, size + 11)
    assert decode(codes) == slow_fetch(0, "chr20", size - 37, size) + "N" * 11
    assert decode(genome.fetch("chr20", -3, 5)) == "NNN" + slow_fetch(0, "chr20", 0, 5)


def test_bases_are_uniform_and_independent():
    codes = Genome.open("random:hg19:3").fetch("chr3", 0, 1_000_000)
    # Each count is binomial with a standard deviation of 433; each of the 16 dinucleotides of 242.
    assert np.abs(np.bincount(codes, minlength=5)[:4] - 250_000).max() < 5 * 433
    pairs = np.bincount(codes[:-1].astype(np.int64) * 4 + codes[1:], minlength=16)
    assert np.abs(pairs - 62_500).max() < 5 * 242


def test_seeds_and_chromosomes_differ():
    genome = Genome.open("random:hg19:1")
    drawn = [
        genome.fetch("chr1", 0, 10_000),
        genome.fetch("chr2", 0, 10_000),
        Genome.open("random:hg19:2").fetch("chr1", 0, 10_000),
    ]
    for i in range(3):
        for j in range(i):
            # Independent bases agree at a quarter of the positions; the standard deviation is 43.
            assert abs(np.sum(drawn[i] == drawn[j]) - 2_500) < 5 * 43


def test_a_size_table_gives_the_same_bases(tmp_path: Path):
    table = tmp_path / "toy.chrom.sizes"
    table.write_text("20\t5000\nother\t77\n")
    genome = Genome.open(f"random:{table}:7")
    assert genome.name == f"random:{table}:7"
    assert genome.sizes == {"20": 5000, "other": 77}
    np.testing.assert_array_equal(
        genome.fetch("20", 40, 2_000), Genome.open("random:hg19:7").fetch("chr20", 40, 2_000)
    )
    assert Genome.open(f"random:{table}").digest() == Genome.open(f"random:{table}:0").digest()


def test_names_are_the_specification():
    assert Genome.open("random:hg19").name == "random:hg19"
    assert Genome.open("random:hg19:7").name == "random:hg19:7"


def test_wrong_specifications():
    with pytest.raises(GenomeError, match="seed 'x'"):
        Genome.open("random:hg19:x")
    with pytest.raises(GenomeError, match="seed '-1'"):
        Genome.open("random:hg19:-1")
    with pytest.raises(InputFileError, match="'hg99' is neither"):
        Genome.open("random:hg99")
    with pytest.raises(InputFileError, match="hg19"):
        Genome.open("random:")
