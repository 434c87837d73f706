"""A split as FASTA triplets, for the public scripts of EPIVAN and its descendants.

They look for ``LINE/train/LINE_enhancer.fasta`` and the like (as EPIANN's augmentation script names them), with
each sequence on one line, and train on the sequences as they stand. :func:`epidyn.pairs.read_triplet` reads them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import progress, windows
from epidyn.dataset import Samples, WindowSettings, split_data
from epidyn.elements import ROLES, ElementStore, Ints, Role, locate
from epidyn.files import atomic_path, prepare_output_folder, refuse_filled_folder, write_text
from epidyn.genome import Genome, decode
from epidyn.pairs import line_rows, write_pairs
from epidyn.splits import Split

SEVERAL_LINES, NO_LINE = "ALL", "pairs"
_ENDS = {"validation": "_validation", "test": "_test"}
_WINDOWS_AT_ONCE = 4096


def write_triplets(
    pairs: pd.DataFrame,
    genome: Genome,
    split: Split,
    out: str | os.PathLike[str],
    *,
    force: bool = False,
    **settings: Unpack[WindowSettings],
) -> Path:
    """Write the windows of every part of a split, exactly those that training sees, as FASTA triplets.

    In a folder ``LINE`` of ``out`` (``ALL`` for several cell lines, ``pairs`` for none) lie ``train``,
    ``imbltrain`` (each training pair once, by its central window), ``validation`` and ``test``; a part without
    pairs is left out. In each, positives come first: all by their first copy, then all by their second, and so on;
    then negatives, both in the order of the rows. ``test/LINE_pairs_test.csv`` holds the pairs of the test part in
    the order of its files.

    Parameters
    ----------
    pairs
        A labelled table as :func:`epidyn.read_pairs` returns it.
    genome
        The genome of its coordinates.
    split
        Of these pairs, from :func:`epidyn.splits.make_split`.
    out
        The folder that the scripts call their data; made if missing.
    force
        Replace the files of an earlier export.
    settings
        Lengths of the windows, copies, and the like, as :func:`epidyn.dataset.split_data` takes them.

    Returns
    -------
    Path
        The folder of the line.

    Raises
    ------
    OutputError
        If the line's folder is not empty, without ``force``, or cannot be written.
    EpidynError
        As ``split_data``; before anything is written.
    """
    name = _name(pairs)
    folder = Path(out) / name
    refuse_filled_folder(folder, force=force)
    data = split_data(pairs, genome, split, **settings)
    parts = {
        "train": data.train,
        "imbltrain": _central(pairs, genome, split.rows("train"), data.store),
        "validation": data.validation,
        "test": data.test,
    }
    files = [f"{part}/{each}" for part in parts for each in _file_names(name, part).values()]
    prepare_output_folder(folder, force=True, own=files)
    for part, samples in parts.items():
        if len(samples):
            _write_part(folder / part, _file_names(name, part), pairs, data.store, samples)
    if len(data.test):
        rows = data.test.row[_published_order(data.test)]
        write_pairs(pairs.iloc[rows], folder / "test" / _file_names(name, "test")["pairs"])
    return folder


def _name(pairs: pd.DataFrame) -> str:
    """Return what folder and files are called: the cell line, as far as it can be a name."""
    lines = [line for line in line_rows(pairs) if line]
    if len(lines) > 1:
        return SEVERAL_LINES
    return re.sub(r"[^\w.+-]", "_", lines[0]).strip(".") if lines else NO_LINE


def _central(pairs: pd.DataFrame, genome: Genome, rows: Ints, store: ElementStore) -> Samples:
    """Return these rows' central windows, which the store holds of every row."""
    positions = {}
    for role, location in locate(pairs, genome).items():
        start, end = (pairs[f"{role}_{part}"].to_numpy()[rows] for part in ("start", "end"))
        central = windows.central(start, end, store.length(role), location.size[rows])
        positions[role] = store.positions(role, rows, central)
    return Samples(rows, **positions, label=pairs["label"].to_numpy()[rows].astype(np.float32))


def _file_names(name: str, part: str) -> dict[str, str]:
    """Return what the files of a part are called, by what they hold."""
    kinds = {"enhancer": "fasta", "promoter": "fasta", "label": "txt", "pairs": "csv"}
    return {kind: f"{name}_{kind}{_ENDS.get(part, '')}.{suffix}" for kind, suffix in kinds.items()}


def _write_part(
    folder: Path, files: Mapping[str, str], pairs: pd.DataFrame, store: ElementStore, samples: Samples
) -> None:
    folder.mkdir(exist_ok=True)
    order = _published_order(samples)
    rows = samples.row[order]
    with progress.bar(f"Writing {folder.name}", len(ROLES) * len(rows)) as advance:
        for role in ROLES:
            with (
                atomic_path(folder / files[role]) as beside,
                beside.open("w", encoding="utf-8", newline="") as handle,
            ):
                for records in _records(pairs, store, role, rows, getattr(samples, role)[order]):
                    handle.writelines(records)
                    advance(len(records))
    labels = samples.label[order].astype(int).tolist()
    write_text(folder / files["label"], "".join(f"{label}\n" for label in labels))


def _published_order(samples: Samples) -> Ints:
    """Return the order of EPIANN's script: positives copy by copy, then negatives; int64 (n,)."""
    copy = pd.Series(samples.row).groupby(samples.row).cumcount().to_numpy()
    return np.lexsort((samples.row, copy, -samples.label))


def _records(
    pairs: pd.DataFrame, store: ElementStore, role: Role, rows: Ints, positions: npt.NDArray[np.int64]
) -> Iterator[list[str]]:
    """Yield FASTA records, header and sequence on a line each, some at a time."""
    columns = [pairs[f"{role}_{part}"] for part in ("chrom", "start", "end")]
    names = [f"{chrom}:{start}-{end}" for chrom, start, end in zip(*columns, strict=True)]
    length = store.length(role)
    for first in range(0, len(rows), _WINDOWS_AT_ONCE):
        chosen = slice(first, first + _WINDOWS_AT_ONCE)
        bases = decode(store.codes(role, positions[chosen]).ravel())
        yield [
            f">{names[row]}\n{bases[i * length : (i + 1) * length]}\n"
            for i, row in enumerate(rows[chosen].tolist())
        ]
