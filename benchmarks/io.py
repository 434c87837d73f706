"""Time what lies between files and the network: `python benchmarks/io.py [--rows N]` prints a Markdown table.

Each figure is taken in a fresh process, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

INTERVALS, SPAN = 100_000, 3950


def intervals(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, size - SPAN, INTERVALS)


def random_genome(folder: Path, rows: int) -> int:
    from epidyn import Genome

    genome = Genome.open("random:hg19")
    for start in intervals(1, genome.sizes["chr7"]):
        genome.fetch("chr7", int(start), int(start) + SPAN)
    return INTERVALS


def indexed_fasta(folder: Path, rows: int) -> int:
    from epidyn import Genome

    with Genome.open(str(folder / "genome.fa")) as genome:
        for start in intervals(1, genome.sizes["chr1"]):
            genome.fetch("chr1", int(start), int(start) + SPAN)
    return INTERVALS


def read_table(folder: Path, rows: int) -> int:
    from epidyn import read_pairs

    return len(read_pairs(folder / "pairs.tsv"))


def predict(folder: Path, rows: int) -> int:
    from epidyn import Genome
    from epidyn.predict import predict_table

    with Genome.open(str(folder / "genome.fa")) as genome:
        return predict_table(
            folder / "model.safetensors", folder / "pairs.tsv", genome, folder / "s.tsv", force=True
        )


FIGURES: dict[str, Callable[[Path, int], int]] = {
    f"intervals of {SPAN:,} bp from random:hg19": random_genome,
    f"intervals of {SPAN:,} bp from an indexed FASTA of 60 Mb": indexed_fasta,
    "rows read from a pair table": read_table,
    "rows predicted, 50 enhancers and 40 promoters, small network": predict,
}


def prepare(folder: Path, rows: int) -> None:
    """A genome of 60 Mb, a table of many rows over few distinct elements, and a small network."""
    import pandas as pd
    import torch

    from epidyn.genome.write import write_fasta
    from epidyn.model import Model
    from epidyn.nn import EpiDynFusion, NetworkConfig
    from epidyn.pairs import write_pairs
    from epidyn.scoring import NetworkScorer

    rng = np.random.default_rng(0)
    write_fasta(folder / "genome.fa", {"chr1": rng.integers(0, 4, 60_000_000, dtype=np.uint8)})
    enhancers, promoters = (np.sort(rng.integers(1_000_000, 50_000_000, count)) for count in (50, 40))
    enhancer, promoter = rng.choice(enhancers, rows), rng.choice(promoters, rows)
    table = {"enhancer_chrom": "chr1", "enhancer_start": enhancer, "enhancer_end": enhancer + 700}
    table |= {"promoter_chrom": "chr1", "promoter_start": promoter, "promoter_end": promoter + 500}
    write_pairs(pd.DataFrame(table), folder / "pairs.tsv")
    torch.manual_seed(0)
    sizes = {"vector_size": 8, "channels": 8, "heads": 2, "feedforward": 16, "dense": 8, "cbam_reduction": 4}
    Model(NetworkScorer(EpiDynFusion(NetworkConfig(**sizes)))).save(folder / "model.safetensors")


def peak_bytes() -> int:
    """Peak memory of this process alone; what getrusage says on Linux begins with the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(name: str, folder: Path, rows: int, answer: multiprocessing.Queue) -> None:
    began = time.perf_counter()
    count = FIGURES[name](folder, rows)
    seconds = time.perf_counter() - began
    answer.put((count, seconds, peak_bytes()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    context = multiprocessing.get_context("spawn")
    print(f"{platform.machine()}, Python {platform.python_version()}\n")
    print("| what | number | seconds | a second | peak memory, MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, rows)
        for figure in FIGURES:
            answer = context.Queue()
            process = context.Process(target=measure, args=(figure, folder, rows, answer))
            process.start()
            count, seconds, peak = answer.get()
            process.join()
            print(f"| {figure} | {count:,} | {seconds:.1f} | {count / seconds:,.0f} | {peak / 1e6:,.0f} |")


if __name__ == "__main__":
    main()
