"""Sequences to FASTA."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from epidyn.errors import GenomeError
from epidyn.files import atomic_path
from epidyn.genome.codes import decode, to_codes


def write_fasta(target: str | os.PathLike[str], sequences: Mapping[str, Any], width: int = 60) -> Path:
    """Write sequences to a plain FASTA file, whole or not at all, and return its path.

    Parameters
    ----------
    target
        The file to write; one that exists is replaced.
    sequences
        Names without white space, and for each a text or base codes of shape ``(length,)``, not empty.
        Letters are written in upper case, anything but A, C, G and T as N.
    width
        Bases a line, 1 or more.

    Raises
    ------
    GenomeError
        If a name is empty or holds white space, a sequence is empty or no base codes, or ``width`` < 1.
    OutputError
        If the file cannot be written.
    """
    if width < 1:
        raise GenomeError(f"a FASTA line holds 1 base or more, not {width}.")
    with atomic_path(target) as path, path.open("wb") as handle:
        for name, sequence in sequences.items():
            if name.split() != [name]:
                raise GenomeError(
                    f"{name!r} is no name for a FASTA sequence: give 1 character or more, no white space."
                )
            letters = decode(to_codes(sequence, name)).encode("ascii")
            if not letters:
                raise GenomeError(f"sequence {name!r} has no base; a FASTA sequence has 1 or more.")
            handle.write(f">{name}\n".encode())
            handle.write(_lines(letters, width))
    return Path(target)


def _lines(letters: bytes, width: int) -> bytes:
    whole = len(letters) - len(letters) % width
    block = np.frombuffer(letters[:whole], np.uint8).reshape(-1, width)
    full = np.hstack([block, np.full((len(block), 1), ord("\n"), np.uint8)]).tobytes()
    return full + (letters[whole:] + b"\n" if whole < len(letters) else b"")
