"""Saturation mutagenesis as arrays that TF-MoDISco-lite takes: one-hot bases and hypothetical contributions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.elements import ROLES, Role
from epidyn.errors import InputFileError
from epidyn.files import atomic_path, write_table
from epidyn.interpret.effects import EffectsFolder, window_starts

BASES = "ACGT"
WINDOWS = "arrays.tsv"
KINDS = ("onehot", "hypothetical")
ARRAYS = [WINDOWS, *(f"{role}_{kind}.npz" for role in ROLES for kind in KINDS)]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each base of the explained windows of one role adds to the logit.

    Attributes
    ----------
    windows
        ``chrom`` and ``start`` (0-based, may be negative) of each distinct window.
    onehot
        Its bases, columns A, C, G, T, uint8 (windows, length, 4); N and what lies outside the chromosome is 0.
    hypothetical
        Logit with each base there, less the mean over the four, float32 (windows, length, 4); 0 as above.
    """

    windows: pd.DataFrame
    onehot: npt.NDArray[np.uint8]
    hypothetical: Floats


def contributions(folder: EffectsFolder, role: Role) -> Contributions:
    """Gather the effects of every substitution as arrays.

    A window of several pairs is there once, with the mean over them. Memory is 36 bytes a base of the windows.

    Raises
    ------
    InputFileError
        If the effects are not those of saturation mutagenesis, or are damaged.
    """
    if folder.settings["method"] != "saturation":
        raise InputFileError(
            f"{folder.path} holds effects of {folder.settings['method']}; the arrays are those of every single "
            "substitution. Run `epidyn explain --method saturation`."
        )
    length = int(folder.settings["windows"][role])
    known: dict[tuple[str, int], int] = {}
    room = len(folder.pairs)  # at most so many distinct windows
    sums, counts = np.zeros((room, length, 4), dtype=np.float32), np.zeros((room, length), dtype=np.uint16)
    onehot = np.zeros((room, length, 4), dtype=np.uint8)
    for chunk in folder.effects():
        rows = chunk[chunk["role"] == role]
        if rows.empty:
            continue
        places = zip(rows["chrom"], window_starts(rows, folder.settings).tolist(), strict=True)
        window = np.array([known.setdefault(place, len(known)) for place in places])
        offset = rows["offset"].to_numpy()
        ref, alt = (rows[name].map(BASES.index).to_numpy() for name in ("ref", "alt"))
        np.add.at(sums, (window, offset, alt), -rows["effect"].to_numpy(dtype=np.float32))
        np.add.at(counts, (window, offset), 1)
        onehot[window, offset, ref] = 1
    found = len(known)
    pairs = np.maximum(counts[:found, :, None] / 3, 1)  # each has three rows a base
    logits = sums[:found] / pairs.astype(np.float32)  # of each base, less that of the base that is there
    covered = (counts[:found] > 0)[:, :, None]
    hypothetical = np.where(covered, logits - logits.mean(axis=2, keepdims=True), 0).astype(np.float32)
    windows = pd.DataFrame(list(known), columns=["chrom", "start"])
    return Contributions(windows, onehot[:found], hypothetical)


def write_arrays(folder: EffectsFolder, out: Path) -> None:
    """Write ``ROLE_onehot.npz`` and ``ROLE_hypothetical.npz`` for each explained role, and ``arrays.tsv``.

    As ``modisco motifs -s ROLE_onehot.npz -a ROLE_hypothetical.npz`` takes them: ``arr_0`` in each, float32
    (windows, 4, length). ``arrays.tsv`` says where the windows lie: ``role``, ``row``, ``chrom``, ``start``.
    """
    tables = []
    for role in ROLES:
        found = contributions(folder, role)
        if found.windows.empty:
            continue
        arrays: list[npt.NDArray[np.generic]] = [found.onehot, found.hypothetical]
        for kind, array in zip(KINDS, arrays, strict=True):
            with atomic_path(out / f"{role}_{kind}.npz") as beside, beside.open("wb") as binary:
                np.savez_compressed(binary, np.ascontiguousarray(array.transpose(0, 2, 1), dtype=np.float32))
        tables.append(found.windows.assign(role=role, row=found.windows.index)[["role", "row", "chrom", "start"]])
    write_table(out / WINDOWS, pd.concat(tables))
