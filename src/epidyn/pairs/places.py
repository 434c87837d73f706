"""Where elements lie, whatever the spelling: ``1`` and ``chr1`` are one chromosome.

A table keeps its own spelling, in memory and in all that is written. Whatever groups, joins or compares rows by
chromosome or by element asks here; only :func:`epidyn.elements.locate` asks the genome.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.pairs.schema import ROLES, bare, by_value


def chromosomes(pairs: pd.DataFrame, role: str = "promoter") -> npt.NDArray[np.object_]:
    """Return the chromosome of each row's element in the form of :func:`bare`, object (n,)."""
    return by_value(pairs[f"{role}_chrom"], bare).astype(object)


def spellings(pairs: pd.DataFrame) -> dict[str, str]:
    """Return how the table spells the promoters' chromosomes, where it first does, by their :func:`bare` form."""
    first = pd.Series(chromosomes(pairs)).drop_duplicates()
    return dict(zip(first, pairs["promoter_chrom"].iloc[first.index], strict=True))


def intervals(pairs: pd.DataFrame, role: str) -> pd.DataFrame:
    """Return columns chrom (as :func:`chromosomes`), start and end of one role; the index is kept."""
    ends = {part: pairs[f"{role}_{part}"] for part in ("start", "end")}
    return pd.DataFrame({"chrom": chromosomes(pairs, role), **ends}, index=pairs.index)


def one_spelling(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the table with chromosomes in the form of :func:`bare`, to join or compare it with another."""
    return pairs.assign(**{f"{role}_chrom": chromosomes(pairs, role) for role in ROLES})
