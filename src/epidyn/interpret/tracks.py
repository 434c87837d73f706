"""Effects as bedGraph tracks for a genome browser."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.elements import ROLES, Ints, Role
from epidyn.files import atomic_path

TRACKS: dict[Role, str] = {role: f"{role}.bedGraph" for role in ROLES}
_DECIMALS = 9  # beyond which sums of effects are rounding

Floats = npt.NDArray[np.float64]


def write_tracks(effects: Iterable[pd.DataFrame], folder: Path) -> list[Path]:
    """Write the mean effect on the logit at each base, a track an element role that has effects.

    A base's value is the mean over all changes of it, of whichever window and pair. Neighbours of equal value are
    one line; lines are in order of chromosome name and position. Memory is 24 bytes a row of the effects.

    Returns
    -------
    list of Path
        What was written.
    """
    parts: dict[Role, dict[str, list[tuple[Ints, Ints, Floats]]]] = {role: defaultdict(list) for role in ROLES}
    for chunk in effects:
        for role in ROLES:
            for chrom, rows in chunk[chunk["role"] == role].groupby("chrom", sort=False):
                start, end, effect = (rows[name].to_numpy() for name in ("start", "end", "effect"))
                parts[role][str(chrom)].append((start, end, effect))
    return [_write(folder / TRACKS[role], role, chromosomes) for role, chromosomes in parts.items() if chromosomes]


def mean_by_base(start: Ints, end: Ints, effect: Floats) -> tuple[Ints, Ints, Floats]:
    """Return runs of bases with one mean effect, in order: start, end, mean; bases without an effect are left out.

    Parameters
    ----------
    start, end
        Changed intervals of one chromosome, 0-based half-open, int64 (n,).
    effect
        Of each, float64 (n,).
    """
    edges, at = np.unique(np.concatenate([start, end]), return_inverse=True)
    total, count = np.zeros(len(edges)), np.zeros(len(edges), dtype=np.int64)
    np.add.at(total, at, np.concatenate([effect, -effect]))
    np.add.at(count, at, np.repeat([1, -1], len(start)))
    covering = np.cumsum(count)[:-1]
    mean = np.round(np.cumsum(total)[:-1] / np.maximum(covering, 1), _DECIMALS) + 0.0  # no minus zero
    first, last, covered = edges[:-1], edges[1:], covering > 0
    begins = covered.copy()
    begins[1:] &= ~covered[:-1] | (mean[1:] != mean[:-1])
    ends = covered.copy()
    ends[:-1] &= ~covered[1:] | begins[1:]
    return first[begins], last[ends], mean[begins]


def _write(path: Path, role: Role, chromosomes: dict[str, list[tuple[Ints, Ints, Floats]]]) -> Path:
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as text:
        text.write(f'track type=bedGraph name="{role} effect" description="mean effect on the logit, {role}"\n')
        for chrom in sorted(chromosomes):
            start, end, mean = mean_by_base(*map(np.concatenate, zip(*chromosomes[chrom], strict=True)))
            lines = pd.DataFrame({"chrom": chrom, "start": start, "end": end, "mean": mean})
            lines.to_csv(text, sep="\t", header=False, index=False, float_format="%.9g", lineterminator="\n")
    return path
