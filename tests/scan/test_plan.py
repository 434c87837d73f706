"""The plan against all pairs, looked at one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, read_pairs
from epidyn.elements import midpoints
from epidyn.errors import ConfigError
from epidyn.regions import COLUMNS
from epidyn.scan.plan import Plan, Shard, make_plan
from tests.conftest import needs_data

CHROMOSOMES = ["chrB", "chrA", "chrC"]


def random_elements(count: int, rng: np.random.Generator, strands: str) -> pd.DataFrame:
    start = rng.integers(0, 900, count)
    return pd.DataFrame(
        {
            "chrom": rng.choice(CHROMOSOMES[:2], count),
            "start": start,
            "end": start + rng.integers(1, 60, count),
            "strand": rng.choice(list(strands), count),
            "tss": -1,
            "name": [f"n{number}" for number in range(count)],
            "gene": "",
            "line": np.arange(count),
        }
    )[list(COLUMNS)]


@pytest.fixture
def elements() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(3)
    return random_elements(70, rng, "+-"), random_elements(50, rng, "+-")


def slow(enhancers: pd.DataFrame, promoters: pd.DataFrame, most: int) -> list[tuple[object, ...]]:
    found = {
        (p.chrom, p.start, p.end, p.strand, e.start, e.end)
        for e in enhancers.itertuples()
        for p in promoters.itertuples()
        if e.chrom == p.chrom and abs((e.start + e.end) / 2 - (p.start + p.end) / 2) <= most
    }
    return sorted(found, key=lambda pair: (CHROMOSOMES.index(pair[0]), *pair[1:]))


def listed(plan: Plan, parts: range) -> list[tuple[object, ...]]:
    pairs = []
    for part in parts:
        enhancer, promoter = plan.pairs(part)
        of = plan.promoters.iloc[promoter][["chrom", "start", "end", "strand"]].reset_index(drop=True)
        by = plan.enhancers.iloc[enhancer][["chrom", "start", "end"]].reset_index(drop=True)
        assert (of["chrom"] == by["chrom"]).all()
        pairs += list(pd.concat([of, by[["start", "end"]]], axis=1).itertuples(index=False, name=None))
    return pairs


@pytest.mark.parametrize("most", [1, 37, 38, 400, 10**6, 10**18])
@pytest.mark.parametrize(("part_promoters", "part_pairs"), [(64, 10**4), (1, 10**4), (7, 50), (64, 1)])
def test_pairs_are_those_within_reach_in_order(elements, most: int, part_promoters: int, part_pairs: int):
    plan = make_plan(*elements, CHROMOSOMES, most, part_promoters=part_promoters, part_pairs=part_pairs)
    counts = plan.pair_counts()
    assert listed(plan, range(len(counts))) == slow(*elements, most)
    promoters = np.diff(plan.parts)
    assert promoters.max() <= part_promoters
    assert (counts[promoters > 1] <= part_pairs).all()
    used = {number for part in range(len(counts)) for number in plan.pairs(part)[0].tolist()}
    assert used == set(range(len(plan.enhancers)))


def test_max_distance_is_exact_to_half_a_base():
    def at(*spans: tuple[int, int]) -> pd.DataFrame:
        rows = [("chrA", start, end, "", -1, "", "", 1) for start, end in spans]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    promoters, enhancers = (
        at((100, 101)),
        at((109, 112), (109, 113), (90, 91)),
    )  # midpoints 100.5; 110.5, 111, 90.5
    plan = make_plan(enhancers, promoters, CHROMOSOMES, 10)
    assert plan.enhancers["end"].tolist() == [91, 112]


def test_an_overlapping_enhancer_is_a_pair(elements):
    enhancers, _ = elements
    plan = make_plan(enhancers, enhancers.assign(strand=""), CHROMOSOMES, 0)
    assert len(listed(plan, plan.shard(Shard()))) >= len(plan.promoters)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 60])
def test_shards_are_the_whole_in_order_and_about_equal(elements, count: int):
    plan = make_plan(*elements, CHROMOSOMES, 400, part_promoters=3)
    counts = plan.pair_counts()
    shards = [plan.shard(Shard(number, count)) for number in range(1, count + 1)]
    assert [part for shard in shards for part in shard] == list(range(len(counts)))
    shares = [counts[shard.start : shard.stop].sum() for shard in shards]
    assert max(abs(share - counts.sum() / count) for share in shares) <= counts.max()


@needs_data
def test_a_plan_has_every_near_pair_of_a_real_table(data: Path):
    pairs = read_pairs(data / "targetfinder" / "GM12878.csv.gz")
    assert len(pairs) == 44_313
    tables = {}
    for role in ("enhancer", "promoter"):
        columns = [f"{role}_{part}" for part in ("chrom", "start", "end")]
        places = pairs[columns].set_axis(["chrom", "start", "end"], axis=1)
        tables[role] = places.assign(strand="", tss=-1, name="", gene="", line=range(len(pairs)))
    sizes = Genome.open("random:hg19").sizes
    plan = make_plan(tables["enhancer"], tables["promoter"], list(sizes), 1_000_000)
    middles = midpoints(pairs)
    near = np.abs(middles[:, 0] - middles[:, 1]) <= 1_000_000
    numbers = {}
    for role, planned in (("enhancer", plan.enhancers), ("promoter", plan.promoters)):
        places = [
            zip(each["chrom"], each["start"], each["end"], strict=True) for each in (planned, tables[role][near])
        ]
        number = {place: at for at, place in enumerate(places[0])}
        numbers[role] = np.array([number[place] for place in places[1]])
    assert (plan.first[numbers["promoter"]] <= numbers["enhancer"]).all()
    assert (numbers["enhancer"] < plan.last[numbers["promoter"]]).all()
    assert near.sum() > 20_000


@pytest.mark.parametrize("text", ["0/2", "3/2", "-1/2", "1/0", "1", "a/b", "1/2/3", ""])
def test_refuses_a_shard(text: str):
    with pytest.raises(ConfigError, match=r"--shard .*i/n with i from 1 to n, such as 1/2"):
        Shard.parse(text)


def test_reads_a_shard():
    assert Shard.parse("2/3") == Shard(2, 3)
    assert str(Shard(2, 3)) == "2/3"


def test_refuses_a_distance(elements):
    with pytest.raises(ConfigError, match="--max-distance is -1"):
        make_plan(*elements, CHROMOSOMES, -1)
    enhancers, promoters = elements
    far = promoters.assign(start=promoters["start"] + 5000, end=promoters["end"] + 5000)
    with pytest.raises(ConfigError, match=r"none of 50 promoters .* 70 enhancers .* Raise --max-distance"):
        make_plan(enhancers, far, CHROMOSOMES, 100)
