from __future__ import annotations

import pandas as pd
import pytest

from epidyn import Genome
from epidyn.errors import ChromosomeError, RegionFileError
from epidyn.regions import COLUMNS, place, unite


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))


def at(*chroms: str, end: int = 5) -> pd.DataFrame:
    return table(*((chrom, 1, end, "", -1, "", "", line) for line, chrom in enumerate(chroms, start=1)))


GENOME = Genome.from_dict({"chr1": "A" * 9, "chr2": "C" * 7}, name="made")


def test_elements_at_one_place_are_one():
    united = unite(
        table(
            ("chr2", 5, 9, "+", 7, "b", "B", 1),
            ("chr1", 5, 9, "+", 7, "a", "A", 2),
            ("chr2", 5, 9, "+", 7, "c", "B", 3),
            ("chr2", 5, 9, "-", 7, "d", "D", 4),
            ("chr2", 5, 9, "+", 7, "", "B", 5),
            ("chr2", 4, 9, "+", 7, "e", "E", 6),
        )
    )
    assert list(united.itertuples(index=False, name=None)) == [
        ("chr1", 5, 9, "+", 7, "a", "A", 2),
        ("chr2", 4, 9, "+", 7, "e", "E", 6),
        ("chr2", 5, 9, "+", 7, "b,c", "B", 1),
        ("chr2", 5, 9, "-", 7, "d", "D", 4),
    ]


def test_places_are_the_genomes_and_lonely_chromosomes_are_left_out():
    placed = place({"a.bed": at("1", "chr2", "chr9"), "b.bed": at("chr1", "2", "chrUn")}, GENOME)
    assert [each["chrom"].tolist() for each in placed.values()] == [["chr1", "chr2"], ["chr1", "chr2"]]


def test_refuses_chromosomes_of_another_genome():
    names = [f"c{number}" for number in range(7)]
    with pytest.raises(ChromosomeError) as caught:
        place({"a.bed": at("chr1", *names), "b.bed": at(*names)}, GENOME)
    message = str(caught.value)
    for word in ("a.bed", "7 of its chromosomes", "made", "c0, c1, c2, c3, c4 and 2 more", "chr1, chr2"):
        assert word in message


def test_refuses_files_without_a_chromosome_in_common():
    with pytest.raises(ChromosomeError) as caught:
        place({"a.bed": at("chr1"), "b.bed": at("chr2", "chrX")}, GENOME)
    for word in ("a.bed and b.bed", "a.bed: chr1", "b.bed: chr2, chrX", "made: chr1, chr2"):
        assert word in str(caught.value)


def test_refuses_an_element_behind_the_chromosome():
    with pytest.raises(RegionFileError, match=r"line 2: chr2:1-8, the chromosome has 7 bases"):
        place({"a.bed": at("chr1", "2", end=8)}, GENOME)
