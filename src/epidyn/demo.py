"""The demo: simulate, train on some chromosomes, score the others, and say what base composition alone gives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import metrics, plots
from epidyn.controls import shuffle_labels as permuted
from epidyn.elements import ROLES
from epidyn.files import prepare_output_folder
from epidyn.genome import Genome
from epidyn.pairs import read_pairs
from epidyn.predict import predict_table
from epidyn.scores import ranking, read_scores, summarise
from epidyn.simulate import configure, simulate, write_simulation
from epidyn.training import train
from epidyn.training.config import make_config
from epidyn.training.folder import RunFolder

# Small windows and a small network, so that it ends in minutes on two cores. Pairs follow the presence rule.
SIMULATION: Mapping[str, Any] = {
    "chromosomes": 8,
    "pairs_per_chromosome": 300,
    "enhancer_length": 600,
    "promoter_length": 500,
    "instances": 4,
    "decoys": 2,
}
TEST, VALIDATION = ("chr7", "chr8"), ("chr6",)
NETWORK: Mapping[str, Any] = {
    "enhancer_length": 600,
    "promoter_length": 500,
    "vector_size": 32,
    "channels": 48,
    "enhancer_kernel": 16,
    "enhancer_pool": 9,
    "promoter_kernel": 16,
    "promoter_pool": 9,
    "heads": 4,
    "feedforward": 96,
    "dense": 48,
}
TRAINING: Mapping[str, Any] = {
    "copies": 0,
    "epochs": 8,
    "patience": 3,
    "batch_size": 32,
    "learning_rate": 2e-3,
}

SIMULATED, RUN, HELD_OUT = "simulated", "run", "held-out"
FIGURES = ("roc.png", "precision_recall.png")


@dataclass(frozen=True)
class DemoResult:
    """What the demo found.

    Attributes
    ----------
    folder
        Where data, run, scores and figures are.
    pairs
        Pairs in training, validation and test.
    summary
        Scores on the held-out chromosomes.
    composition_auroc
        What base composition alone scores there.
    """

    folder: Path
    pairs: dict[str, int]
    summary: metrics.Summary
    composition_auroc: float


def run_demo(
    out: str | os.PathLike[str], *, seed: int = 0, shuffle_labels: bool = False, force: bool = False
) -> DemoResult:
    """Run the whole way on simulated data.

    Parameters
    ----------
    out
        Folder to make: ``simulated`` (data and truth), ``run`` (the run folder), ``held-out`` (scores, figures).
    seed
        Of simulation and training.
    shuffle_labels
        Control: permute the labels within chromosome and distance bin before anything is learned.
    force
        Replace an earlier demo there.

    Raises
    ------
    OutputError
        If ``out`` is not empty, without ``force``.
    """
    out = prepare_output_folder(out, force=force, own=())
    simulation = simulate(configure({**SIMULATION, "seed": seed}))
    simulated = write_simulation(simulation, out / SIMULATED, force=force)
    config = make_config(
        {
            "data": {
                "pairs": str((simulated / "pairs.csv").resolve()),
                "genome": str((simulated / "genome.fa").resolve()),
                "shuffle_labels": shuffle_labels,
            },
            "split": {
                "split": f"chromosome:{','.join(TEST)}",
                "validation": f"chromosome:{','.join(VALIDATION)}",
            },
            "training": {**TRAINING, "seed": seed},
            "network": dict(NETWORK),
        }
    )
    train(config, out / RUN, force=force)
    return _judge(out, simulated, seed=seed, shuffle_labels=shuffle_labels, force=force)


def composition_auroc(genome: Genome, train: pd.DataFrame, test: pd.DataFrame) -> float:
    """Return the AUROC on ``test`` of a logistic regression on base frequencies that was fitted on ``train``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = make_pipeline(StandardScaler(), LogisticRegression())
    regression.fit(_frequencies(genome, train), train["label"])
    return metrics.auroc(test["label"], regression.decision_function(_frequencies(genome, test)))


def _judge(out: Path, simulated: Path, *, seed: int, shuffle_labels: bool, force: bool) -> DemoResult:
    """Score the held-out pairs with the model file, as a user would, and compare with composition."""
    held_out = prepare_output_folder(out / HELD_OUT, force=force, own=FIGURES)
    run = RunFolder(out / RUN)
    test = read_scores(run / RunFolder.PREDICTIONS)
    parts = pd.read_csv(run / RunFolder.SPLIT, sep="\t")["part"].to_numpy()
    with Genome.open(str(simulated / "genome.fa")) as genome:
        predict_table(
            run / RunFolder.MODEL, run / RunFolder.PREDICTIONS, genome, held_out / "scores.tsv", force=force
        )
        pairs = read_pairs(simulated / "pairs.csv")
        if shuffle_labels:
            pairs = permuted(pairs, seed=seed)  # as training saw them
        composition = composition_auroc(genome, pairs[parts == "train"], test)
    scores = read_scores(held_out / "scores.tsv")
    plots.roc(scores["label"], ranking(scores), held_out / FIGURES[0])
    plots.precision_recall(scores["label"], ranking(scores), held_out / FIGURES[1])
    counts = {part: int((parts == part).sum()) for part in ("train", "validation", "test")}
    return DemoResult(out, counts, summarise(scores), composition)


def _frequencies(genome: Genome, pairs: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the shares of A, C and G in both elements, (n, 6); T follows from them."""
    columns = []
    for role in ROLES:
        intervals = zip(*(pairs[f"{role}_{part}"] for part in ("chrom", "start", "end")), strict=True)
        counts = [np.bincount(genome.fetch(*interval), minlength=5)[:4] for interval in intervals]
        shares = np.array(counts) / np.sum(counts, axis=1, keepdims=True)
        columns.append(shares[:, :3])
    return np.concatenate(columns, axis=1)
