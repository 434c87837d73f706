from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from epidyn.pairs import REQUIRED, read_pairs
from epidyn.simulate import configure, simulate, write_simulation

from .toys import simulated

PLACE = list(REQUIRED)
LINES = "large:5,small:1"


def places(pairs: pd.DataFrame) -> set[tuple[object, ...]]:
    return set(pairs[PLACE].itertuples(index=False, name=None))


def test_lines_share_genome_and_labels_out_among_them():
    one, two = simulated(), simulated(cell_line=LINES)
    for chrom, codes in one.chromosomes.items():
        np.testing.assert_array_equal(two.chromosomes[chrom], codes)
    pd.testing.assert_frame_equal(two.truth, one.truth)
    drawn = two.pairs.drop(columns="cell_line").sort_values(PLACE, ignore_index=True)
    pd.testing.assert_frame_equal(drawn, one.pairs.drop(columns="cell_line").sort_values(PLACE, ignore_index=True))


def test_weights_are_shares():
    counts = simulated(cell_line=LINES, pairs_per_chromosome=400).pairs["cell_line"].value_counts()
    assert counts.sum() == 1200
    assert counts["small"] == pytest.approx(200, abs=4 * np.sqrt(1200 * 5 / 36))


def test_pairs_of_a_promoter_stay_together():
    pairs = simulated(cell_line=LINES, pairs_per_promoter=4).pairs
    assert pairs.groupby("promoter_name")["cell_line"].nunique().max() == 1
    assert pairs["cell_line"].nunique() == 2


@pytest.mark.parametrize("shared", [0.0, 0.25, 1.0])
def test_shared_promoters_are_in_every_line_with_the_same_labels(shared):
    pairs = simulated(cell_line="a:3,b:2,c:1", shared=shared, pairs_per_promoter=2, pairs_per_chromosome=400).pairs
    lines = pairs.groupby("promoter_name")["cell_line"].nunique()
    assert set(lines) <= {1, 3}
    assert (lines == 3).mean() == pytest.approx(shared, abs=4 * np.sqrt(shared * (1 - shared) / len(lines)))
    assert (pairs.groupby(PLACE)["label"].nunique() == 1).all()
    assert not pairs.duplicated([*PLACE, "cell_line"]).any()


def test_each_line_has_a_file_of_its_own(tmp_path):
    settings = {"chromosomes": 2, "pairs_per_chromosome": 20, "cell_line": "a,b", "shared": 0.5}
    folder = write_simulation(simulate(configure(settings)), tmp_path)
    whole = read_pairs(folder / "pairs.csv")
    for line in ("a", "b"):
        of_line = read_pairs(folder / f"pairs.{line}.csv")
        assert set(of_line["cell_line"]) == {line}
        assert places(of_line) == places(whole[whole["cell_line"] == line])
    write_simulation(simulate(configure(settings | {"cell_line": "a", "shared": 0.0})), tmp_path, force=True)
    assert not list(tmp_path.glob("pairs.*.csv"))
