"""What models of motif pairs learn from how many pairs: `python benchmarks/learning_curves.py --out DIR`.

For each rule (pairing, presence, half of each, propensity) and seed pairs are simulated as in `motif_pairs.py`
(windows of 3,000 and 2,000 bases, six classes, three instances and two decoys an element), 1,667 a chromosome.
Chromosomes 8 and 9 are held out; training takes 300, 1,000, 3,000 or 10,000 pairs of chromosomes 1 to 6, drawn,
validation a sixth as many of chromosome 7, so that a small table has a small validation part, too. Printed: the
mean AUROC on the held-out chromosomes over `--seeds` (5) with its 95% interval. DIR gets `learning_curves.csv`, a
row a model, and `learning_curves.png`. One thread.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from epidyn import plots, progress
from epidyn.files import write_table
from epidyn.matrices import load_matrices
from epidyn.motif_pairs import Sample, fit
from motif_pairs import CASES, auroc, known_matrices, planted_classes, scored, summary

RULES = {
    "pairing": {"pairing": 1.0},
    "presence": {"presence": 1.0},
    "half pairing, half presence": {"pairing": 0.5, "presence": 0.5},
    "propensity": {"propensity": 1.0, "pairs_per_promoter": 5},
}
SIZES = (300, 1000, 3000, 10_000)
OF_VALIDATION = 6  # one validation pair to so many of training
PAIRS = 1667  # a chromosome


def some(part: Sample, count: int, rng: np.random.Generator) -> Sample:
    """Return that many pairs of a part, drawn."""
    rows = rng.permutation(len(part.label))[:count]
    return Sample(part.enhancer[rows], part.promoter[rows], part.label[rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="few pairs: that it runs, not what it finds")
    given = parser.parse_args()
    torch.set_num_threads(1)
    progress.quiet()
    given.out.mkdir(parents=True, exist_ok=True)
    matrices = known_matrices() if given.quick else load_matrices(collections=["CORE"])
    sizes = (60, 200) if given.quick else SIZES
    rows = []
    for rule, settings in RULES.items():
        CASES[rule] = settings if given.quick else {**settings, "pairs_per_chromosome": PAIRS}
        for seed in range(1 if given.quick else given.seeds):
            features, (train, validation, test), _ = scored(rule, seed, matrices, given.quick)
            for size in sizes:
                rng = np.random.default_rng([seed, size])
                parts = some(train, size, rng), some(validation, max(20, size // OF_VALIDATION), rng)
                terms, path = fit(features, *parts)
                kept = path[path["kept"]].iloc[0]
                row = {"rule": rule, "seed": seed, "pairs": len(parts[0].label)}
                row |= {"auroc": auroc(terms, features, test), "classes": planted_classes(terms, matrices)}
                row |= {"pair_terms": int(kept["pairs"]), "single_terms": int(kept["singles"])}
                rows.append(row)
                print(" ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            write_table(given.out / "learning_curves.csv", pd.DataFrame(rows), "%.4f")
    table = pd.DataFrame(rows)
    for (rule, size), found in table.groupby(["rule", "pairs"], sort=False)["auroc"]:
        print(summary(f"{rule}, {size:,} pairs", found.tolist()))
    draw(table, given.out / "learning_curves.png")


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw the mean by number of pairs, and each seed as a point."""
    figure, (axes,) = plots.panels(1, 4.0, width=6.5)
    for colour, (rule, rows) in zip(plots.PALETTE, table.groupby("rule", sort=False), strict=False):
        mean = rows.groupby("pairs")["auroc"].mean()
        axes.plot(mean.index, mean, color=colour, marker="o", label=rule)
        axes.plot(rows["pairs"], rows["auroc"], color=colour, marker=".", linestyle="", alpha=0.5)
    axes.axhline(0.5, color="0.4", linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.set_xlabel("training pairs")
    axes.set_ylabel("AUROC on chromosomes held out")
    axes.legend(frameon=False)
    plots.save(figure, path)


if __name__ == "__main__":
    main()
