"""Splits: the published sizes on the real tables, and what each way of validation promises."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn.dataset import balanced_copies
from epidyn.errors import SplitError
from epidyn.pairs import read_pairs
from epidyn.splits import PARTS, Split, draw_samples, make_split
from tests.conftest import needs_data
from tests.pairs.tables import UNHURRIED

ROLES = ("enhancer", "promoter")

# Training positives, their 20 copies, training negatives, test positives, test negatives: PAPER.md.
PUBLISHED = {
    "GM12878": (1902, 38040, 37980, 211, 4220),
    "HUVEC": (1372, 27440, 27360, 152, 3040),
    "HeLa-S3": (1566, 31320, 31320, 174, 3480),
    "IMR90": (1129, 22580, 22500, 125, 2500),
    "K562": (1780, 35600, 35550, 197, 3950),
    "NHEK": (1162, 23240, 23040, 129, 2560),
}


@pytest.fixture(scope="module", params=PUBLISHED)
def real(request: pytest.FixtureRequest, data: Path) -> tuple[str, pd.DataFrame]:
    return request.param, read_pairs(data / "targetfinder" / f"{request.param}.csv.gz")


def elements(pairs: pd.DataFrame, role: str) -> set[tuple[str, int, int]]:
    columns = (pairs[f"{role}_{part}"] for part in ("chrom", "start", "end"))
    return set(zip(*columns, strict=True))


def counts(pairs: pd.DataFrame, split: Split, part: str) -> tuple[int, int]:
    """Positives and negatives of a part."""
    labels = pairs["label"].to_numpy()[split.rows(part)]
    return int((labels == 1).sum()), int((labels == 0).sum())


def assert_no_element_is_shared(pairs: pd.DataFrame, split: Split) -> None:
    train, held_out = (pairs.iloc[split.rows(part)] for part in ("train", "validation"))
    for role in ROLES:
        assert not elements(train, role) & elements(held_out, role)


@needs_data
def test_published_sizes(real: tuple[str, pd.DataFrame]):
    name, pairs = real
    positives, copies, negatives, test_positives, test_negatives = PUBLISHED[name]
    split = make_split(pairs, "random", "samples", seed=1)
    assert counts(pairs, split, "train") == (positives, negatives)
    assert counts(pairs, split, "test") == (test_positives, test_negatives)
    assert set(split.parts) == {"train", "test"}
    times = balanced_copies(pairs["label"].to_numpy()[split.rows("train")])
    assert (times, times * positives) == (20, copies)


@needs_data
def test_element_validation_of_a_real_table_is_near_its_share_and_apart(real: tuple[str, pd.DataFrame]):
    name, pairs = real
    positives, _, negatives, *test = PUBLISHED[name]
    split = make_split(pairs, seed=1)
    assert split.validation == "elements"
    assert counts(pairs, split, "test") == tuple(test)
    for held_out, all_of_it in zip(counts(pairs, split, "validation"), (positives, negatives), strict=True):
        assert 0.045 < held_out / all_of_it <= 0.05
    assert_no_element_is_shared(pairs, split)


@needs_data
def test_chromosome_split_of_a_real_table(real: tuple[str, pd.DataFrame]):
    _, pairs = real
    split = make_split(pairs, "chromosome:chr8,chr9", seed=1)
    on = {part: set(pairs["promoter_chrom"].iloc[split.rows(part)]) for part in PARTS}
    assert on["test"] == {"chr8", "chr9"}
    assert on["validation"] == set(split.validation.partition(":")[2].split(","))
    assert on["train"] == set(pairs["promoter_chrom"]) - on["test"] - on["validation"]
    share = len(split.rows("validation")) / len(pairs)
    assert 0.04 < share < 0.2


def table(labels: list[int], chroms: list[str] | None = None, **columns: object) -> pd.DataFrame:
    """Pairs with elements of their own, unless told otherwise; an index that is no row number."""
    count = len(labels)
    starts = np.arange(count, dtype=np.int64) * 100
    made = {"label": np.array(labels, dtype=np.int8)}
    for role in ROLES:
        made[f"{role}_chrom"] = chroms or ["chr1"] * count
        made[f"{role}_start"] = starts
        made[f"{role}_end"] = starts + 50
    return pd.DataFrame({**made, **columns}, index=np.arange(count)[::-1] + 1000)


def chromosomes(per: int, *names: str) -> pd.DataFrame:
    """On each chromosome ``per`` pairs, of which every third is positive."""
    return table(
        [int(row % 3 == 0) for _ in names for row in range(per)], [name for name in names for _ in range(per)]
    )


@UNHURRIED
@given(st.integers(10, 99), st.integers(10, 99), st.integers(0, 3))
def test_random_takes_a_tenth_of_each_label_rounded_down(positives: int, negatives: int, seed: int):
    pairs = table([1] * positives + [0] * negatives)
    split = make_split(pairs, "random", "samples", seed=seed)
    assert counts(pairs, split, "test") == (positives // 10, negatives // 10)
    assert counts(pairs, split, "train") == (positives - positives // 10, negatives - negatives // 10)


@pytest.mark.parametrize("fraction", [0.1, 0.05])
def test_published_shares_round_down_without_error_of_floats(fraction: float):
    assert all(int(fraction * n) == n // round(1 / fraction) for n in range(400_000))


def test_pairs_validation_is_a_share_of_each_label_of_what_is_not_test():
    pairs = table([1] * 230 + [0] * 470)
    split = make_split(pairs, "random", "pairs", seed=1)
    assert counts(pairs, split, "test") == (23, 47)
    assert counts(pairs, split, "validation") == (207 // 20, 423 // 20)
    split = make_split(pairs, "random", "pairs", seed=1, test_fraction=0.5, validation_fraction=0.2)
    assert counts(pairs, split, "test") == (115, 235)
    assert counts(pairs, split, "validation") == (23, 47)


@pytest.mark.parametrize("validation", ["elements", "pairs", "samples"])
def test_a_seed_is_one_split(validation: str):
    pairs = table([1, 0] * 151)
    once, again, other = (make_split(pairs, "random", validation, seed=seed).parts for seed in (4, 4, 5))
    assert (once == again).all()
    assert (once != other).any()


@st.composite
def linked_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Pairs that share elements, at coordinates that two chromosomes repeat; 12 pairs a label share none."""
    count = draw(st.integers(1, 60))
    spread = draw(st.integers(0, 30))

    def column(cells: st.SearchStrategy) -> list:
        return draw(st.lists(cells, min_size=count, max_size=count))

    chroms = column(st.sampled_from(["chr1", "chr2"])) + ["chr3"] * 24
    pairs = table(column(st.integers(0, 1)) + [0, 1] * 12, chroms)
    for role in ROLES:
        number = np.array(column(st.integers(0, spread)) + list(range(24)))
        pairs[f"{role}_start"] = number * 100
        pairs[f"{role}_end"] = number * 100 + 50
    return pairs.sample(frac=1, random_state=draw(st.integers(0, 9)))


@UNHURRIED
@given(linked_tables(), st.sampled_from([0.1, 0.3, 0.5]), st.integers(0, 3))
def test_element_validation_shares_no_element_and_keeps_to_its_share(
    pairs: pd.DataFrame, fraction: float, seed: int
):
    split = make_split(pairs, "random", "elements", seed=seed, validation_fraction=fraction)
    assert_no_element_is_shared(pairs, split)
    for train, held_out in zip(counts(pairs, split, "train"), counts(pairs, split, "validation"), strict=True):
        assert 0 < held_out <= fraction * (train + held_out)


def test_elements_shared_through_others_stay_together():
    """Ten chains of pairs: a pair shares its enhancer with one neighbour and its promoter with the other."""
    pairs = table([int(row % 7 < 4) for row in range(70)])
    chain, link = np.divmod(np.arange(70), 7)
    pairs["enhancer_start"] = chain * 10_000 + (link + 1) // 2 * 100
    pairs["promoter_start"] = chain * 10_000 + link // 2 * 100
    pairs["enhancer_end"], pairs["promoter_end"] = pairs["enhancer_start"] + 9, pairs["promoter_start"] + 9
    split = make_split(pairs.assign(split="train"), "column", "elements", seed=1, validation_fraction=0.25)
    held_out = (split.parts == "validation").reshape(10, 7)
    assert held_out.all(axis=1).sum() == 2
    assert held_out.any(axis=1).sum() == 2


@pytest.mark.parametrize("groups", [1, 2])
def test_groups_that_are_too_large_are_told_with_the_cure(groups: int):
    start = np.arange(60) % 4 // 2 * 100 if groups == 2 else 5
    pairs = table([1, 0] * 30).assign(enhancer_start=start, enhancer_end=900)
    with pytest.raises(SplitError, match=rf"5% of these pairs.* {groups} groups.*--validation pairs"):
        make_split(pairs, seed=1)


def test_named_chromosomes_are_test_and_validation():
    pairs = chromosomes(11, "chr1", "chr2", "chr3", "chrX")
    split = make_split(pairs, "chromosome:chr2,chrX", "chromosome:chr3", seed=1)
    parts = dict(zip(pairs["promoter_chrom"], split.parts, strict=True))
    assert parts == {"chr1": "train", "chr2": "test", "chr3": "validation", "chrX": "test"}
    assert (split.kind, split.validation) == ("chromosome:chr2,chrX", "chromosome:chr3")


def test_validation_chromosomes_must_hold_no_test_pairs():
    pairs = chromosomes(30, "chr1", "chr2")
    with pytest.raises(SplitError, match="names chromosomes that are test"):
        make_split(pairs, "random", "chromosome:chr2", seed=1)


def test_one_chromosome_cannot_be_both_training_and_validation():
    pairs = chromosomes(60, "chr1", "chr2")
    with pytest.raises(SplitError, match=r"the table has chr2 alone, .*--validation elements or pairs"):
        make_split(pairs, "chromosome:chr1", seed=1)
    parts = make_split(pairs, "chromosome:chr1", "pairs", seed=1).parts
    assert set(parts[pairs["promoter_chrom"] == "chr2"]) == {"train", "validation"}


def test_automatic_validation_under_a_chromosome_split_is_whole_chromosomes():
    pairs = chromosomes(13, *(f"chr{number}" for number in range(1, 30)))
    seen = set()
    for seed in range(5):
        split = make_split(pairs, "chromosome:chr1,chr2", seed=seed)
        named = split.validation.removeprefix("chromosome:").split(",")
        assert len(named) == 2  # one of 27 is less than 5%
        assert set(pairs["promoter_chrom"][split.parts == "validation"]) == set(named)
        again = make_split(pairs, "chromosome:chr1,chr2", split.validation, seed=seed + 100)
        assert (again.parts == split.parts).all()
        seen.add(split.validation)
    assert len(seen) > 1


def test_automatic_validation_goes_on_until_it_has_both_labels():
    pairs = chromosomes(20, "chr1", "chr2", "chr3", "chr4")
    pairs.loc[(pairs["promoter_chrom"] == "chr3").to_numpy(), "label"] = 0
    for seed in range(6):
        split = make_split(pairs, "chromosome:chr4", seed=seed)
        assert split.validation != "chromosome:chr3"
        assert min(counts(pairs, split, "validation")) > 0


def test_automatic_validation_does_not_follow_the_order_of_rows():
    pairs = chromosomes(13, *(f"chr{number}" for number in range(1, 30)))
    once, turned = (make_split(each, "chromosome:chr1", seed=2) for each in (pairs, pairs.iloc[::-1]))
    assert (once.parts == turned.parts[::-1]).all()


def test_the_table_s_own_column():
    own = ["train", "validation", "test", "unused", "train", "validation", "test", "unused"]
    pairs = table([0, 0, 0, 0, 1, 1, 1, 1], split=own)
    split = make_split(pairs, "column", seed=1)
    assert split.parts.tolist() == own
    assert (split.kind, split.validation) == ("column", "column")
    assert split.rows("unused").tolist() == [3, 7]
    assert split.rows("test").dtype == np.int64


def test_a_column_without_validation_gets_it_by_elements():
    pairs = table([0, 1] * 60, split=["test"] * 20 + ["train"] * 80 + ["unused"] * 20)
    split = make_split(pairs, "column", seed=1)
    assert split.validation == "elements"
    assert counts(pairs, split, "validation") == (2, 2)
    assert split.parts[:20].tolist() == ["test"] * 20
    assert split.parts[-20:].tolist() == ["unused"] * 20


def test_a_column_may_leave_the_test_part_out():
    split = make_split(table([0, 1, 0, 1], split=["train", "train", "validation", "validation"]), "column", seed=1)
    assert len(split.rows("test")) == 0


def test_the_written_table_has_row_part_and_fold():
    split = Split(np.array(["test", "train", "unused"], dtype=object), "column", "samples")
    expected = pd.DataFrame({"row": [0, 1, 2], "part": ["test", "train", "unused"], "fold": "0"})
    assert list(split.table()) == ["row", "part", "fold"]
    assert split.table().to_csv() == expected.to_csv()


def test_a_split_leaves_the_table_as_it_was():
    pairs = table([0, 1] * 60, split=["train"] * 100 + ["test"] * 20)
    before = pairs.copy()
    for kind in ("random", "column"):
        make_split(pairs, kind, seed=1)
    pd.testing.assert_frame_equal(pairs, before)


def test_samples_are_drawn_a_share_of_each_label():
    labels = np.array([1.0] * 230 + [0.0] * 470, dtype=np.float32)
    drawn = draw_samples(labels, 0.05, seed=3)
    assert drawn.dtype == bool
    assert (drawn[:230].sum(), drawn[230:].sum()) == (11, 23)
    assert (drawn == draw_samples(labels, 0.05, seed=3)).all()
    assert (drawn != draw_samples(labels, 0.05, seed=4)).any()


MIXED = chromosomes(30, "chr1", "chr2", "chr3")
ONE_SIDED = table([1] * 30 + [0] * 30 + [1, 0] * 30, ["chr1"] * 30 + ["chr2"] * 30 + ["chr3"] * 60)
OWN = table([0, 1] * 4, split=["train", "train", "test", "test", "validation", "validation", "train", "train"])


@pytest.mark.parametrize(
    ("pairs", "split", "validation", "message"),
    [
        (MIXED.drop(columns="label"), "random", "auto", "no label column"),
        (
            MIXED,
            "randm",
            "auto",
            "--split 'randm' is unknown; allowed are random, chromosome:NAME,NAME, loco, chromosome-kfold:K, ele",
        ),
        (
            MIXED,
            "random",
            "groups",
            "--validation 'groups' is unknown; allowed are auto, column, elements, pairs, samples",
        ),
        (
            MIXED,
            "chromosome:chr1",
            "blocks",
            "--validation blocks goes with --split element-disjoint only, not with",
        ),
        (
            MIXED,
            "element-disjoint",
            "pairs",
            "--validation pairs .* share elements and windows, which --split element-disjoint",
        ),
        (
            MIXED,
            "element-disjoint",
            "elements",
            "--validation elements .* share windows, where .* Leave --validation out",
        ),
        (MIXED, "chromosome", "auto", "--split chromosome: names no chromosome; the table has chr1, chr2, chr3"),
        (MIXED, "chromosome:", "auto", "names no chromosome"),
        (MIXED, "chromosome:chr7,chr1,8", "auto", "lacks: chr7, 8. It has chr1, chr2, chr3"),
        (MIXED, "chromosome:chr1", "chromosome:chr9", "--validation names chromosomes that the table lacks: chr9"),
        (MIXED, "chromosome:chr1", "chromosome:chr2,chr1", "names chromosomes that are test"),
        (MIXED, "chromosome:chr1,chr2", "chromosome:chr3", "the train part .* has no pair"),
        (MIXED, "chromosome:chr1,chr2,chr3", "auto", "the train part .* has no pair"),
        (MIXED, "chromosome:chr1,chr2,chr3", "elements", "the train part .* has no pair"),
        (MIXED, "chromosome:chr1,chr2", "auto", "the table has chr3 alone"),
        (ONE_SIDED, "chromosome:chr1", "pairs", "the test part .* has 30 pairs, all with label 1; both 0 and 1"),
        (ONE_SIDED, "chromosome:chr3", "chromosome:chr2", "the train part .* has 30 pairs, all with label 1"),
        (table([1] * 90), "random", "auto", "the train part .* has 81 pairs, all with label 1"),
        (ONE_SIDED, "chromosome:chr2,chr3", "auto", "the train part .* has 30 pairs, all with label 1"),
        (ONE_SIDED, "chromosome:chr2", "auto", "the test part .* has 30 pairs, all with label 0"),
        (table([1] * 90), "random", "samples", "the train part .* has 81 pairs, all with label 1"),
        (table([1, 0] * 9), "random", "pairs", "the test part .* has no pair"),
        (table([1, 0] * 15), "random", "pairs", "the validation part .* has no pair"),
        (table([1] * 9 + [0] * 50), "random", "samples", "the test part .* has 5 pairs, all with label 0"),
        (
            MIXED,
            "column",
            "auto",
            "needs a column 'split' with train, validation, test, unused; the table has none",
        ),
        (OWN, "column", "elements", "the column 'split' has validation rows, and --validation elements asks for"),
        (OWN, "column", "samples", "the column 'split' has validation rows, and --validation samples asks for"),
        (MIXED.assign(split="test"), "column", "auto", "the train part .* has no pair"),
        (MIXED.assign(split="train"), "column", "column", "no row of a column 'split' says validation"),
    ],
)
def test_what_cannot_be_split_is_told(pairs: pd.DataFrame, split: str, validation: str, message: str):
    with pytest.raises(SplitError, match=re.escape(message).replace(r"\.\*", ".*")):
        make_split(pairs, split, validation, seed=1)


def test_all_unknown_parts_of_the_column_are_listed():
    pairs = table([0, 1, 0, 1, 0], split=["train", "Train", "", "test", np.nan])
    with pytest.raises(SplitError, match="may hold train, validation, test, unused; 3 rows differ") as caught:
        make_split(pairs, "column", seed=1)
    assert caught.value.rows == ("row 1: 'Train'", "row 2: ''", "row 4: nan")
