from __future__ import annotations

import itertools

import numpy as np
import pytest

from epidyn import Genome, windows
from epidyn.audit.features import base_shares, read_features
from epidyn.errors import ChromosomeError, IntervalError
from epidyn.genome import encode
from tests.audit.tables import table

DINUCLEOTIDES = ["".join(pair) for pair in itertools.product("ACGT", repeat=2)]


def shares_by_counting(bases: str) -> list[float]:
    known = [base for base in bases if base in "ACGT"]
    pairs = [first + second for first, second in itertools.pairwise(bases) if "N" not in first + second]
    gc = (known.count("G") + known.count("C") + 0.5) / (len(known) + 1)
    return [gc, *((pairs.count(each) + 1 / 16) / (len(pairs) + 1) for each in DINUCLEOTIDES)]


def test_elements_are_numbered_by_chromosome_start_and_end():
    pairs = table([("chr1", 100, 900, 1), ("chr1", 100, 950, 0), ("chr2", 100, 900, 0), ("chr1", 300, 900, 0)])
    got = read_features(pairs)
    enhancer, promoter = got.element["enhancer"], got.element["promoter"]
    assert enhancer[0] == enhancer[1]
    assert len(set(enhancer[[0, 2, 3]])) == 3
    assert promoter[0] == promoter[3]
    assert len(set(promoter[[0, 1, 2]])) == 3
    assert got.chrom.tolist() == [0, 0, 1, 0]
    assert got.label.tolist() == [1, 0, 0, 0]
    assert got.midpoint.tolist() == [[150, 950], [150, 1000], [150, 950], [350, 950]]
    assert got.distance.tolist() == [-800, -850, -800, -600]
    assert got.length.tolist() == [[100, 100]] * 4
    assert got.composition is None


def test_an_element_of_another_length_is_another():
    pairs = table([("chr1", 100, 900, 1), ("chr1", 100, 900, 0)])
    pairs.iloc[1, pairs.columns.get_loc("promoter_end")] += 1
    got = read_features(pairs)
    assert got.element["enhancer"].tolist() == [0, 0]
    assert got.element["promoter"].tolist() == [0, 1]


def test_shares_are_those_of_counting():
    rng = np.random.default_rng(4)
    texts = ["".join(rng.choice(list("ACGTN"), 61, p=[0.3, 0.25, 0.2, 0.15, 0.1])) for _ in range(5)]
    texts += ["N" * 61, "C" * 61, "AN" * 30 + "A"]
    got = base_shares(np.stack([encode(text) for text in texts]))
    np.testing.assert_allclose(got, [shares_by_counting(text) for text in texts], rtol=1e-12)
    np.testing.assert_allclose(got[:, 1:].sum(axis=1), 1)


def test_composition_is_that_of_both_central_windows():
    rng = np.random.default_rng(5)
    text = {name: "".join(rng.choice(list("ACGT"), 9001)) for name in ("chr1", "chr2")}
    rows = [("chr1", 3001, 5000, 1), ("chr2", 4000, 8901, 0), ("chr1", 20, 5000, 0)]  # one at either end
    pairs = table(rows)
    with Genome.from_dict(text) as genome:
        got = read_features(pairs, genome).composition
    assert got is not None
    assert got.shape == (3, 34)
    for row, (chrom, *starts, _) in enumerate(rows):
        expected: list[float] = []
        for start, length in zip(starts, (3000, 2000), strict=True):
            first = int(windows.central(start, start + 100, length, 9001))
            inside = text[chrom][max(first, 0) : first + length]
            expected += shares_by_counting("N" * (length - len(inside)) + inside)
        np.testing.assert_allclose(got[row], expected, rtol=1e-12)


def test_many_elements_are_each_read_where_they_lie():
    starts = 30 * np.arange(1500)
    pairs = table([("chr1", int(start), 40_000, number % 2) for number, start in enumerate(starts)])
    text = "A" * 20_000 + "C" * 30_000
    with Genome.from_dict({"chr1": text}) as genome:
        got = read_features(pairs, genome).composition
    assert got is not None
    gc = got[:, 0]
    assert (np.diff(gc) >= -1e-3).all()
    assert gc[0] < 0.01
    assert gc[-1] > 0.99


def test_a_genome_without_the_elements_is_told():
    pairs = table([("chr1", 100, 900, 1), ("chr7", 100, 900, 0)])
    with Genome.from_dict({"chr1": "ACGT" * 500}) as genome, pytest.raises(ChromosomeError, match="chr7"):
        read_features(pairs, genome)
    sizes = {"chr1": "ACGT" * 100, "chr7": "ACGT" * 500}
    with Genome.from_dict(sizes) as genome, pytest.raises(IntervalError) as caught:
        read_features(pairs, genome)
    assert "row 1001: promoter chr1:900-1000, the chromosome has 400 bases" in str(caught.value)
