"""Windows of a store against windows of its genome, and names of elements that must never change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn.elements import ROLES, ElementStore, Role, WindowRequest, interval_hashes, locate
from epidyn.errors import ChromosomeError, IntervalError
from epidyn.genome import Genome
from tests.pairs.tables import UNHURRIED

rng = np.random.default_rng(7)
SIZES = {"chr1": 97, "chr2": 61, "3": 43}
GENOME = Genome.from_dict({name: rng.integers(0, 5, size) for name, size in SIZES.items()}, name="toy")
LENGTHS: dict[Role, int] = {"enhancer": 11, "promoter": 7}


def request(length: int, *rows: tuple[str, int, int, int, int]) -> WindowRequest:
    """A request of rows (chromosome, start, end, first, last)."""
    chrom, *numbers = zip(*rows, strict=True)
    return WindowRequest(
        np.array(chrom, dtype=object), *(np.array(each, dtype=np.int64) for each in numbers), length
    )


def bases(genome: Genome, chrom: str, start: int, length: int) -> list[int]:
    """Base by base; N outside the chromosome, also where a whole window is outside."""
    return [
        int(genome.fetch(chrom, at, at + 1)[0]) if 0 <= at < genome.sizes[chrom] else 4
        for at in range(start, start + length)
    ]


@st.composite
def requests(draw: st.DrawFn, rows: int, length: int) -> WindowRequest:
    """Rows that share few elements; each row's range of windows holds a base of its chromosome."""
    pool = []
    for _ in range(draw(st.integers(1, 5))):
        chrom = draw(st.sampled_from(list(SIZES)))
        start = draw(st.integers(0, SIZES[chrom] - 1))
        pool.append((chrom, start, start + draw(st.integers(1, 30))))
    asked = []
    for chrom, start, end in (draw(st.sampled_from(pool)) for _ in range(rows)):
        first = draw(st.integers(1 - length, SIZES[chrom] - 1))
        asked.append((chrom, start, end, first, first + draw(st.integers(0, 25))))
    return request(length, *asked)


@UNHURRIED
@given(st.data())
def test_every_window_that_was_asked_for_is_the_genome_s(data: st.DataObject):
    rows = data.draw(st.integers(1, 17))
    asked = {role: data.draw(requests(rows, length)) for role, length in LENGTHS.items()}
    store = ElementStore.fill(GENOME, asked)
    for role, length in LENGTHS.items():
        assert store.length(role) == length
        one = asked[role]
        windows = [(row, start) for row in range(rows) for start in range(one.first[row], one.last[row] + 1)]
        order = data.draw(st.permutations(range(len(windows))))
        row, start = np.array(windows)[order].T
        codes = store.codes(role, store.positions(role, row, start))
        assert codes.shape == (len(windows), length)
        assert codes.dtype == np.uint8
        slow = [bases(GENOME, one.chrom[r], s, length) for r, s in zip(row, start, strict=True)]
        assert codes.tolist() == slow


def test_an_element_holds_the_union_of_its_windows_once():
    rows = [("chr1", 30, 40, 25, 29), ("chr1", 30, 40, 20, 22), ("chr2", 5, 9, 4, 4), ("chr1", 30, 40, 27, 33)]
    store = ElementStore.fill(GENOME, {"enhancer": request(11, *rows)})
    assert store.bases.shape == ((33 - 20 + 11) + 11,)
    assert (store.positions("enhancer", [0, 1, 3], [28, 28, 28]) == store.positions("enhancer", 0, 28)).all()


def test_elements_of_the_same_bases_share_them():
    repeat = GENOME.fetch("chr1", 20, 44)
    genome = Genome.from_dict({"chr1": GENOME.fetch("chr1", 0, 97), "chrU": np.tile(repeat, 3)})
    rows = [("chr1", 30, 40, 20, 33), ("chrU", 10, 20, 0, 13), ("chr1", 50, 60, 51, 51), ("chrU", 60, 66, 48, 61)]
    store = ElementStore.fill(genome, {"enhancer": request(11, *rows)})
    assert store.bases.shape == (24 + 11,)
    same = store.positions("enhancer", [0, 1, 3], [26, 6, 54])
    assert len(set(same.tolist())) == 1
    assert store.codes("enhancer", same).tolist() == [bases(genome, "chr1", 26, 11)] * 3


def test_a_change_is_made_once_an_element_and_shared_with_it():
    repeat = GENOME.fetch("chr1", 20, 44)
    genome = Genome.from_dict({"chr1": GENOME.fetch("chr1", 0, 97), "chrU": np.tile(repeat, 3)})
    rows = [("chr1", 30, 40, 20, 33), ("chrU", 10, 20, 0, 13), ("chr1", 50, 60, 51, 51)]
    told = []

    def turn(codes: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> None:
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            told.append((start, length))
            codes[start : start + length] = codes[start : start + length][::-1].copy()

    store = ElementStore.fill(genome, {"enhancer": request(11, *rows)}, turn)
    assert sorted(told) in ([(0, 24), (24, 11)], [(0, 11), (11, 24)])
    # Turned end to end, the first window holds the last one backwards.
    first = store.codes("enhancer", store.positions("enhancer", [0, 1], [20, 0]))
    assert first.tolist() == [bases(genome, "chr1", 33, 11)[::-1]] * 2


def test_the_bases_are_read_only_and_windows_are_copies():
    store = ElementStore.fill(GENOME, {"promoter": request(7, ("chr1", 30, 40, 20, 33))})
    before = store.bases.copy()
    with pytest.raises(ValueError, match="read-only"):
        store.bases[0] = 3
    positions = store.positions("promoter", [0, 0], [20, 25])
    store.codes("promoter", positions)[:] = 4
    assert (store.bases == before).all()


@pytest.mark.parametrize(("row", "start"), [(0, 19), (0, 34), (1, 5), (1, 2), (1, 20)])
def test_a_window_that_was_not_asked_for_is_refused(row: int, start: int):
    rows = [("chr1", 30, 40, 20, 33), ("chr2", 5, 9, 3, 4)]
    store = ElementStore.fill(GENOME, {"enhancer": request(11, *rows)})
    with pytest.raises(IntervalError, match="enhancer window"):
        store.positions("enhancer", [0, row], [25, start])


def test_a_window_wholly_outside_names_its_interval():
    with pytest.raises(IntervalError, match="chr2:61-72"):
        ElementStore.fill(GENOME, {"enhancer": request(11, ("chr2", 5, 99, 61, 61))})


def pairs_of(*rows: tuple[str, int, int, int, int]) -> pd.DataFrame:
    """Pairs of (chromosome, enhancer start and end, promoter start and end)."""
    chrom, *numbers = zip(*rows, strict=True)
    table = pd.DataFrame({"enhancer_chrom": chrom, "promoter_chrom": chrom})
    names = [f"{role}_{part}" for role in ROLES for part in ("start", "end")]
    return table.assign(**{name: np.array(each, np.int64) for name, each in zip(names, numbers, strict=True)})


def test_chromosomes_are_found_with_and_without_chr():
    pairs = pairs_of(("1", 0, 4, 96, 99), ("chr3", 42, 50, 0, 1), ("chr1", 3, 9, 0, 1), ("2", 60, 90, 60, 61))
    found = locate(pairs, GENOME)
    for role in ROLES:
        assert found[role].chrom.tolist() == ["chr1", "3", "chr1", "chr2"]
        assert found[role].size.tolist() == [97, 43, 97, 61]
        assert found[role].size.dtype == np.int64


def test_chromosomes_that_the_genome_lacks_are_all_listed_with_those_it_has():
    rows = [("chr9", 1, 2, 3, 4), ("chr1", 1, 2, 3, 4), ("chrM", 1, 2, 3, 4), ("chr9", 5, 6, 7, 8)]
    pairs = pairs_of(*rows).set_index(np.arange(100, 104))
    with pytest.raises(ChromosomeError, match="toy; it holds chr1, chr2, 3") as caught:
        locate(pairs, GENOME)
    assert caught.value.rows == ("chr9: 2 rows, the first is row 100", "chrM: 1 rows, the first is row 102")


def test_a_name_is_not_guessed_where_the_genome_has_both():
    genome = Genome.from_dict({"chr1": "ACGTACGT", "1": "ACG"})
    found = locate(pairs_of(("1", 0, 2, 1, 2), ("chr1", 6, 7, 5, 9)), genome)
    assert found["promoter"].chrom.tolist() == ["1", "chr1"]
    assert found["promoter"].size.tolist() == [3, 8]


def test_elements_wholly_outside_are_all_listed_in_row_order():
    rows = [("chr1", 97, 99, 1, 2), ("chr2", 60, 99, 61, 70), ("3", 1, 2, 42, 60), ("3", 90, 95, 77, 79)]
    pairs = pairs_of(*rows).set_index(np.arange(100, 104))
    with pytest.raises(IntervalError, match="4 elements lie wholly outside their chromosome in toy") as caught:
        locate(pairs, GENOME)
    assert caught.value.rows == (
        "row 100: enhancer chr1:97-99, the chromosome has 97 bases",
        "row 101: promoter chr2:61-70, the chromosome has 61 bases",
        "row 103: enhancer 3:90-95, the chromosome has 43 bases",
        "row 103: promoter 3:77-79, the chromosome has 43 bases",
    )


def test_the_hash_of_an_interval_never_changes():
    pairs = pairs_of(("chr20", 1_305_000, 1_307_000, 0, 1))
    assert 8374331412066501444 in interval_hashes(pairs).tolist()
    pairs = pairs_of(("chr1", 0, 1, 0, 1))
    assert interval_hashes(pairs).tolist() == [17439205265598235988]


def test_hashes_are_sorted_and_one_an_interval():
    pairs = pairs_of(
        ("chr1", 3, 9, 50, 60), ("chr1", 3, 9, 70, 80), ("chr2", 3, 9, 50, 60), ("chr2", 3, 8, 50, 60)
    )
    hashes = interval_hashes(pairs)
    assert hashes.dtype == np.uint64
    assert len(hashes) == 6
    assert (np.diff(hashes.astype(object)) > 0).all()


def test_hashes_know_no_row_order_no_role_and_no_prefix():
    rows = [("chr1", 3, 9, 50, 60), ("chr2", 3, 9, 70, 80), ("chrX", 1, 2, 5, 6)]
    hashes = interval_hashes(pairs_of(*rows)).tolist()
    assert interval_hashes(pairs_of(*rows[::-1])).tolist() == hashes
    swapped = [(chrom, c, d, a, b) for chrom, a, b, c, d in rows]
    assert interval_hashes(pairs_of(*swapped)).tolist() == hashes
    bare = [(chrom.removeprefix("chr"), *rest) for chrom, *rest in rows]
    assert interval_hashes(pairs_of(*bare)).tolist() == hashes
