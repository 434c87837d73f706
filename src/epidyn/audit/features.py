"""What models without sequence read of a pair: which elements it joins, where they lie, how long they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import progress, windows
from epidyn.elements import (
    ROLES,
    ElementStore,
    Role,
    WindowRequest,
    element_numbers,
    locate,
    midpoints,
    refuse_windows_outside,
)
from epidyn.genome import Genome
from epidyn.pairs import chromosomes
from epidyn.spans import LENGTHS

# Windows that are read at a time.
_CHUNK = 1024

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """The pairs as arrays, one entry a pair.

    Attributes
    ----------
    label
        0 or 1, int64 (n,).
    chrom
        Number of the promoter's chromosome, int64 (n,).
    element
        For each role the number of the pair's element, from 0, int64 (n,).
    midpoint, length
        Of enhancer and promoter, in bases, float64 (n, 2).
    composition
        GC and dinucleotide shares of both windows, float64 (n, 34); None without a genome.
    """

    label: Ints
    chrom: Ints
    element: Mapping[Role, Ints]
    midpoint: Floats
    length: Floats
    composition: Floats | None

    @property
    def distance(self) -> Floats:
        """Enhancer's midpoint minus promoter's, in bases, (n,)."""
        distance: Floats = self.midpoint[:, 0] - self.midpoint[:, 1]
        return distance


def read_features(pairs: pd.DataFrame, genome: Genome | None = None) -> Features:
    """Return what the baselines read of a labelled table.

    Raises
    ------
    ChromosomeError, IntervalError
        If ``genome`` lacks a chromosome of the table, or an element lies outside its own.
    """
    lengths = [(pairs[f"{role}_end"] - pairs[f"{role}_start"]).to_numpy(dtype=np.float64) for role in ROLES]
    element = {role: element_numbers(pairs, role) for role in ROLES}
    return Features(
        label=pairs["label"].to_numpy(dtype=np.int64),
        chrom=pd.factorize(chromosomes(pairs))[0],
        element=element,
        midpoint=midpoints(pairs),
        length=np.stack(lengths, axis=1),
        composition=None if genome is None else _composition(pairs, element, genome),
    )


def _composition(pairs: pd.DataFrame, element: Mapping[Role, Ints], genome: Genome) -> Floats:
    """Return the shares of both central windows, (n, 34); each distinct element is read once."""
    rows = {role: np.unique(element[role], return_index=True)[1] for role in ROLES}
    located = locate(pairs, genome)
    requests, starts = {}, {}
    for role in ROLES:
        start, end = (pairs[f"{role}_{part}"].to_numpy(dtype=np.int64) for part in ("start", "end"))
        place, length = located[role], LENGTHS[role]
        starts[role] = windows.central(start, end, length, place.size)
        requests[role] = WindowRequest(place.chrom, start, end, starts[role], starts[role], length)
    refuse_windows_outside(pairs, requests, {role: located[role].size for role in ROLES})
    store = ElementStore.fill(genome, requests)
    columns = []
    with progress.bar("Counting bases", sum(map(len, rows.values()))) as advance:
        for role in ROLES:
            shares = []
            for chunk in np.split(rows[role], range(_CHUNK, len(rows[role]), _CHUNK)):
                codes = store.codes(role, store.positions(role, chunk, starts[role][chunk]))
                shares.append(base_shares(codes))
                advance(len(chunk))
            columns.append(np.concatenate(shares)[element[role]])
    return np.concatenate(columns, axis=1)


def base_shares(codes: npt.NDArray[np.uint8]) -> Floats:
    """Return the share of G and C among the bases, and of each dinucleotide (AA, AC, ... TT), (n, 17).

    N and dinucleotides that touch one do not count. One pseudo-count, spread evenly, keeps windows of nothing but
    N defined.

    Parameters
    ----------
    codes
        Base codes, uint8 (n, length).
    """
    known = codes < 4
    strong = np.count_nonzero((codes == 1) | (codes == 2), axis=1)
    gc = (strong + 0.5) / (np.count_nonzero(known, axis=1) + 1)
    # 16 collects what touches an N; each window counts into 17 places of its own.
    pair = np.where(known[:, :-1] & known[:, 1:], codes[:, :-1] * np.uint8(4) + codes[:, 1:], np.uint8(16))
    place = pair + 17 * np.arange(len(codes))[:, None]
    counts = np.bincount(place.ravel(), minlength=17 * len(codes)).reshape(-1, 17)[:, :16]
    shares = (counts + 1 / 16) / (counts.sum(axis=1, keepdims=True) + 1)
    return np.concatenate([gc[:, None], shares], axis=1)
