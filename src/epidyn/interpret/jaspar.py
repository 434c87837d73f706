"""Motifs of JASPAR, and which of them a motif resembles (TOMTOM, Gupta et al. 2007, as memelite computes it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from epidyn.errors import ConfigError

Floats = npt.NDArray[np.float64]

RELEASE = "JASPAR2020"
COLLECTIONS = ("CORE", "CNE")  # those of the article's Figure 12
TAXA = "vertebrates"  # of CORE; CNE, conserved non-coding elements of the human genome, has none
_ALL = ("CORE", "CNE", "PHYLOFACTS", "SPLICE", "POLII", "FAM", "PBM", "PBM_HOMEO", "PBM_HLH", "UNVALIDATED")


@dataclass(frozen=True, eq=False)
class Matrix:
    """A motif of JASPAR: its id with version, name, collection, and base frequencies (width, 4), columns ACGT."""

    id: str
    name: str
    collection: str
    frequencies: Floats


def load_matrices(release: str = RELEASE, collections: Sequence[str] = COLLECTIONS) -> list[Matrix]:
    """Return the motifs of a release, collection by collection, from the copy that pyjaspar brings.

    Raises
    ------
    ConfigError
        If pyjaspar is not installed, or a release or collection is unknown; lists those there are.
    """
    try:
        from pyjaspar import jaspardb
    except ImportError as error:
        raise ConfigError("epidyn motifs needs pyjaspar. Install it: pip install 'epidyn[motifs]'.") from error
    releases = list(jaspardb().get_releases())
    if release not in releases:
        raise ConfigError(f"JASPAR has no release {release!r}; there are {', '.join(releases)}.")
    database = jaspardb(release=release)
    if not collections:
        raise ConfigError(f"no collection of {release} is named; name one, such as CORE.")
    found = []
    for collection in dict.fromkeys(collections):
        taxa = {"tax_group": TAXA} if collection == "CORE" else {}
        motifs = database.fetch_motifs(collection=collection, **taxa) if collection in _ALL else []
        if not motifs:
            there = [name for name in _ALL if database.fetch_motifs(collection=name)]
            raise ConfigError(f"{release} has no collection {collection!r}; there are {', '.join(there)}.")
        found += [Matrix(each.matrix_id, each.name, collection, _frequencies(each.counts)) for each in motifs]
    return found


def compare(motifs: Sequence[Floats], matrices: Sequence[Matrix]) -> pd.DataFrame:
    """Compare motifs with those of JASPAR, in both orientations.

    Parameters
    ----------
    motifs
        Base frequencies, (width, 4) each.
    matrices
        As :func:`load_matrices` returns them.

    Returns
    -------
    DataFrame
        A row for each motif and matrix, by motif, then p: ``motif`` (its number), ``matrix`` (id), ``name``,
        ``collection``, ``p``, ``q`` (Benjamini and Hochberg over all rows), ``offset`` (of the matrix's first
        column against the motif's), ``overlap`` (columns), ``reverse`` (whether it is the matrix's other
        strand).
    """
    from memelite import tomtom

    columns = ["motif", "matrix", "name", "collection", "p", "q", "offset", "overlap", "reverse"]
    if not motifs or not matrices:
        return pd.DataFrame(columns=columns)
    queries = [np.ascontiguousarray(each.T) for each in motifs]
    targets = [np.ascontiguousarray(each.frequencies.T) for each in matrices]
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


def _frequencies(counts: dict[str, list[float]]) -> Floats:
    array = np.array([counts[base] for base in "ACGT"], dtype=np.float64).T
    return np.asarray(array / array.sum(axis=1, keepdims=True))
