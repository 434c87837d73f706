"""Which planted motifs come out: `python benchmarks/motif_recovery.py [--seeds N] [--first SEED] [--quick]`.

For each seed data are simulated and a network is trained as in the demo (presence rule, six planted classes), but
with windows of 800 and 600 bases, 6,400 pairs and up to 10 epochs, once on the labels and once on permuted ones;
the 200 highest pairs are explained and motifs looked for, all with the defaults of `epidyn explain --top 200` and
`epidyn motifs`. Prints for each network its AUROC on held-out chromosomes; the area under the precision-recall
curve of the masks' effect, a mask counting as planted if any of its bases, half of them, or all lie in a planted
instance, and how many times the share of such masks that is; how many motifs are supported; and which planted
classes they are, by the families that the simulation lists. One thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from epidyn import metrics, progress, training
from epidyn.demo import NETWORK, SIMULATION, TEST, TRAINING, VALIDATION
from epidyn.genome import Genome
from epidyn.interpret.effects import read_effects
from epidyn.interpret.explain import ExplainSettings, explain_table
from epidyn.interpret.motifs import MotifReport, MotifSettings, find_motifs
from epidyn.interpret.segments import mean_effects
from epidyn.simulate import configure, simulate, write_simulation
from epidyn.simulate.motifs import load_motifs
from epidyn.training.config import make_config

WINDOWS = {"enhancer_length": 800, "promoter_length": 600}
PAIRS, EPOCHS = 800, 10  # pairs a chromosome; with the demo's 300 a network reads two or three classes well
PLANTED = {"any": 0.0, "half": 0.499, "all": 0.999}  # least share of a mask's bases


def planted_share(masks: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
    """Return the share of each mask's bases that lie in planted instances, (masks,)."""
    share = np.zeros(len(masks))
    for chrom, rows in masks.groupby("chrom").indices.items():
        planted = np.zeros(max(masks["end"].max(), truth["end"].max()))
        for start, end in truth.loc[truth["chrom"] == chrom, ["start", "end"]].itertuples(index=False):
            planted[start:end] = 1
        total = np.concatenate([[0], planted.cumsum()])
        start, end = (masks[name].to_numpy()[rows] for name in ("start", "end"))
        share[rows] = (total[end] - total[start]) / (end - start)
    return share


def classes(report: MotifReport) -> list[str]:
    """Return the planted classes among the supported motifs."""
    members = {matrix: each["name"] for each in load_motifs().families["families"] for matrix in each["members"]}
    table = report.motifs.table
    found = {members.get(matrix) for matrix in table.loc[table["supported"], "match"]}
    return [each["name"] for each in load_motifs().families["families"] if each["name"] in found]


def train(folder: Path, seed: int, shuffled: bool, quick: bool) -> float:
    """Simulate and train as the demo does; return the AUROC on the held-out chromosomes."""
    pairs = {"pairs_per_chromosome": 30 if quick else PAIRS}
    drawn = simulate(configure({**SIMULATION, **WINDOWS, **pairs, "seed": seed}))
    data = write_simulation(drawn, folder / "data")
    config = make_config(
        {
            "data": {
                "pairs": str(data / "pairs.csv"),
                "genome": str(data / "genome.fa"),
                "shuffle_labels": shuffled,
            },
            "split": {"split": f"chromosome:{','.join(TEST)}", "validation": f"chromosome:{','.join(VALIDATION)}"},
            "training": {**TRAINING, "epochs": 1 if quick else EPOCHS, "seed": seed},
            "network": {**NETWORK, **WINDOWS},
        }
    )
    training.train(config, folder / "run")
    return float(json.loads((folder / "run" / "metrics.json").read_text("utf-8"))["test"]["auroc"])


def row(folder: Path, seed: int, shuffled: bool, quick: bool) -> str:
    """Simulate, train, explain, look for motifs; return a line of the table."""
    auroc = train(folder, seed, shuffled, quick)
    settings = MotifSettings(clusters=2) if quick else MotifSettings()
    with Genome.open(str(folder / "data" / "genome.fa")) as genome:
        model, out = folder / "run" / "model.safetensors", folder / "explained"
        explain_table(model, folder / "data" / "pairs.csv", genome, out, ExplainSettings(top=12 if quick else 200))
        effects = read_effects(out)
        report = find_motifs(effects, genome, settings)
    masks = mean_effects(effects)
    truth = pd.read_csv(folder / "data" / "truth.bed", sep="\t").rename(columns={"#chrom": "chrom"})
    share = planted_share(masks, truth[truth["kind"] == "motif"])
    areas = []
    for least in PLANTED.values():
        labels = (share > least).astype(np.int64)
        area = metrics.aupr(labels, masks["effect"].to_numpy())
        areas.append(f"{area:.3f} ({area / labels.mean():.1f}x)")
    names = classes(report)
    cells = [str(seed), "permuted" if shuffled else "as simulated", f"{auroc:.3f}", *areas]
    cells += [f"{int(report.motifs.table['supported'].sum())} of {len(report.motifs.table)}"]
    cells += [str(int(report.control_motifs.table["supported"].sum()))]
    cells += [f"{len(names)}: {', '.join(names)}" if names else "0"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--quick", action="store_true", help="one seed, few pairs: that it runs, not what it finds"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    progress.quiet()
    seeds = range(given.first, given.first + (1 if given.quick else given.seeds))
    print("| seed | labels | AUROC | any planted | half | all | supported | of controls | classes |")
    print("|---|---|---|---|---|---|---|---|---|")
    for seed in seeds:
        for shuffled in (False, True)[: 1 if given.quick else 2]:
            with tempfile.TemporaryDirectory() as folder:
                print(row(Path(folder), seed, shuffled, given.quick), flush=True)


if __name__ == "__main__":
    main()
