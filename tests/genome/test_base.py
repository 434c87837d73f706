"""What every back end must do, against slices of a padded string."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn.errors import ChromosomeError, GenomeError, IntervalError
from epidyn.genome import Genome, encode

PADDING = 50


def slow_fetch(letters: str, start: int, end: int) -> list[int]:
    padded = "N" * PADDING + letters + "N" * PADDING
    return encode(padded[start + PADDING : end + PADDING]).tolist()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_fetch_is_a_slice_of_the_padded_sequence(genome: Genome, sequences: dict[str, str], data: st.DataObject):
    chrom = data.draw(st.sampled_from(list(sequences)))
    size = len(sequences[chrom])
    start = data.draw(st.integers(-PADDING, size - 1))
    end = data.draw(st.integers(max(start, 0) + 1, min(size + PADDING, start + 3_000)))
    codes = genome.fetch(chrom, start, end)
    assert codes.dtype == np.uint8
    assert codes.tolist() == slow_fetch(sequences[chrom], start, end)


def test_whole_chromosomes(genome: Genome, sequences: dict[str, str]):
    assert list(genome.sizes.items()) == [(name, len(letters)) for name, letters in sequences.items()]
    for chrom, letters in sequences.items():
        np.testing.assert_array_equal(genome.fetch(chrom, 0, len(letters)), encode(letters))


def test_a_fetched_array_is_the_callers_own(genome: Genome, sequences: dict[str, str]):
    codes = genome.fetch("chr1", 3, 29)
    codes[:] = 4
    assert genome.fetch("chr1", 3, 29).tolist() == slow_fetch(sequences["chr1"], 3, 29)


def test_numpy_integers_are_coordinates(genome: Genome, sequences: dict[str, str]):
    codes = genome.fetch("chr1", np.int64(-4), np.uint32(11))
    assert codes.tolist() == slow_fetch(sequences["chr1"], -4, 11)


@pytest.mark.parametrize(
    ("start", "end", "part"),
    [
        (331, 340, "lies wholly outside"),
        (-9, 0, "lies wholly outside"),
        (20, 20, "not below its end"),
        (21, 20, "not below its end"),
    ],
)
def test_intervals_without_a_base(genome: Genome, start: int, end: int, part: str):
    with pytest.raises(IntervalError) as caught:
        genome.fetch("chr1", start, end)
    assert f"chr1:{start}-{end}" in str(caught.value)
    assert "331 bases" in str(caught.value)
    assert part in str(caught.value)


def test_chr_is_optional_where_only_one_name_exists(genome: Genome, sequences: dict[str, str]):
    assert [genome.resolve(name) for name in ("chr1", "1", "20", "chr20")] == ["chr1", "chr1", "20", "20"]
    assert genome.fetch("chr20", 1_000, 1_030).tolist() == slow_fetch(sequences["20"], 1_000, 1_030)


def test_a_name_that_exists_is_itself():
    both = Genome.from_dict({"chr5": "AAA", "5": "CC"})
    assert both.fetch("5", 0, 2).tolist() == [1, 1]
    assert both.fetch("chr5", 0, 2).tolist() == [0, 0]


def test_an_unknown_chromosome_names_those_that_exist(genome: Genome):
    with pytest.raises(ChromosomeError) as caught:
        genome.fetch("chrMT", 0, 5)
    assert "'chrMT'" in str(caught.value)
    assert "chr1, chr2, 20, tiny, chrX." in str(caught.value)


def test_a_long_list_of_names_is_cut():
    many = Genome.from_dict({f"c{i}": "A" for i in range(33)})
    with pytest.raises(ChromosomeError, match="c28, c29 and 3 more"):
        many.resolve("chr1")


def test_the_digest_is_the_documented_one_in_every_format(genome: Genome, sequences: dict[str, str]):
    text = ""
    for name in ("chr2", "20", "chrX", "chr1", "tiny"):
        size = len(sequences[name])
        text += f"{name}\t{size}\n"
        for i in range(16):
            start = i * max(size - 64, 0) // 15
            probe = sequences[name][start : start + 64].upper().ljust(64, "N")
            text += "".join(letter if letter in "ACGT" else "N" for letter in probe) + "\n"
    assert genome.digest() == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_takes_the_200_longest_and_orders_ties_by_name():
    sequences = {f"c{i:03d}": "ACGT"[i % 4] * (10 + i // 2) for i in range(203)}
    whole = Genome.from_dict(sequences).digest()
    backwards = dict(reversed(sequences.items()))
    assert Genome.from_dict(backwards).digest() == whole
    assert Genome.from_dict(sequences | {"c003": "C" * 11}).digest() == whole  # the 201st
    assert Genome.from_dict(sequences | {"c002": "C" * 11}).digest() != whole  # the 200th


def test_a_pickled_genome_reads_the_same(genome: Genome, sequences: dict[str, str]):
    genome.fetch("chr2", 0, 10)
    with pickle.loads(pickle.dumps(genome)) as copy:
        assert copy.fetch("chr2", 65_000, 66_000).tolist() == slow_fetch(sequences["chr2"], 65_000, 66_000)
        assert (copy.name, copy.sizes) == (genome.name, genome.sizes)


def test_a_closed_genome_opens_again(genome: Genome, sequences: dict[str, str]):
    genome.close()
    genome.close()
    assert genome.fetch("tiny", 0, 5).tolist() == slow_fetch(sequences["tiny"], 0, 5)


def _count_wrong(genome: Genome, letters: str, seed: int) -> int:
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, len(letters) - 700, 300).tolist()
    return sum(genome.fetch("chr2", s, s + 700).tolist() != slow_fetch(letters, s, s + 700) for s in starts)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_do_not_share_a_place_in_the_file(genome: Genome, sequences: dict[str, str]):
    genome.fetch("chr2", 0, 10)
    children = []
    for seed in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                wrong = _count_wrong(genome, sequences["chr2"], seed)
            except BaseException:
                wrong = -1
            os._exit(0 if wrong == 0 else 1)
        children.append(pid)
    assert _count_wrong(genome, sequences["chr2"], 99) == 0
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]


def test_a_representation_says_what_it_is(genome: Genome):
    assert f"{genome.name}: 5 sequences, 142346 bases" in repr(genome)


@pytest.mark.parametrize(
    ("sequences", "part"),
    [
        ({}, "no sequence"),
        ({"chr1": "ACG", "": "AC"}, "without a name"),
        ({"chr1": "ACG", "chr9": ""}, "chr9"),
        ({"chr1": np.array([0, 7], np.uint8)}, "memory, chr1"),
    ],
)
def test_sequences_in_memory_are_checked(sequences: dict[str, object], part: str):
    with pytest.raises(GenomeError, match=part):
        Genome.from_dict(sequences)


def test_sequences_in_memory_are_copied():
    codes = np.array([0, 1, 2], np.uint8)
    genome = Genome.from_dict({"c": codes, "b": b"GAT"}, name="mine")
    codes[:] = 3
    assert genome.fetch("c", 0, 3).tolist() == [0, 1, 2]
    assert genome.fetch("b", 0, 3).tolist() == [2, 0, 3]
    assert genome.name == "mine"


def test_readers_load_when_used(genome_file: Callable[[str], Path]):
    script = (
        "import sys, epidyn.genome as g; early = {'pyfaidx', 'py2bit', 'Bio'} & set(sys.modules); "
        "g.Genome.open(sys.argv[1]); sys.exit(str(early) if early or 'pyfaidx' not in sys.modules else 0)"
    )
    command = [sys.executable, "-c", script, str(genome_file("fasta"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
