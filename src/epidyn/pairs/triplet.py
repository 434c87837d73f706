"""The FASTA triplet of EPIVAN and its descendants: enhancers, promoters, and one label a line.

It holds sequences, not places: record by record the enhancer, the promoter and the label of a pair, all enhancers
of one length, all promoters of one length. So its genome has a contig for each sequence, and a pair lies on two.
"""

from __future__ import annotations

import hashlib
import os
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from epidyn import progress
from epidyn.errors import PairTableError
from epidyn.files import open_text
from epidyn.genome.codes import Codes
from epidyn.genome.memory import MemoryGenome, fasta_records
from epidyn.pairs.schema import validate

FORMAT = "FASTA triplet"


class TripletGenome(MemoryGenome):
    """The sequences of a triplet, a contig each: on it, and on no other genome, a pair may lie on two contigs."""


def read_triplet(
    enhancers: str | os.PathLike[str],
    promoters: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
) -> tuple[pd.DataFrame, TripletGenome]:
    """Read pairs that are given as sequences.

    Parameters
    ----------
    enhancers, promoters
        FASTA, plain or gzipped: one record a pair, in the same order, all of a file of one length.
    labels
        Text with one label a line, 0 or 1; None: pairs without labels.

    Returns
    -------
    table
        As :func:`read_pairs` returns it, one row a record. ``enhancer_chrom`` and ``promoter_chrom`` are two
        contigs of the genome, say ``enhancer_3`` and ``promoter_3``, of which each element is the whole; the
        number is that of the first record, from 1, with this sequence. ``enhancer_name`` and ``promoter_name`` are
        the records' names.
    genome
        One contig a distinct sequence, in memory. The central window is the sequence itself if it has that length;
        of a shorter one it has N in front, of a longer one it is the middle.

    Raises
    ------
    InputFileError
        If a file is missing, empty, damaged, or no text.
    PairTableError
        If a file is no FASTA, holds sequences of several lengths or without a base, the files hold different
        numbers, or a label is other than 0 or 1; names the records or lines.
    GenomeError
        If a record has no name.
    """
    contigs: dict[str, Codes] = {}
    columns: dict[str, object] = {}
    counts: dict[str, int] = {}
    for role, path in (("enhancer", enhancers), ("promoter", promoters)):
        places, names = _read_fasta(Path(path), role, contigs)
        columns |= {
            f"{role}_chrom": places,
            f"{role}_start": 0,
            f"{role}_end": len(contigs[places[0]]),
            f"{role}_name": names,
        }
        counts[f"{path}: {len(names):,} sequences"] = len(names)
    lines: list[int] | None = None
    if labels is not None:
        with open_text(labels, "labels") as handle:
            filled = [(number, line.strip()) for number, line in enumerate(handle, start=1) if line.strip()]
        lines = [number for number, _ in filled]
        counts[f"{labels}: {len(filled):,} labels"] = len(filled)
        columns["label"] = [text for _, text in filled]
    if len(set(counts.values())) > 1:
        raise PairTableError(
            "the files of a triplet hold different numbers of pairs. Each pair needs a record in both FASTA files "
            "and a line of its own among the labels, in the same order:",
            list(counts),
        )
    source = f"{enhancers}, {promoters}" if labels is None else str(labels)
    table = validate(pd.DataFrame(columns), source, lines, same_chromosome=False)
    table.attrs = {"source": source, "format": FORMAT}
    return table, TripletGenome(f"{Path(enhancers).name}, {Path(promoters).name}", contigs)


def _read_fasta(path: Path, role: str, contigs: dict[str, Codes]) -> tuple[list[str], list[str]]:
    """Add each new sequence to the contigs; return contig and name of each record."""
    known: dict[bytes, str] = {}
    places: list[str] = []
    names: list[str] = []
    lengths: list[int] = []
    with open_text(path, f"{role}s") as handle, progress.bar(f"reading {path.name}", None) as advance:
        first = next((line for line in handle if line.strip()), "")
        if not first.startswith(">"):
            raise PairTableError(
                f"{path} is no FASTA: its first line does not begin with '>'. Put a line such as '>1' above each "
                "sequence, or give another file."
            )
        for number, (name, codes) in enumerate(fasta_records(path, chain([first], handle)), start=1):
            key = hashlib.blake2b(codes.tobytes(), digest_size=16).digest()
            places.append(known.setdefault(key, f"{role}_{number}"))
            contigs.setdefault(places[-1], codes)
            names.append(name)
            lengths.append(len(codes))
            advance(1, f"{number:,}")
    empty = [f"record {i + 1} ({name})" for i, name in enumerate(names) if not lengths[i]]
    if empty:
        raise PairTableError(f"{path}: {len(empty):,} records have no base. Remove their pairs:", empty)
    other = np.flatnonzero(np.array(lengths) != lengths[0])
    if len(other):
        raise PairTableError(
            f"{path}: {len(other):,} of {len(lengths):,} sequences have another length than the first, "
            f"{lengths[0]:,} bases; all must have one. Cut or fill (N) them:",
            [f"record {i + 1} ({names[i]}): {lengths[i]:,} bases" for i in other.tolist()],
        )
    return places, names
