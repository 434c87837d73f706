"""Time what lies between files and the network: `python benchmarks/io.py [--rows N] [--quick] [--out DIR]`.

Each figure is taken in a fresh process, so that its peak memory is its own. DIR (default `bench`) gets `io.json`
and `io.md`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import Figure, Section, Timing, run_apart, write

SPAN = 3950


def intervals(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, size - SPAN, count)


def random_genome(folder: Path, count: int) -> None:
    from epidyn import Genome

    genome = Genome.open("random:hg19")
    for start in intervals(count, genome.sizes["chr7"]):
        genome.fetch("chr7", int(start), int(start) + SPAN)


def indexed_fasta(folder: Path, count: int) -> None:
    from epidyn import Genome

    with Genome.open(str(folder / "genome.fa")) as genome:
        for start in intervals(count, genome.sizes["chr1"]):
            genome.fetch("chr1", int(start), int(start) + SPAN)


def read_table(folder: Path, count: int) -> None:
    from epidyn import read_pairs

    read_pairs(folder / "pairs.tsv")


def predict(folder: Path, count: int) -> None:
    from epidyn import Genome
    from epidyn.predict import predict_table

    with Genome.open(str(folder / "genome.fa")) as genome:
        predict_table(folder / "model.safetensors", folder / "pairs.tsv", genome, folder / "s.tsv", force=True)


FIGURES: dict[str, tuple[Callable[[Path, int], None], str]] = {
    f"intervals of {SPAN:,} bp from random:hg19": (random_genome, "intervals/s"),
    f"intervals of {SPAN:,} bp from an indexed FASTA": (indexed_fasta, "intervals/s"),
    "rows read from a pair table": (read_table, "rows/s"),
    "rows predicted, 50 enhancers and 40 promoters, small network": (predict, "rows/s"),
}


def prepare(folder: Path, rows: int, bases: int) -> None:
    """A genome of one chromosome, a table of many rows over few distinct elements, and a small network."""
    from subjects import SMALL, pair_table, save_model

    from epidyn.genome.write import write_fasta
    from epidyn.nn import NetworkConfig
    from epidyn.pairs import write_pairs

    rng = np.random.default_rng(0)
    write_fasta(folder / "genome.fa", {"chr1": rng.integers(0, 4, bases, dtype=np.uint8)})
    write_pairs(pair_table(rng.integers(50, size=rows), rng.integers(40, size=rows)), folder / "pairs.tsv")
    save_model(NetworkConfig(**SMALL), folder / "model.safetensors")


def figures(folder: Path, rows: int, spans: int) -> list[Figure]:
    measured = []
    for name, (function, unit) in FIGURES.items():
        count = rows if unit == "rows/s" else spans
        run = run_apart(function, folder, count)
        measured.append(Figure.timed(f"{name}, {count:,}", Timing((run.seconds,)).per(count), unit))
        measured.append(Figure(f"{name}, peak memory", run.peak_bytes / 1e6, "MB"))
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="few rows and intervals: does it run?")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    rows, spans, bases = (100, 100, 2_000_000) if given.quick else (given.rows, 100_000, 60_000_000)
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), rows, bases)
        section = Section("Files", figures(Path(name), rows, spans))
    print(section.markdown())
    write(given.out, "io", [section], "Input and output")


if __name__ == "__main__":
    main()
