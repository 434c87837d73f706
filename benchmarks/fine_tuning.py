"""What pooling and fine-tuning bring a small cell line: `python benchmarks/fine_tuning.py [--seeds N] [--quick]`.

Three simulated lines share a genome and one grammar (presence rule) and differ in size, six to three to one; no
pair is in two of them. For each seed all is drawn anew: genome, pairs, initial weights, order. Each regime is
trained with the same settings and tested on the small line's pairs on three held-out chromosomes. Prints a table:
mean over the seeds, and the mean difference to specific training with its 95% t interval over them. One thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from small_network import NETWORK, WINDOWS

from epidyn import progress, training
from epidyn.simulate import configure, simulate, write_simulation
from epidyn.training.config import make_config

PAIRS = {"chromosomes": 10, "pairs_per_chromosome": 400, "instances": 3, "decoys": 1}
LINES = {"large": 6, "middle": 3, "small": 1}
TRAINING = {"copies": 0, "epochs": 10, "patience": 4, "batch_size": 16}
SPLIT = {"split": "chromosome:chr8,chr9,chr10", "validation": "chromosome:chr7"}
REGIMES = ("specific", "general", "fine-tuned")
SCORES = ("auroc", "aupr")


def scores(folder: Path, seed: int, pairs: dict[str, Any], epochs: int) -> dict[str, dict[str, float]]:
    """Return what each regime scores on the small line's held-out pairs."""
    lines = ",".join(f"{name}:{weight}" for name, weight in LINES.items())
    drawn = simulate(configure({**WINDOWS, **pairs, "cell_line": lines, "seed": seed}))
    data = write_simulation(drawn, folder / "data")
    small = str(data / "pairs.small.csv")
    tables = {"specific": small, "general": str(data / "pairs.csv"), "fine-tuned": small}
    found = {}
    for regime in REGIMES:
        start = {"init": str(folder / "general" / "model.safetensors")} if regime == "fine-tuned" else {}
        config = make_config(
            {
                "data": {"pairs": tables[regime], "genome": str(data / "genome.fa")},
                "split": SPLIT,
                "training": {**TRAINING, "epochs": epochs, "regime": regime, "seed": seed, **start},
                "network": NETWORK,
            }
        )
        training.train(config, folder / regime)
        found[regime] = json.loads((folder / regime / "metrics.json").read_text("utf-8"))["lines"]["small"]
    return found


def row(regime: str, values: dict[str, np.ndarray], specific: dict[str, np.ndarray]) -> str:
    """Return a line of the table: means, and differences to specific training with their intervals."""
    cells = [regime]
    for score in SCORES:
        cells.append(f"{values[score].mean():.3f}")
        difference = values[score] - specific[score]
        half = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
        middle = difference.mean()
        shown = f"{middle:+.3f} ({middle - half:+.3f} to {middle + half:+.3f})"
        cells.append("" if regime == "specific" else shown)
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8, help="2 or more")
    parser.add_argument(
        "--quick", action="store_true", help="few pairs, one epoch: that it runs, not what it finds"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    progress.quiet()
    pairs, epochs = ({**PAIRS, "pairs_per_chromosome": 60}, 1) if given.quick else (PAIRS, TRAINING["epochs"])
    found: dict[str, dict[str, list[float]]] = {regime: {score: [] for score in SCORES} for regime in REGIMES}
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            for regime, of_regime in scores(Path(folder), seed, pairs, int(epochs)).items():
                for score in SCORES:
                    found[regime][score].append(of_regime[score])
    values = {name: {score: np.array(each) for score, each in of.items()} for name, of in found.items()}
    print("| regime | AUROC | less specific | AUPR | less specific |\n|---|---|---|---|---|")
    for regime in REGIMES:
        print(row(regime, values[regime], values["specific"]))


if __name__ == "__main__":
    main()
