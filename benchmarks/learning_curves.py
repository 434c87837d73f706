"""What the kinds of models learn from how many pairs: `python benchmarks/learning_curves.py --out DIR`.

For each rule (pairing, presence, half of each, propensity) and seed pairs are simulated as in `motif_pairs.py`
(windows of 3,000 and 2,000 bases, or of `--lengths`; six classes, or `--classes`, three instances, or
`--instances`, and two decoys an element), 1,667 a chromosome, or 5,000 where 30,000 are trained on. Training takes
300 to 30,000 pairs of chromosomes 1 to 6, drawn, validation a sixth as many of chromosome 7, so that a small table
has a small validation part, too; 2,000 pairs, drawn, of chromosomes 8 and 9 are the test. Models are trained as
`epidyn train` trains them: motif pairs alone, or, with `--both`, `--model both`, whose network, motif pairs and
average are each tested. `--set` changes settings.

DIR, which is for one choice of these and of `--set`, and refuses another, keeps a file for each rule, seed and
size that is done, which is not trained again, so that several of these processes can share it; and gets
`learning_curves.csv`, a row a model, and `learning_curves.png`. Printed: the mean AUROC over seeds with its 95%
interval. One thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from epidyn import Genome, Model, metrics, plots, progress, read_pairs
from epidyn.averaging import AveragedScorer
from epidyn.files import write_json, write_table
from epidyn.scoring import Scorer
from epidyn.simulate import configure, simulate, write_simulation
from epidyn.training import train
from epidyn.training.config import Settings, make_config, parse_assignments
from motif_pairs import BASE, summary

RULES: dict[str, dict[str, Any]] = {
    "pairing": {"pairing": 1.0},
    "presence": {"presence": 1.0},
    "half pairing, half presence": {"pairing": 0.5, "presence": 0.5},
    "propensity": {"propensity": 1.0, "pairs_per_promoter": 5},
}
SIZES = (300, 1000, 3000, 10_000, 30_000)
FEWEST = 10_000  # training pairs that are simulated
TESTED = 2000
OF_VALIDATION = 6  # one validation pair to so many of training
CHROMOSOMES = {
    "train": [f"chr{number}" for number in range(1, 7)],
    "validation": ["chr7"],
    "test": ["chr8", "chr9"],
}
SMALL = {"pairs_per_chromosome": 40, "classes": 3}
LINES = {"motif pairs": "-", "network": ":", "both": "--"}


def simulated(folder: Path, rule: str, seed: int, size: int, given: argparse.Namespace) -> pd.DataFrame:
    """Simulate at least as many training pairs into ``folder`` and return all."""
    drawn = {**BASE, **RULES[rule], "seed": seed, "pairs_per_chromosome": -(-size // len(CHROMOSOMES["train"]))}
    drawn |= {"classes": given.classes, "instances": given.instances, **window_lengths(given)}
    drawn |= SMALL if given.quick else {}
    write_simulation(simulate(configure(drawn)), folder)
    return read_pairs(folder / "pairs.csv")


def some(pairs: pd.DataFrame, seed: int, size: int) -> pd.DataFrame:
    """Return that many training pairs, drawn, and the other parts."""
    rng = np.random.default_rng([seed, size])
    counts = {"train": size, "validation": max(50, size // OF_VALIDATION), "test": TESTED}
    rows = [
        rng.permutation(np.flatnonzero(pairs["promoter_chrom"].isin(names)))[: counts[part]]
        for part, names in CHROMOSOMES.items()
    ]
    return pairs.iloc[np.sort(np.concatenate(rows))]


def window_lengths(given: argparse.Namespace) -> dict[str, int]:
    """Return the windows' lengths as simulation and models name them."""
    return dict(zip(("enhancer_length", "promoter_length"), given.lengths, strict=True))


def trained(folder: Path, pairs: pd.DataFrame, settings: Settings, lengths: dict[str, int]) -> Model:
    """Train on a table of the genome in ``folder``, as the command does."""
    write_table(folder / "part.csv", pairs)
    config = make_config(
        {
            "data": {"pairs": str(folder / "part.csv"), "genome": str(folder / "genome.fa")},
            "split": {
                "split": f"chromosome:{','.join(CHROMOSOMES['test'])}",
                "validation": f"chromosome:{','.join(CHROMOSOMES['validation'])}",
            },
            "motif_pairs": {"score_cache": str(folder / "scores"), **lengths},
            "network": lengths if settings["training"]["model"] == "both" else {},
        },
        settings,
    )
    return train(config, folder / "run", force=True)


def measured(model: Model, folder: Path, test: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the AUROC on test pairs of each model there is, and what is known of it."""
    with Genome.open(folder / "genome.fa") as genome:

        def logits(scorer: Scorer) -> np.ndarray:
            return Model(scorer).predict_logits(test, genome)

        averaged = model.scorer
        if not isinstance(averaged, AveragedScorer):
            return [{"model": "motif pairs", "auroc": metrics.auroc(test["label"], logits(averaged))}]
        found = {"motif pairs": logits(averaged.motif_pairs), "network": logits(averaged.network)}
    found["both"] = averaged.mixture(found["network"], found["motif pairs"])
    history = pd.read_csv(folder / "run" / "history.csv")
    extra = {"epochs": len(history), "train_loss": float(history["train_loss"].iloc[-1])}
    extra |= {"val_auroc": float(history["val_auroc"].max()), "weight": averaged.mixture.weight}
    return [{"model": name, "auroc": metrics.auroc(test["label"], each), **extra} for name, each in found.items()]


def learn(rule: str, seed: int, sizes: Sequence[int], settings: Settings, given: argparse.Namespace) -> None:
    """Train on each of these sizes, of one simulation, that is not done."""
    both = "-both" * given.both
    paths = {size: given.out / "done" / f"{rule}-{seed}-{size}{both}.json" for size in sizes}
    left = [size for size, path in paths.items() if not path.exists()]
    if not left:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pairs = simulated(folder, rule, seed, max(FEWEST, *sizes), given)
        for size in left:
            part = some(pairs, seed, size)
            model = trained(folder, part, settings, window_lengths(given))
            rows = measured(model, folder, part[part["promoter_chrom"].isin(CHROMOSOMES["test"])])
            write_json(paths[size], {"rows": [{"rule": rule, "seed": seed, "pairs": size, **row} for row in rows]})
            print(paths[size].name, *(f"{row['model']} {row['auroc']:.3f}" for row in rows), flush=True)


def of_one_simulation(sizes: Sequence[int]) -> list[list[int]]:
    """Return the sizes that are drawn from one simulation, and each larger one by itself."""
    return [
        each for each in [[size for size in sizes if size <= FEWEST], *([s] for s in sizes if s > FEWEST)] if each
    ]


def require_one_choice(given: argparse.Namespace) -> None:
    """Keep what the folder is for, or end if it is for something else."""
    names = ("lengths", "classes", "instances", "assignments", "quick")
    chosen = {name: getattr(given, name) for name in names}
    path = given.out / "settings.json"
    known = json.loads(path.read_text()) if path.exists() else None
    if known != chosen and any((given.out / "done").iterdir()):
        raise SystemExit(f"{given.out} is of other settings: {known or 'unknown'}")
    write_json(path, chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--rules", nargs="+", default=list(RULES), choices=list(RULES))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--lengths", nargs=2, type=int, default=[3000, 2000], help="of the windows, in bases")
    parser.add_argument("--classes", type=int, default=6, help="of planted motifs")
    parser.add_argument("--instances", type=int, default=BASE["instances"], help="of motifs in an element")
    parser.add_argument("--both", action="store_true", help="train the network, too, and average")
    parser.add_argument("--set", nargs="+", default=[], dest="assignments", metavar="SECTION.KEY=VALUE")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--quick", action="store_true", help="one seed, few pairs: that it runs, not what it finds"
    )
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.sizes, given.lengths = 1, [60, 200], [300, 260]
    torch.set_num_threads(1)
    progress.quiet()
    (given.out / "done").mkdir(parents=True, exist_ok=True)
    require_one_choice(given)
    settings = parse_assignments(given.assignments)
    settings.setdefault("training", {})["model"] = "both" if given.both else "motif-pairs"
    for seed in range(given.first, given.first + given.seeds):
        for rule in given.rules:
            for sizes in of_one_simulation(given.sizes):
                learn(rule, seed, sizes, settings, given)
    found = [json.loads(path.read_text())["rows"] for path in sorted((given.out / "done").glob("*.json"))]
    table = pd.DataFrame([row for rows in found for row in rows])
    table = table.drop_duplicates(["rule", "seed", "pairs", "model"]).sort_values(
        ["rule", "model", "pairs", "seed"]
    )
    write_table(given.out / "learning_curves.csv", table, "%.4f")
    for (rule, model, size), rows in table.groupby(["rule", "model", "pairs"], sort=False):
        print(summary(f"{rule}, {model}, {size:,} pairs", rows["auroc"].tolist()))
    draw(table, given.out / "learning_curves.png")


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw a panel a rule: the mean of each kind of model by number of pairs, and each seed as a point."""
    rules = [rule for rule in RULES if rule in set(table["rule"])]
    sizes = sorted(set(table["pairs"]))
    figure, panels = plots.panels(len(rules), 3.2, width=3.2 * len(rules))
    for axes, rule in zip(panels, rules, strict=True):
        for colour, model in zip(plots.PALETTE, LINES, strict=False):
            rows = table[(table["rule"] == rule) & (table["model"] == model)]
            mean = rows.groupby("pairs")["auroc"].mean()
            look = {"linestyle": LINES[model], "marker": "o", "markersize": 8 if model == "motif pairs" else 4}
            axes.plot(mean.index, mean, color=colour, label=model, **look)  # both may lie upon motif pairs
            axes.plot(rows["pairs"], rows["auroc"], color=colour, marker=".", linestyle="", alpha=0.4)
        axes.axhline(0.5, color="0.4", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xlim(sizes[0] / 1.4, sizes[-1] * 1.4)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=7)
        axes.minorticks_off()
        axes.set_ylim(0.3, 1.02)
        axes.set_title(rule, fontsize=9)
        axes.set_xlabel("training pairs")
    panels[0].set_ylabel("AUROC on chromosomes held out")
    panels[0].legend(frameon=False)
    plots.save(figure, path)


if __name__ == "__main__":
    main()
