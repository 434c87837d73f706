from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from epidyn import Genome, read_pairs
from tests.cli.conftest import Run, listing, refused

SIZES = {
    "chromosomes": 2,
    "pairs-per-chromosome": 9,
    "enhancer-length": 180,
    "promoter-length": 160,
    "instances": 2,
    "decoys": 1,
}
SMALL = [word for name, value in SIZES.items() for word in (f"--{name}", value)]


def test_leaves_a_genome_and_pairs(epidyn: Run, work: Path):
    result = epidyn("simulate", "--out", work / "sim", *SMALL, "--cell-line", "toy", "--seed", 4)
    assert (result.code, result.out) == (0, "")
    assert {"genome.fa", "pairs.csv", "truth.bed", "families.json"} <= set(listing(work / "sim"))
    pairs = read_pairs(work / "sim" / "pairs.csv")
    assert len(pairs) == 18
    assert set(pairs["cell_line"]) == {"toy"}
    with Genome.open(work / "sim" / "genome.fa") as genome:
        assert set(genome.sizes) == {"chr1", "chr2"} == set(pairs["promoter_chrom"])
    assert len(pd.read_csv(work / "sim" / "truth.bed", sep="\t")) > 18


def test_a_seed_is_one_simulation(epidyn: Run, work: Path):
    for name, seed in (("one", 4), ("same", 4), ("other", 5)):
        epidyn("simulate", "--out", work / name, *SMALL, "--seed", seed)
    assert listing(work / "one") == listing(work / "same")
    assert listing(work / "one")["genome.fa"] != listing(work / "other")["genome.fa"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--chromosomes", 0], ("chromosomes is 0",)),
        (["--positive-fraction", 1], ("positive_fraction is 1",)),
        (["--classes", 7], ("classes is 7",)),
        (["--presence", 0], ("presence, pairing and propensity are all 0",)),
        (["--instances", 20], ("enhancer_length is 180", "at least", "20 instances")),
        (["--cell-line", "a b"], ("cell_line is 'a b'",)),
        (["--chromosomes", 0, "--instances", -1], ("2 settings", "chromosomes is 0", "instances is -1")),
    ],
)
def test_refuses_settings_out_of_range(epidyn: Run, work: Path, options: list[object], words: tuple[str, ...]):
    refused(epidyn("simulate", "--out", work / "sim", *SMALL, *options), *words)
    assert list(work.iterdir()) == []


def test_an_earlier_simulation_is_replaced_only_by_force(epidyn: Run, work: Path):
    (work / "pairs.csv").write_text("mine")
    refused(epidyn("simulate", "--out", work, *SMALL), str(work), "--force")
    assert listing(work) == {"pairs.csv": b"mine"}
    assert epidyn("simulate", "--out", work, *SMALL, "--force").code == 0
    assert len(read_pairs(work / "pairs.csv")) == 18
