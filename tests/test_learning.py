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


def held_out_auroc(data: dict, run: Path) -> float:
    config = make_config(
        {
            "data": data,
            "split": {"split": "chromosome:chr6,chr7", "validation": "chromosome:chr5"},
            "training": {"copies": 0, "epochs": 6, "batch_size": 16, "learning_rate": 3e-3},
            "network": NETWORK,
        }
    )
    training.train(config, run)
    test = json.loads((run / "metrics.json").read_text())["test"]
    assert (test["positives"], test["negatives"]) == (120, 120)
    return test["auroc"]


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
