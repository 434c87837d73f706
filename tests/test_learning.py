"""Does the whole system learn what is there, and only that? Small, but on chromosomes it never trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from epidyn import training
from epidyn.simulate import configure, simulate, write_simulation
from epidyn.training.config import make_config

WINDOWS = {"enhancer_length": 320, "promoter_length": 300}
SIMULATION = {
    **WINDOWS,
    "chromosomes": 7,
    "pairs_per_chromosome": 120,
    "instances": 5,
    "decoys": 1,
    "classes": 2,
}
NETWORK = {
    **WINDOWS,
    "vector_size": 16,
    "channels": 24,
    "enhancer_kernel": 12,
    "enhancer_pool": 12,
    "promoter_kernel": 11,
    "promoter_pool": 11,
    "heads": 2,
    "feedforward": 32,
    "dense": 20,
    "dropout": 0.2,
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_simulation(simulate(configure(SIMULATION)), tmp_path_factory.mktemp("planted"))


# Sequence says nothing, but most promoters have one label in all their pairs: the leak of the field's benchmark.
PROPENSITY = {
    **SIMULATION,
    "presence": 0.0,
    "propensity": 1.0,
    "chromosomes": 8,
    "pairs_per_chromosome": 105,
    "pairs_per_promoter": 3,
}


@pytest.fixture(scope="module")
def propensity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_simulation(simulate(configure(PROPENSITY)), tmp_path_factory.mktemp("propensity"))


def report_of(data: dict, split: dict, run: Path) -> dict:
    config = make_config(
        {
            "data": data,
            "split": split,
            "training": {"copies": 0, "epochs": 6, "batch_size": 16, "learning_rate": 3e-3},
            "network": NETWORK,
        }
    )
    training.train(config, run)
    return json.loads((run / "metrics.json").read_text())


def held_out_auroc(data: dict, run: Path) -> float:
    report = report_of(data, {"split": "chromosome:chr6,chr7", "validation": "chromosome:chr5"}, run)
    assert (report["test"]["positives"], report["test"]["negatives"]) == (120, 120)
    assert report["split"]["leakage"]["leaks"] is False
    return report["test"]["auroc"]


def files(planted: Path) -> dict[str, str]:
    return {"pairs": str(planted / "pairs.csv"), "genome": str(planted / "genome.fa")}


def test_planted_motifs_are_found_on_other_chromosomes(planted: Path, tmp_path: Path):
    assert held_out_auroc(files(planted), tmp_path / "run") > 0.85


def test_permuted_labels_teach_nothing(planted: Path, tmp_path: Path):
    area = held_out_auroc({**files(planted), "shuffle_labels": True}, tmp_path / "run")
    # 120 + 120 pairs: chance has a standard deviation of 0.037.
    assert abs(area - 0.5) < 5 * 0.037


def test_meaningless_bases_teach_nothing(planted: Path, tmp_path: Path):
    sizes = tmp_path / "toy.chrom.sizes"
    lengths = [line.split("\t") for line in (planted / "genome.fa.fai").read_text().splitlines()]
    sizes.write_text("".join(f"{name}\t{size}\n" for name, size, *_ in lengths))
    area = held_out_auroc({**files(planted), "genome": f"random:{sizes}:3"}, tmp_path / "run")
    assert abs(area - 0.5) < 5 * 0.037


def test_shuffled_bases_teach_no_more_than_their_dinucleotides(planted: Path, tmp_path: Path):
    area = held_out_auroc({**files(planted), "shuffle_sequence": "dinucleotide"}, tmp_path / "run")
    # Ten instances in 620 bases show in their composition: a logistic regression on the counts of dinucleotides,
    # which the shuffle keeps, has 0.86. On the bases as they are the network has 0.99 or more.
    assert area < 0.86 + 0.037


def test_who_remembers_promoters_scores_well_on_a_random_split_and_is_told(propensity: Path, tmp_path: Path):
    split = {"split": "random", "validation": "pairs", "test_fraction": 0.25}
    report = report_of(files(propensity), split, tmp_path / "run")
    assert report["test"]["auroc"] >= 0.75
    assert report["split"]["leakage"]["leaks"] is True
    assert report["split"]["leakage"]["promoter_seen"] > 0.9


def test_who_remembers_promoters_scores_chance_on_other_chromosomes(propensity: Path, tmp_path: Path):
    areas = []
    for fold in ("0", "1"):
        report = report_of(files(propensity), {"split": "chromosome-kfold:2", "fold": fold}, tmp_path / fold)
        assert report["split"]["leakage"]["leaks"] is False
        areas.append(report["test"]["auroc"])
    # 280 promoters decide: chance has a standard deviation of about 0.035.
    assert abs(sum(areas) / 2 - 0.5) < 0.1
