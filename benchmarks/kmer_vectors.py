"""What k-mer vectors bring: `python benchmarks/kmer_vectors.py VECTORS.npy` prints a table.

Simulated pairs (presence rule, small windows), a small network, five training chromosomes and two that are
held out; three seeds each. One thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from small_network import NETWORK, WINDOWS

from epidyn import progress, training
from epidyn.kmers import DNA2VEC_SD
from epidyn.simulate import configure, simulate, write_simulation
from epidyn.training.config import make_config

SEEDS = range(3)
TRAINING = {"copies": 0, "epochs": 10, "patience": 4, "batch_size": 16, "learning_rate": 2e-3}


def held_out_auroc(folder: Path, pairs_per_chromosome: int, vectors: str | None, seed: int) -> float:
    settings = {"chromosomes": 7, "pairs_per_chromosome": pairs_per_chromosome, "instances": 3, "decoys": 1}
    data = write_simulation(simulate(configure({**WINDOWS, **settings, "seed": seed})), folder / "data")
    files = {"pairs": str(data / "pairs.csv"), "genome": str(data / "genome.fa")}
    if vectors == "meaningless":
        drawn = np.random.default_rng(seed).normal(0, DNA2VEC_SD, (4097, 100))
        drawn[0] = 0
        vectors = str(folder / "drawn.npy")
        np.save(vectors, drawn)
    if vectors is not None:
        files["kmer_vectors"] = vectors
    config = make_config(
        {
            "data": files,
            "split": {"split": "chromosome:chr6,chr7", "validation": "chromosome:chr5"},
            "training": {**TRAINING, "seed": seed},
            "network": NETWORK,
        }
    )
    training.train(config, folder / "run")
    return json.loads((folder / "run" / "metrics.json").read_text())["test"]["auroc"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dna2vec", help="vectors as --kmer-vectors takes them, 100 dimensions")
    parser.add_argument("--pairs", type=int, nargs="+", default=[60, 150], help="pairs on each chromosome")
    given = parser.parse_args()
    torch.set_num_threads(1)
    progress.quiet()
    starts = {"dna2vec": given.dna2vec, "initialised by epidyn": None, "drawn at random": "meaningless"}
    print("| training and validation pairs | vectors start as | AUROC held out, mean (sd) |\n|---|---|---|")
    for pairs in given.pairs:
        for name, vectors in starts.items():
            areas = []
            for seed in SEEDS:
                with tempfile.TemporaryDirectory() as folder:
                    areas.append(held_out_auroc(Path(folder), pairs, vectors, seed))
            print(f"| {5 * pairs} | {name} | {np.mean(areas):.3f} ({np.std(areas, ddof=1):.3f}) |", flush=True)


if __name__ == "__main__":
    main()
