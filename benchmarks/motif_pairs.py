"""What models of motif pairs learn: `python benchmarks/motif_pairs.py [--seeds N] [--first SEED] [CASE]`.

For each case and seed data are simulated (windows of 3,000 and 2,000 bases, six classes, three instances and two
decoys an element), chromosomes 8 and 9 held out, chromosome 7 for validation, and a model trained on six. Printed
for each: pairs trained on, positives among them, AUROC on the held-out chromosomes, how many of six planted
classes are among the ten strongest pair terms (both motifs of one family, as the simulation lists them), terms in
all, seconds for the elements' scores and for the fit. Then mean and 95% interval of the mean over seeds. `known`
is the pairing case with the twelve planted matrices alone in place of JASPAR's 746; `permuted` are 20 permutations
of the training and validation labels of the pairing case, and `forced` the same with the training part as its own
validation part, so that there are terms. One thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from epidyn import metrics, progress
from epidyn.matrices import Matrix, load_matrices
from epidyn.motif_pairs import ElementFeatures, Sample, Terms, fit
from epidyn.simulate import configure, simulate, write_simulation
from epidyn.simulate.motifs import load_motifs
from epidyn.training.config import make_config
from epidyn.training.inputs import read_inputs
from epidyn.training.motif_pairs_learner import score_elements

Features = tuple[np.ndarray, np.ndarray]
BASE = {"chromosomes": 9, "pairs_per_chromosome": 500, "instances": 3, "decoys": 2, "presence": 0.0}
# 1:20 with as many positives as the balanced case, and five pairs a promoter.
UNBALANCED = {"positive_fraction": 1 / 21, "pairs_per_promoter": 5}
CASES: dict[str, dict[str, Any]] = {
    "pairing": {"pairing": 1.0},
    "known": {"pairing": 1.0},
    "presence": {"presence": 1.0},
    "propensity": {"propensity": 1.0, "pairs_per_promoter": 5},
    "unbalanced": {"pairing": 1.0, "pairs_per_chromosome": 5250, **UNBALANCED},
    "permuted": {"pairing": 1.0},
}
PERMUTATIONS = 20


def known_matrices() -> list[Matrix]:
    """Return the planted matrices."""
    motifs = load_motifs()
    return [
        Matrix(each.matrix, each.family, "", each.frequencies) for each in (*motifs.enhancer, *motifs.promoter)
    ]


def scored(
    case: dict[str, Any], seed: int, matrices: list[Matrix], quick: bool
) -> tuple[Features, list[Sample], float]:
    """Simulate so; return the elements' scores, the pairs of each part, and the seconds the scores took."""
    settings = {**BASE, **case, "seed": seed}
    if quick:
        settings |= {"pairs_per_chromosome": 40, "enhancer_length": 300, "promoter_length": 260, "classes": 3}
    drawn = configure(settings)
    with tempfile.TemporaryDirectory() as folder:
        data = write_simulation(simulate(drawn), Path(folder))
        lengths = {"enhancer_length": drawn.enhancer_length, "promoter_length": drawn.promoter_length}
        config = make_config(
            {
                "data": {"pairs": str(data / "pairs.csv"), "genome": str(data / "genome.fa")},
                "split": {"split": "chromosome:chr8,chr9", "validation": "chromosome:chr7"},
                "training": {"model": "motif-pairs"},
                "motif_pairs": lengths,
            }
        )
        inputs = read_inputs(config)
    began = time.monotonic()
    read = ElementFeatures(matrices, sites=config.motif_pairs.sites, composition=True)
    features, parts = score_elements(read, inputs.data, ("train", "validation", "test"))
    return features, parts, time.monotonic() - began


def auroc(terms: Terms, features: Features, test: Sample) -> float:
    """Return the AUROC of terms on pairs."""
    rows = (test.enhancer, test.promoter)
    chosen = [terms.standardised(role, features[role][rows[role]]) for role in (0, 1)]
    return metrics.auroc(test.label, terms.logits(*chosen))


def planted_classes(terms: Terms, matrices: list[Matrix]) -> int:
    """Return how many planted classes are among the ten strongest pair terms."""
    families = load_motifs().families["families"]
    of = {member: each["name"] for each in families for member in each["members"]}
    strongest = terms.pairs[np.argsort(-np.abs(terms.pair_weights))[:10]]
    names = [[of.get(matrices[at].id) if at < len(matrices) else None for at in pair] for pair in strongest]
    return len({first for first, second in names if first is not None and first == second})


def row(case: str, seed: int, matrices: list[Matrix], quick: bool) -> float:
    """Simulate and train; print a line, return the AUROC."""
    features, (train, validation, test), seconds = scored(CASES[case], seed, matrices, quick)
    began = time.monotonic()
    terms, path = fit(features, train, validation)
    took = time.monotonic() - began
    found = auroc(terms, features, test)
    kept = path[path["kept"]].iloc[0]
    cells = [case, str(seed), f"{len(train.label):,}", f"{train.label.sum():,}", f"{found:.3f}"]
    cells += [str(planted_classes(terms, matrices)), f"{int(kept['pairs'])} + {int(kept['singles'])}"]
    print(f"| {' | '.join([*cells, f'{seconds:.0f}', f'{took:.1f}'])} |", flush=True)
    return found


def permuted(seed: int, matrices: list[Matrix], quick: bool) -> tuple[list[float], list[float]]:
    """Return the AUROC after each of some permutations of the labels that are learned from, and with terms."""
    features, (train, validation, test), _ = scored(CASES["permuted"], seed, matrices, quick)
    rng = np.random.default_rng(seed)
    found, forced = [], []
    for _ in range(3 if quick else PERMUTATIONS):
        mixed = [Sample(part.enhancer, part.promoter, rng.permutation(part.label)) for part in (train, validation)]
        found.append(auroc(fit(features, *mixed)[0], features, test))
        forced.append(auroc(fit(features, mixed[0], mixed[0])[0], features, test))
    return found, forced


def summary(case: str, found: list[float]) -> str:
    """Return mean and 95% interval of the mean."""
    mean = float(np.mean(found))
    half = float(stats.sem(found) * stats.t.ppf(0.975, len(found) - 1)) if len(found) > 1 else float("nan")
    return f"{case}: mean AUROC {mean:.3f} ({mean - half:.3f} to {mean + half:.3f}) over {len(found)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", choices=[*CASES], help="default: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--quick", action="store_true", help="one seed, few pairs: that it runs, not what it finds"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    progress.quiet()
    known = known_matrices()
    matrices = known if given.quick else load_matrices(collections=["CORE"])
    seeds = range(given.first, given.first + (1 if given.quick else given.seeds))
    print("| case | seed | pairs | positive | AUROC | classes | terms | scores, s | fit, s |")
    print("|---|---|---|---|---|---|---|---|---|")
    lines = []
    for case in [given.case] if given.case else CASES:
        if case == "permuted":
            found, forced = permuted(given.first, matrices, given.quick)
            lines += [summary(case, found), summary("forced", forced)]
        else:
            found = [row(case, seed, known if case == "known" else matrices, given.quick) for seed in seeds]
            lines.append(summary(case, found))
    print("\n".join(["", *lines]))


if __name__ == "__main__":
    main()
