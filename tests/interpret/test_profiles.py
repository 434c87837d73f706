"""Mean effects by position, over pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn.interpret.profiles import draw_profile, mean_profiles


def effects(seed: int = 0, pairs: int = 7) -> pd.DataFrame:
    """Two roles; at each position of the promoter two or three changes."""
    rng = np.random.default_rng(seed)
    rows = [
        (pair, role, offset, rng.normal(offset, 1))
        for pair in range(pairs)
        for role, offsets, changes in (("enhancer", (0, 3, 6), 1), ("promoter", (0, 1), 3))
        for offset in offsets
        for _ in range(changes)
    ]
    return pd.DataFrame(rows, columns=["pair", "role", "offset", "effect"])


@pytest.mark.parametrize("rows", [1, 2, 5, 1000])
def test_means_and_errors_over_pairs_however_the_rows_come(rows: int):
    table = effects()
    found = mean_profiles(table[at : at + rows] for at in range(0, len(table), rows))
    by_pair = table.groupby(["role", "offset", "pair"])["effect"].mean().unstack()
    for role, offsets in (("enhancer", [0, 3, 6]), ("promoter", [0, 1])):
        profile, expected = found[role], by_pair.loc[role]
        assert profile["offset"].tolist() == offsets
        assert profile["pairs"].tolist() == [7] * len(offsets)
        np.testing.assert_allclose(profile["mean"], expected.mean(axis=1))
        np.testing.assert_allclose(profile["error"], expected.std(axis=1, ddof=1) / np.sqrt(7))


def test_one_pair_has_no_error_and_none_no_profile(tmp_path: Path):
    found = mean_profiles([effects(pairs=1)])
    assert found["enhancer"]["error"].isna().all()
    draw_profile(found["enhancer"], 12, 6, "enhancer", tmp_path / "mean_effect_enhancer.png")
    assert (tmp_path / "mean_effect_enhancer.png").read_bytes().startswith(b"\x89PNG")
    assert mean_profiles([]) == {}
