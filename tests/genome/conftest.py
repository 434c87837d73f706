"""One genome, written in every format that can be read."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from epidyn.genome import Genome

from .formats import fasta_text, twobit_bytes, write_bgzf

BACK_ENDS = ("fasta", "crlf", "one-line", "bgzip", "gzip", "2bit", "dict")


def _letters(seed: int, size: int) -> str:
    rng = np.random.default_rng(seed)
    letters = rng.choice(list("ACGTacgt"), size)
    for start in rng.integers(0, size, size // 40):
        letters[start : start + rng.integers(1, 9)] = rng.choice(list("NnRyK"))
    return "".join(letters)


@pytest.fixture(scope="session")
def sequences() -> dict[str, str]:
    """chr2 spans more than two BGZF blocks; 20 has no chr; tiny is shorter than a digest's probe."""
    sizes = {"chr1": 331, "chr2": 140_009, "20": 1_024, "tiny": 5, "chrX": 977}
    return {name: _letters(seed, size) for seed, (name, size) in enumerate(sizes.items())}


@pytest.fixture(scope="session")
def genome_file(tmp_path_factory: pytest.TempPathFactory, sequences: dict[str, str]) -> Callable[[str], Path]:
    """A function that writes the genome in a format, under a name that says nothing of it."""

    def write(kind: str) -> Path:
        path = tmp_path_factory.mktemp(kind) / "genome.dat"
        if kind == "2bit":
            path.write_bytes(twobit_bytes(list(sequences.items())))
        elif kind == "bgzip":
            write_bgzf(path, fasta_text(sequences))
        elif kind == "gzip":
            path.write_bytes(gzip.compress(fasta_text(sequences).encode()))
        elif kind == "crlf":
            path.write_bytes(fasta_text(sequences, newline="\r\n").encode())
        elif kind == "one-line":
            path.write_bytes(fasta_text(sequences, width=10**6).encode().rstrip(b"\n"))
        else:
            path.write_bytes(b"\n" + fasta_text(sequences).encode())
        return path

    return write


@pytest.fixture(scope="session", params=BACK_ENDS)
def genome(
    request: pytest.FixtureRequest, genome_file: Callable[[str], Path], sequences: dict[str, str]
) -> Iterator[Genome]:
    if request.param == "dict":
        yield Genome.from_dict(sequences)
    else:
        with Genome.open(genome_file(request.param)) as opened:
            yield opened
