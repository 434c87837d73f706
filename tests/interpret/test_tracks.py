"""Tracks hold the mean of all changes of each base, once a base, in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from epidyn.interpret.tracks import mean_by_base, write_tracks


def by_hand(start: np.ndarray, end: np.ndarray, effect: np.ndarray) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for first, last, value in zip(start, end, effect, strict=True):
        for base in range(first, last):
            found.setdefault(base, []).append(value)
    return {base: float(np.mean(values)) for base, values in found.items()}


def test_means_equal_those_by_hand():
    rng = np.random.default_rng(1)
    start = rng.integers(0, 400, 60)
    end = start + rng.integers(1, 9, 60)
    effect = rng.standard_normal(60)
    runs = mean_by_base(start, end, effect)
    spread = {base: mean for first, last, mean in zip(*runs, strict=True) for base in range(first, last)}
    expected = by_hand(start, end, effect)
    assert spread.keys() == expected.keys()
    assert max(abs(spread[base] - expected[base]) for base in expected) < 1e-8
    assert (runs[0][1:] >= runs[1][:-1]).all()


def test_neighbours_of_equal_value_are_one_line_and_gaps_stay():
    start, end = np.array([0, 3, 10]), np.array([3, 6, 12])
    runs = mean_by_base(start, end, np.array([0.5, 0.5, 0.5]))
    assert [each.tolist() for each in runs] == [[0, 10], [6, 12], [0.5, 0.5]]


def test_a_track_a_role_in_order_of_chromosomes(tmp_path: Path):
    table = pd.DataFrame(
        {
            "role": ["enhancer"] * 3,
            "chrom": ["chr2", "chr1", "chr1"],
            "start": [5, 8, 2],
            "end": [7, 10, 9],
            "effect": [1.0, -0.5, 0.25],
        }
    )
    assert write_tracks([table[:2], table[2:]], tmp_path) == [tmp_path / "enhancer.bedGraph"]
    head, *lines = (tmp_path / "enhancer.bedGraph").read_text().splitlines()
    assert head.startswith('track type=bedGraph name="enhancer effect"')
    assert lines == ["chr1\t2\t8\t0.25", "chr1\t8\t9\t-0.125", "chr1\t9\t10\t-0.5", "chr2\t5\t7\t1"]
