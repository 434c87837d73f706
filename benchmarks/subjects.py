"""What is measured: the network and its plain twin, batches for them, pair tables.

Nothing here imports Lightning, whose memory is no part of predict's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from epidyn.model import Model
from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.nn.plain import PlainEpiDynFusion
from epidyn.nn.published import published_name
from epidyn.pairs import write_pairs
from epidyn.scoring import NetworkScorer

GENOME = "random:hg19"
# TargetFinder's table of GM12878.
PAIRS, POSITIVES, ENHANCERS, PROMOTERS = 44_313, 2_113, 32_930, 8_106

SMALL = {"vector_size": 8, "channels": 8, "heads": 2, "feedforward": 16, "dense": 8, "cbam_reduction": 4}
_TINY = {
    **SMALL,
    "enhancer_length": 120,
    "promoter_length": 90,
    "enhancer_kernel": 17,
    "enhancer_pool": 5,
    "promoter_kernel": 11,
    "promoter_pool": 3,
}


@dataclass(frozen=True)
class Settings:
    """How much is measured; the defaults are what is reported, :meth:`quick` only shows that everything runs."""

    network: dict[str, int] = field(default_factory=dict)  # departures from the published network
    batch: int = 64
    exact_batch: int = 32  # where float64 is computed as well
    apart: bool = True  # in processes of their own, where memory or imports matter
    repetitions: int = 3
    at_least: float = 1.0  # seconds that a layer is measured for, since some take a millisecond
    sample: int = 128  # pairs that predict is timed on
    grid: int = 64  # enhancers, and promoters, that are all paired
    steps: int = 5  # of training, whose memory is measured
    batches: int = 300  # that the input pipeline is timed on
    table: tuple[int, int, int, int] = (PAIRS, POSITIVES, ENHANCERS, PROMOTERS)
    rows: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    kernels: tuple[int, ...] = (4, 8, 12, 16, 24, 32, 64, 80)
    widths: tuple[int, ...] = (8, 32, 100)
    lengths: tuple[int, ...] = (1000, 3000)

    @classmethod
    def quick(cls) -> Settings:
        return cls(
            network=_TINY,
            batch=4,
            exact_batch=4,
            apart=False,
            repetitions=1,
            at_least=0.0,
            sample=8,
            grid=3,
            steps=2,
            batches=5,
            table=(400, 100, 300, 80),
            rows=(10, 50),
            kernels=(4, 16),
            widths=(4, 8),
            lengths=(100,),
        )

    @property
    def config(self) -> NetworkConfig:
        return NetworkConfig(**self.network)


def twins(config: NetworkConfig, seed: int = 0) -> tuple[EpiDynFusion, PlainEpiDynFusion]:
    """Return the network and its plain twin with the same weights."""
    torch.manual_seed(seed)
    network = EpiDynFusion(config)
    twin = PlainEpiDynFusion(config)
    twin.load_state_dict({published_name(name): value for name, value in network.state_dict().items()})
    return network, twin


def random_codes(config: NetworkConfig, batch: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return base codes of enhancers and promoters, all distinct."""
    rng = np.random.default_rng(seed)
    enhancer, promoter = (
        torch.from_numpy(rng.integers(0, 4, (batch, length), dtype=np.uint8))
        for length in (config.enhancer_length, config.promoter_length)
    )
    return enhancer, promoter


def training_batch(config: NetworkConfig, batch: int) -> dict[str, Tensor]:
    """Return a batch as the data module gives it, half of it positive."""
    enhancer, promoter = random_codes(config, batch)
    return {"enhancer": enhancer, "promoter": promoter, "label": torch.arange(batch).remainder(2).float()}


def pair_table(enhancer: np.ndarray, promoter: np.ndarray) -> pd.DataFrame:
    """Return pairs of numbered elements, which lie evenly along chr1."""
    table: dict[str, object] = {}
    for role, numbers, first, length in (("enhancer", enhancer, 0, 700), ("promoter", promoter, 2_500, 500)):
        start = 1_000_000 + first + 5_000 * numbers
        table |= {f"{role}_chrom": "chr1", f"{role}_start": start, f"{role}_end": start + length}
    return pd.DataFrame(table)


def all_pairs(enhancers: int, promoters: int) -> pd.DataFrame:
    """Return every pair of two sets of elements."""
    return pair_table(*np.divmod(np.arange(enhancers * promoters), promoters))


def distinct_pairs(count: int) -> pd.DataFrame:
    """Return pairs none of whose elements occurs twice."""
    return pair_table(np.arange(count), np.arange(count))


def write_labelled(path: Path, pairs: int, positives: int, enhancers: int, promoters: int) -> Path:
    """Write a labelled table with these numbers of pairs, positives and distinct elements."""
    row = np.arange(pairs)
    # Each promoter has a run of neighbouring rows, an enhancer rows that lie far apart: no pair occurs twice, and
    # the elements fall into many groups, as real ones do.
    table = pair_table(row % enhancers, row * promoters // pairs)
    table["label"] = 0
    table.loc[np.linspace(0, pairs - 1, positives).astype(int), "label"] = 1
    write_pairs(table, path)
    return path


def save_model(config: NetworkConfig, path: Path) -> None:
    """Write a model of an untrained network."""
    torch.manual_seed(0)
    Model(NetworkScorer(EpiDynFusion(config))).save(path)
