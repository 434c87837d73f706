"""Tables of several cell lines: each line's test part is its own, and strict pooling keeps its elements apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn.errors import SplitError
from epidyn.pairs import read_pairs
from epidyn.spans import window_spans
from epidyn.splits import Split, folds, make_split
from tests.conftest import needs_data

ROLES = ("enhancer", "promoter")
PLACE = [f"{role}_{part}" for role in ROLES for part in ("chrom", "start", "end")]
LINES = {"NHEK": 1, "GM12878": 2, "HeLa-S3": 3}


def one_line(name: str, seed: int, chromosomes: int = 6) -> pd.DataFrame:
    """300 pairs; enhancers and promoters lie on a grid of 40 kb, so that other lines have some of them too."""
    rng = np.random.default_rng(seed)
    chrom = np.array([f"chr{number}" for number in rng.integers(1, chromosomes + 1, 300)], dtype=object)
    enhancer = rng.integers(1, 60, 300) * 40_000
    promoter = enhancer + rng.integers(1, 4, 300) * 40_000 + 20_000
    table = pd.DataFrame({"label": (rng.random(300) < 0.3).astype(np.int8), "cell_line": name})
    for role, start in (("enhancer", enhancer), ("promoter", promoter)):
        table = table.assign(**{f"{role}_chrom": chrom, f"{role}_start": start, f"{role}_end": start + 500})
    return table.drop_duplicates(PLACE).reset_index(drop=True)


def pooled(*tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return {name: one_line(name, seed) for name, seed in LINES.items()}


def rows_of(pairs: pd.DataFrame, line: str, chosen: Sequence[int]) -> list[tuple]:
    """The chosen rows of a line, in order, each as what tells it from all others."""
    part = pairs.iloc[chosen]
    return list(part.loc[part["cell_line"] == line, PLACE].itertuples(index=False, name=None))


def places(pairs: pd.DataFrame, line: str, rows: Sequence[int]) -> set[tuple]:
    """Where the elements of these rows of a line lie, whatever their role."""
    found = rows_of(pairs, line, rows)
    return {row[:3] for row in found} | {row[3:] for row in found}


SPLITS = [
    ("random", None),
    ("loco", "chr3"),
    ("chromosome-kfold:3", "1"),
    ("chromosome:chr2,chr5", None),
    ("element-disjoint", None),
]


@pytest.mark.parametrize("pool", ["all", "strict"])
@pytest.mark.parametrize(("split", "fold"), SPLITS)
@pytest.mark.parametrize("order", [("NHEK", "GM12878", "HeLa-S3"), ("HeLa-S3", "NHEK", "GM12878")])
def test_a_lines_test_part_is_that_of_its_specific_run(
    tables: dict[str, pd.DataFrame], split: str, fold: str | None, order: tuple[str, ...], pool: str
):
    together = pooled(*(tables[name] for name in order))
    asked = {"fold": fold, "seed": 7, "validation_fraction": 0.2}
    made = make_split(together, split, pool=pool, **asked)
    for name, table in tables.items():
        alone = make_split(table, split, **asked)
        expected = rows_of(table, name, alone.rows("test"))
        assert len(expected) > 10
        assert rows_of(together, name, made.rows("test")) == expected


def test_rows_of_lines_may_lie_between_each_other(tables: dict[str, pd.DataFrame]):
    together = pd.concat(tables.values()).sort_index(kind="stable").reset_index(drop=True)
    assert together["cell_line"].head(3).tolist() == list(LINES)
    made = make_split(together, seed=7, validation_fraction=0.2)
    for name, table in tables.items():
        alone = make_split(table, seed=7, validation_fraction=0.2)
        assert rows_of(together, name, made.rows("test")) == rows_of(table, name, alone.rows("test"))


@pytest.mark.parametrize(("split", "fold"), SPLITS)
@pytest.mark.parametrize("pool", ["all", "strict"])
def test_the_order_of_files_decides_no_part(
    tables: dict[str, pd.DataFrame], split: str, fold: str | None, pool: str
):
    one, other = pooled(*tables.values()), pooled(*reversed(tables.values()))
    made, turned = (
        make_split(each, split, fold=fold, seed=3, validation_fraction=0.2, pool=pool) for each in (one, other)
    )
    assert made.left_out == turned.left_out
    for part in ("train", "validation", "unused"):
        for name in LINES:
            assert rows_of(one, name, made.rows(part)) == rows_of(other, name, turned.rows(part))


@pytest.mark.parametrize(("split", "fold"), [SPLITS[0], SPLITS[2], SPLITS[4]])
def test_strict_pooling_keeps_another_lines_test_elements_out(
    tables: dict[str, pd.DataFrame], split: str, fold: str | None
):
    together = pooled(*tables.values())
    made, loose = (
        make_split(together, split, fold=fold, seed=7, validation_fraction=0.2, pool=pool)
        for pool in ("strict", "all")
    )

    own = [{row[:3], row[3:]} for row in together[PLACE].itertuples(index=False, name=None)]
    tests = {line: places(together, line, made.rows("test")) for line in LINES}

    def shared(split: Split) -> list[int]:
        """Rows of training and validation of which an element, in either role, is in another line's test part."""
        return [
            row
            for row in np.union1d(split.rows("train"), split.rows("validation"))
            if any(own[row] & tests[line] for line in LINES if line != together["cell_line"][row])
        ]

    assert shared(made) == []
    assert made.left_out > 10
    assert loose.left_out == 0
    if split != "element-disjoint":  # whose validation leaves out other pairs where there are fewer
        assert made.rows("unused").tolist() == shared(loose)
        assert made.left_out == len(made.rows("unused"))


def test_strict_pooling_sees_an_enhancer_that_is_a_promoter_elsewhere(tables: dict[str, pd.DataFrame]):
    column = {
        "label": [1, 0, 1, 0, 1, 0],
        "cell_line": ["A"] * 2 + ["B"] * 4,
        "split": ["test"] * 2 + ["train"] * 4,
    }
    starts = {"enhancer": [100, 900, 5000, 100, 7000, 8000], "promoter": [300, 700, 900, 6000, 7500, 8500]}
    pairs = pd.DataFrame(column)
    for role, start in starts.items():
        pairs = pairs.assign(
            **{f"{role}_chrom": "chr1", f"{role}_start": start, f"{role}_end": np.array(start) + 50}
        )
    made = make_split(pairs, "column", "samples", seed=0, pool="strict")
    assert made.parts.tolist() == ["test", "test", "unused", "unused", "train", "train"]


def test_validation_is_apart_from_the_training_pairs_of_all_lines(tables: dict[str, pd.DataFrame]):
    together = pooled(*tables.values())
    for split, column in (("random", PLACE[:3]), ("random", PLACE[3:]), ("chromosome:chr1", ["promoter_chrom"])):
        made = make_split(together, split, seed=1, validation_fraction=0.02)
        train, validation = (
            set(together.iloc[made.rows(part)][column].itertuples(index=False, name=None))
            for part in ("train", "validation")
        )
        assert validation
        assert not train & validation


def test_a_chromosome_that_a_line_lacks_leaves_it_in_training(tables: dict[str, pd.DataFrame]):
    together = pooled(one_line("small", 9, chromosomes=3), *tables.values())
    assert list(folds(together, "loco")) == [f"chr{number}" for number in range(1, 7)]
    made = make_split(together, "loco", fold="chr5", seed=1, validation_fraction=0.1)
    parts = pd.Series(made.parts).groupby(together["cell_line"].to_numpy()).unique()
    assert "test" not in parts["small"]
    assert "train" in parts["small"]
    assert set(together["promoter_chrom"][made.rows("test")]) == {"chr5"}
    assert "chr5" not in set(together["promoter_chrom"][made.rows("train")])


def test_what_a_line_cannot_do_is_said_of_the_line(tables: dict[str, pd.DataFrame]):
    few = tables["NHEK"][lambda table: (table["label"] == 0) | (table.index < 9)].reset_index(drop=True)
    small = one_line("small", 9, chromosomes=2)
    with pytest.raises(SplitError, match="cell line NHEK: the test part of --split random"):
        make_split(pooled(few, tables["GM12878"]), seed=1)
    with pytest.raises(SplitError, match="asks for 3 folds; the cell line small has 2 chromosomes"):
        make_split(pooled(small, tables["GM12878"]), "chromosome-kfold:3", fold="0", seed=1)
    clumped = small.head(40).assign(cell_line="clumped", promoter_start=10**5, promoter_end=10**5 + 9)
    with pytest.raises(SplitError, match="cell line clumped: 10% of 40 pairs cannot be held out"):
        make_split(pooled(clumped, tables["GM12878"]), "element-disjoint", seed=1)
    marked = pooled(tables["NHEK"].assign(split="train"), tables["GM12878"].assign(split="")).iloc[[0, 1, -1]]
    with pytest.raises(SplitError, match="1 rows differ") as caught:
        make_split(marked, "column", seed=1)
    assert caught.value.rows == ("cell line GM12878: row 0: ''",)
    with pytest.raises(SplitError, match="--pool 'some' is unknown; allowed are all, strict"):
        make_split(small, seed=1, pool="some")


@needs_data
@pytest.mark.parametrize(
    ("split", "fold"), [("random", None), ("chromosome-kfold:5", "2"), ("element-disjoint", None)]
)
def test_test_parts_of_the_real_lines(data: Path, split: str, fold: str | None):
    real = {name: read_pairs(data / "targetfinder" / f"{name}.csv.gz") for name in ("NHEK", "IMR90")}
    together = pooled(*real.values())
    asked = {"fold": fold, "seed": 5}
    made = make_split(together, split, spans=window_spans(together), **asked)
    strict = make_split(together, split, pool="strict", **asked)
    assert np.array_equal(strict.rows("test"), made.rows("test"))
    assert strict.left_out > 0
    for name, table in real.items():
        alone = make_split(table, split, **asked)
        assert rows_of(together, name, made.rows("test")) == rows_of(table, name, alone.rows("test"))
