"""What training 6-mer vectors costs: `python benchmarks/kmers.py [--real FASTA] [--quick] [--out DIR]`.

`--real` is a real sequence such as hg19's chr20:1-2 Mb, trained on with all settings as published, from two seeds.
Then a random chromosome of 100 Mb is trained on for one pass, or a part of it (`--sample`), or with less context
(`--window`). Each is done in a process of its own, as `epidyn kmers` does it, by one worker. DIR (default `bench`)
gets `kmers.json` and `kmers.md`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from measure import Figure, Section, run_apart, write

QUICK = {"dimensions": 8, "window": 2, "epochs": 1}
SEED = 7


def train(
    genome: str, out: Path, settings: dict[str, int], compare_seed: int | None, share: float
) -> dict[str, Any]:
    """Write the vectors of a genome and return the report."""
    from epidyn import Genome
    from epidyn.kmer_training import Settings, write_vectors

    with Genome.open(genome) as opened:
        return write_vectors(opened, out, Settings(**settings), compare_seed=compare_seed, share=share)


def figures(
    genome: str, folder: Path, settings: dict[str, int], compare_seed: int | None, share: float = 1.0
) -> list[Figure]:
    run = run_apart(train, genome, folder / f"{Path(genome).name}.npy", settings, compare_seed, share)
    report = run.result
    trainings = 1 if compare_seed is None else 2
    read = report["words"] * report["settings"]["epochs"] * trainings
    found = [
        Figure("6-mers read in a pass", report["words"], ""),
        Figure("passes over them", report["settings"]["epochs"], ""),
        Figure("bases read in a pass, N among them", report["bases"], ""),
        Figure("rate", read / run.seconds, "6-mers/s"),
        Figure("peak memory", run.peak_bytes / 1e6, "MB"),
        Figure("6-mers without a vector", len(report["unseen"]), ""),
        Figure("standard deviation", report["standard_deviation"], ""),
    ]
    for name in ("random", "reverse_complements", "one_base_neighbours", "shifted_by_one"):
        spoken = name.replace("_", " ")
        found.append(Figure(f"{spoken}, cosine", report[name]["cosine"], ""))
        found.append(Figure(f"{spoken}, closer than random pairs", 100 * report[name]["closer"], "%"))
    if compare_seed is not None:
        agreed = 100 * report["agreement"]["share"]
        found.append(Figure("10 nearest neighbours that two seeds agree in", agreed, "%"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--real", type=Path, help="a FASTA of real sequence; without it only the random chromosome"
    )
    parser.add_argument("--sample", type=float, default=1.0, help="share of the random chromosome that is read")
    parser.add_argument("--window", type=int, default=10, help="words of context there; fewer are quicker")
    parser.add_argument("--quick", action="store_true", help="few bases, short vectors: does it run?")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    settings = QUICK if given.quick else {}
    sections = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.real is not None:
            sections.append(Section(given.real.name, figures(str(given.real), folder, settings, 1)))
        bases = 50_000 if given.quick else 100_000_000
        (folder / "one.chrom.sizes").write_text(f"chr1\t{bases}\n")
        genome = f"random:{folder / 'one.chrom.sizes'}:{SEED}"
        compare_seed = 1 if given.quick else None
        found = figures(
            genome, folder, {"window": given.window, **settings, "epochs": 1}, compare_seed, given.sample
        )
        sections.append(Section(f"random chromosome of {bases:,} bases", found))
    print("\n".join(section.markdown() for section in sections))
    write(given.out, "kmers", sections, "6-mer vectors")


if __name__ == "__main__":
    main()
