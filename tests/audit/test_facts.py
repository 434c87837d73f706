from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from epidyn import windows
from epidyn.audit.facts import Facts, gather
from epidyn.audit.features import read_features
from tests.audit.tables import propensity, scattered, table


def facts(pairs: pd.DataFrame) -> Facts:
    return gather(pairs, read_features(pairs))


def test_labels_of_elements_by_hand():
    pairs = table(
        [
            ("chr1", 1000, 50_000, 1),  # promoter A: 2 of 3
            ("chr1", 2000, 50_000, 1),
            ("chr1", 3000, 50_000, 0),
            ("chr1", 1000, 60_000, 0),  # promoter B: 0 of 2
            ("chr1", 4000, 60_000, 0),
            ("chr2", 1000, 50_000, 1),  # promoter C: 1 of 1
            ("chr2", 9000, 70_000, 1),  # promoter D: 2 of 2
            ("chr2", 8000, 70_000, 1),
        ]
    )
    promoters, enhancers = (facts(pairs).elements[role] for role in ("promoter", "enhancer"))
    assert (promoters.elements, promoters.several) == (4, 3)
    assert promoters.one_label == 3 / 4
    assert promoters.one_label_of_several == pytest.approx(2 / 3)
    assert promoters.positives_shared == 4 / 5
    assert promoters.rates == [1, 0, 0, 0, 1, 0, 1]
    # chr1:1000 has both labels, the other six one pair each.
    assert (enhancers.elements, enhancers.several) == (7, 1)
    assert enhancers.one_label == 6 / 7
    assert enhancers.one_label_of_several == 0
    assert enhancers.positives_shared == 0
    assert enhancers.rates == [0, 0, 0, 1, 0, 0, 0]


def test_a_table_whose_elements_have_one_pair_each_has_none_with_several():
    got = facts(scattered(1, 50)).elements["promoter"]
    assert (got.several, got.one_label, got.positives_shared) == (0, 1, 0)
    assert got.one_label_of_several is None
    assert got.one_label_of_several_by_chance is None
    assert got.positives_shared_by_chance == pytest.approx(0, abs=1e-12)
    assert sum(got.rates) == sum(got.rates_by_chance) == 0


def test_chance_by_hand():
    # Promoters of two pairs, half of all pairs positive: both labels come out in half of them.
    rows = [("chr1", 1000 * number, 10**7 + number // 2, number % 2) for number in range(40)]
    got = facts(table(rows)).elements["promoter"]
    assert got.one_label_of_several == 0
    assert got.one_label_of_several_by_chance == pytest.approx(0.5)
    assert got.positives_shared_by_chance == pytest.approx(0.5)
    assert got.rates == [0, 0, 0, 20, 0, 0, 0]
    assert got.rates_by_chance == pytest.approx([5, 0, 0, 10, 0, 0, 5])


def test_chance_is_what_shuffled_labels_give():
    pairs = propensity(2, promoters=200, pairs=5)
    kept = facts(pairs).elements["promoter"]
    assert kept.one_label_of_several == kept.positives_shared == 1
    rng = np.random.default_rng(3)
    shuffled = [facts(pairs.assign(label=rng.permutation(pairs["label"]))).elements["promoter"] for _ in range(30)]
    for name in ("one_label_of_several", "positives_shared"):
        mean = np.mean([getattr(each, name) for each in shuffled])
        assert getattr(kept, f"{name}_by_chance") == pytest.approx(mean, abs=0.015)
    assert kept.rates_by_chance == pytest.approx(np.mean([each.rates for each in shuffled], axis=0), abs=4)


def test_overlapping_windows_are_those_of_brute_force():
    pairs = pd.concat([scattered(4, 60, span=200_000), scattered(5, 60, span=200_000).iloc[:30]])
    for role, length in (("enhancer", 3000), ("promoter", 2000)):
        columns = [f"{role}_{part}" for part in ("chrom", "start", "end")]
        distinct = list(pairs[columns].drop_duplicates().itertuples(index=False))
        first = [int(windows.central(start, end, length, 10**9)) for _, start, end in distinct]
        overlapping = [
            any(
                other != one and distinct[other][0] == distinct[one][0] and abs(first[other] - first[one]) < length
                for other in range(len(distinct))
            )
            for one in range(len(distinct))
        ]
        assert 0.1 < np.mean(overlapping) < 0.9
        got = facts(pairs).elements[role]
        assert (got.window, got.elements) == (length, len(distinct))
        assert got.overlapping == pytest.approx(np.mean(overlapping))


def test_windows_that_touch_do_not_overlap():
    pairs = table([("chr1", 10_000, 50_000, 1), ("chr1", 13_000, 52_000, 0), ("chr2", 10_000, 52_000, 0)])
    got = facts(pairs).elements
    assert got["enhancer"].overlapping == got["promoter"].overlapping == 0
    nearer = pairs.assign(enhancer_start=[10_000, 12_998, 10_000], enhancer_end=[10_100, 13_098, 10_100])
    assert facts(nearer).elements["enhancer"].overlapping == pytest.approx(2 / 3)


def test_cell_lines_are_named():
    pairs = scattered(6, 4)
    assert facts(pd.concat([pairs] * 5)).cell_lines == []
    assert facts(pd.concat([pairs] * 5).assign(cell_line=["K562", "NHEK"] * 10)).cell_lines == ["K562", "NHEK"]


def test_distances():
    rows = [("chr1", 10_000 + 10 * number, 9000, 1) for number in range(11)]
    rows += [("chr1", 1_000, 9_000 + number, 0) for number in range(21)]
    got = facts(table(rows)).distances
    assert (got.median_positive, got.median_negative) == (1050, 8010)
    assert got.ks == 1
    assert sum(got.positives) == 11
    assert sum(got.negatives) == 21
    assert (got.edges[0], got.edges[-1]) == (1000, 8021)
    same = facts(table([*rows[:11], *((*row[:3], 0) for row in rows[:11])])).distances
    assert same.ks == 0


def test_a_distance_of_0_can_be_drawn():
    got = facts(table([("chr1", 500, 500, 1), ("chr1", 400, 400, 0), ("chr1", 100, 900, 0)])).distances
    assert sum(got.positives) == 1
    assert sum(got.negatives) == 2


def test_chromosomes_are_counted_in_natural_order():
    pairs = table([("chr10", 1, 9, 1), ("chr2", 1, 9, 0), ("chrX", 1, 9, 1), ("chr2", 2, 9, 1)])
    got = [(each.name, each.pairs, each.positives) for each in facts(pairs).chromosomes]
    assert got == [("chr2", 2, 1), ("chr10", 1, 1), ("chrX", 1, 1)]
    (only,) = facts(pairs.iloc[[1, 3, 1, 3]]).chromosomes
    assert (only.name, only.pairs, only.positives) == ("chr2", 4, 2)
