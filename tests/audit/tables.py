"""Small labelled tables, and the features of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def table(rows: Sequence[tuple[str, int, int, int]], *, length: int = 100) -> pd.DataFrame:
    """Pairs from (chromosome, enhancer's start, promoter's start, label); an index that is no row number."""
    chrom, enhancer, promoter, label = (list(column) for column in zip(*rows, strict=True))
    made: dict[str, object] = {"label": np.array(label, dtype=np.int8)}
    for role, start in (("enhancer", enhancer), ("promoter", promoter)):
        made[f"{role}_chrom"] = chrom
        made[f"{role}_start"] = np.array(start, dtype=np.int64)
        made[f"{role}_end"] = np.array(start, dtype=np.int64) + length
    return pd.DataFrame(made, index=np.arange(len(rows))[::-1] + 1000)


def scattered(seed: int, pairs: int, chromosomes: int = 4, rate: float = 0.3, span: int = 10**8) -> pd.DataFrame:
    """Pairs anywhere, labels at random: nothing is shared and nothing can be learned."""
    rng = np.random.default_rng(seed)
    names = [f"chr{number + 1}" for number in rng.integers(chromosomes, size=pairs)]
    starts = rng.integers(span, size=(2, pairs)).tolist()
    return table(list(zip(names, *starts, (rng.random(pairs) < rate).astype(int).tolist(), strict=True)))


def propensity(seed: int, promoters: int = 60, pairs: int = 8, chromosomes: int = 4) -> pd.DataFrame:
    """Promoters that interact with all their enhancers or with none, and are spread over chromosomes."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(promoters):
        chrom, promoter = f"chr{number % chromosomes + 1}", int(rng.integers(10**8))
        for enhancer in rng.integers(10**8, size=pairs).tolist():
            rows.append((chrom, enhancer, promoter, int(number // chromosomes % 3 == 0)))
    return table(rows)
