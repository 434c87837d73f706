"""Speed and memory of predict, by the package's own path; see network.py and scaling.py.

Nothing here imports Lightning, whose memory is no part of predict's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measure import Figure, Section, Wanted, alternate, run_apart
from subjects import GENOME, SMALL, Settings, all_pairs, distinct_pairs, random_codes, save_model, twins

from epidyn import Genome
from epidyn.model import Model
from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.nn.plain import PlainEpiDynFusion
from epidyn.pairs import write_pairs
from epidyn.predict import predict_table
from epidyn.scoring import NetworkScorer


def speed(settings: Settings, pairs: Path) -> Section:
    """All elements distinct, and every pair of two sets of elements; the twin scores pairs one after the other."""
    network, twin = twins(settings.config)
    plain = _plain(twin, settings)
    distinct, grid = distinct_pairs(settings.sample), all_pairs(settings.grid, settings.grid)
    cases = (
        (f"predict, {settings.sample} pairs, all elements distinct", distinct, Wanted("ratio", ">=", 4, 6)),
        (f"predict, {settings.grid} enhancers x {settings.grid} promoters", grid, Wanted("ratio", ">=", 12)),
    )
    figures = []
    for name, table, wanted in cases:
        times = alternate({"ours": _ours(network, table, settings), "twin": plain}, settings.repetitions)
        ours, theirs = times["ours"].per(len(table)), times["twin"].per(settings.sample)
        figures.append(Figure.against(name, ours, theirs, "pairs/s", wanted))
    return Section("Speed of predict", figures)


def _ours(network: EpiDynFusion, table: pd.DataFrame, settings: Settings) -> Callable[[], object]:
    model, genome = Model(NetworkScorer(network.eval())), Genome.open(GENOME)
    return lambda: model.predict(table, genome, batch_size=settings.batch)


def _plain(twin: PlainEpiDynFusion, settings: Settings) -> Callable[[], None]:
    twin.eval()
    batches = [codes.split(settings.batch) for codes in random_codes(settings.config, settings.sample)]

    def run() -> None:
        with torch.inference_mode():
            for enhancer, promoter in zip(*batches, strict=True):
                twin(enhancer, promoter)

    return run


def memory(settings: Settings, pairs: Path) -> Section:
    """Tables of growing length over 50 enhancers and 40 promoters, a small network; each in a fresh process."""
    figures = []
    grid = all_pairs(50, 40)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(NetworkConfig(**SMALL), folder / "model.safetensors")
        for rows in settings.rows:
            write_pairs(grid.iloc[np.arange(rows) % len(grid)], folder / "pairs.tsv")
            run = run_apart(predict_folder, folder, apart=settings.apart)
            figures.append(Figure(f"peak memory, {rows:,} rows", run.peak_bytes / 1e6, "MB"))
    peaks = [figure.value for figure in figures]
    wanted = (Wanted("value", "<=", 1.2),)
    growth = Figure("the largest of these over the smallest", max(peaks) / min(peaks), "", wanted=wanted)
    return Section("Memory of predict", [*figures, growth])


def predict_folder(folder: Path) -> None:
    """Predict the folder's pairs.tsv with its model.safetensors."""
    out = folder / "out.tsv"
    predict_table(folder / "model.safetensors", folder / "pairs.tsv", Genome.open(GENOME), out, force=True)
