"""Which known motifs a motif resembles (TOMTOM, Gupta et al. 2007, as memelite computes it)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from epidyn.compiled import calling_numba
from epidyn.matrices import Matrix

Floats = npt.NDArray[np.float64]


def compare(motifs: Sequence[Floats], matrices: Sequence[Matrix]) -> pd.DataFrame:
    """Compare motifs with known ones, in both orientations.

    Parameters
    ----------
    motifs
        Base frequencies, (width, 4) each.
    matrices
        As :func:`epidyn.matrices.load_matrices` returns them.

    Returns
    -------
    DataFrame
        A row for each motif and matrix, by motif, then p: ``motif`` (its number), ``matrix`` (id), ``name``,
        ``collection``, ``p``, ``q`` (Benjamini and Hochberg over all rows), ``offset`` (of the matrix's first
        column against the motif's), ``overlap`` (columns), ``reverse`` (whether it is the matrix's other
        strand).
    """
    columns = ["motif", "matrix", "name", "collection", "p", "q", "offset", "overlap", "reverse"]
    if not motifs or not matrices:
        return pd.DataFrame(columns=columns)
    queries = [np.ascontiguousarray(each.T) for each in motifs]
    targets = [np.ascontiguousarray(each.frequencies.T) for each in matrices]
    with calling_numba():
        from memelite import tomtom

        p, _, offset, overlap, strand = tomtom(queries, targets, n_jobs=1)
    p = np.clip(p, 0, 1)  # memelite's offset is that of the query against the target
    count = len(motifs), len(matrices)
    found = pd.DataFrame(
        {
            "motif": np.repeat(np.arange(count[0]), count[1]),
            **{
                name: [getattr(each, name) for each in matrices] * count[0]
                for name in ("id", "name", "collection")
            },
            "p": p.ravel(),
            "q": stats.false_discovery_control(p.ravel()),
            "offset": -offset.ravel().astype(np.int64),
            "overlap": overlap.ravel().astype(np.int64),
            "reverse": strand.ravel().astype(bool),
        }
    ).rename(columns={"id": "matrix"})
    return found.sort_values(["motif", "p", "matrix"], ignore_index=True)[columns]
