"""What finds a motif in the sequences of a cluster: our own finder, or the program MEME."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from epidyn.elements import Codes
from epidyn.errors import ConfigError
from epidyn.genome import decode
from epidyn.interpret.finder import find_motif

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoundMotif:
    """Base frequencies, (width, 4), columns A, C, G, T, and the number of sequences that hold a site."""

    frequencies: Floats
    sites: int


Engine = Callable[[Sequence[Codes], Floats, tuple[int, int]], FoundMotif | None]


def builtin(sequences: Sequence[Codes], background: Floats, widths: tuple[int, int]) -> FoundMotif | None:
    """Find a motif with :func:`epidyn.interpret.finder.find_motif`."""
    motif = find_motif(sequences, background=background, widths=widths)
    return None if motif is None else FoundMotif(motif.frequencies, len(motif.sites))


def meme(sequences: Sequence[Codes], background: Floats, widths: tuple[int, int]) -> FoundMotif | None:
    """Find a motif with the program ``meme``: zero or one site a sequence, both strands, one motif.

    Raises
    ------
    ConfigError
        If the program is not installed, or fails; says how.
    """
    from memelite.io import read_meme

    program = shutil.which("meme")
    if program is None:
        raise ConfigError(
            "--engine meme needs the program meme on the PATH, and there is none. Install the MEME suite, or take "
            "--engine builtin."
        )
    with tempfile.TemporaryDirectory() as folder:
        fasta, shares, answer = (Path(folder) / name for name in ("segments.fa", "background", "meme.txt"))
        fasta.write_text("".join(f">{row}\n{decode(codes)}\n" for row, codes in enumerate(sequences)))
        shares.write_text("".join(f"{base} {share:.6f}\n" for base, share in zip("ACGT", background, strict=True)))
        options = (
            f"-dna -revcomp -mod zoops -nmotifs 1 -minw {widths[0]} -maxw {widths[1]} -nostatus -text".split()
        )
        done = subprocess.run(
            [program, str(fasta), *options, "-bfile", str(shares)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr.strip() or "it says nothing").splitlines()[-1]
            raise ConfigError(f"{program} failed ({said}). Mend that, or take --engine builtin.")
        answer.write_text(done.stdout)
        found = list(read_meme(str(answer)).values())
    if not found:
        return None
    sites = re.search(r"letter-probability matrix:.*\bnsites=\s*(\d+)", done.stdout)
    frequencies = found[0].T
    return FoundMotif(frequencies / frequencies.sum(axis=1, keepdims=True), int(sites[1]) if sites else 0)


ENGINES: Mapping[str, Engine] = {"builtin": builtin, "meme": meme}
