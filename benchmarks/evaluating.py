"""What honest evaluation costs: `python benchmarks/evaluating.py [--pairs PATH] [--quick] [--out DIR]`.

`--pairs` is a labelled table such as TargetFinder's of GM12878; without it one of the same size is made up, whose
labels follow from nothing. Each figure is taken in a fresh process. DIR (default `bench`) gets `evaluating.json`
and `evaluating.md`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import Figure, Section, Timing, Wanted, run_apart, write

CHROMOSOMES = 23


def scored(pairs: Path, number: int) -> object:
    """Return the table with scores that know a little of the labels."""
    from epidyn import read_pairs
    from epidyn.calibration import sigmoid
    from epidyn.scores import with_scores

    table = read_pairs(pairs)
    logits = 0.8 * table["label"].to_numpy() + np.random.default_rng(number).normal(size=len(table))
    return with_scores(table, logits, sigmoid(logits))


def intervals(pairs: Path) -> None:
    from epidyn.evaluation import evaluate

    evaluate(scored(pairs, 0))


def intervals_of_pairs(pairs: Path) -> None:
    from epidyn.evaluation import evaluate

    evaluate(scored(pairs, 0), resample="pairs")


def comparison(pairs: Path) -> None:
    from epidyn.evaluation import evaluate

    evaluate(scored(pairs, 0), scored(pairs, 1))


def audit(pairs: Path) -> None:
    from epidyn import read_pairs
    from epidyn.audit import audit as audited

    audited(read_pairs(pairs))


def element_disjoint(pairs: Path) -> None:
    from epidyn import read_pairs
    from epidyn.splits import make_split

    make_split(read_pairs(pairs), "element-disjoint", seed=0)


FIGURES: dict[str, tuple[Callable[[Path], None], float | None]] = {
    "evaluate, 2,000 draws of chromosomes": (intervals, 20),
    "evaluate, 2,000 draws of pairs": (intervals_of_pairs, 20),
    "evaluate and compare with other scores, 2,000 draws of chromosomes": (comparison, None),
    "audit, 5 random splits and chromosomes held out": (audit, 60),
    "element-disjoint split": (element_disjoint, None),
}


def write_table(path: Path, rows: int) -> None:
    """Write pairs of GM12878's size and shape over chromosomes of the same length."""
    import pandas as pd

    from epidyn.pairs import write_pairs

    rng = np.random.default_rng(0)
    promoter = rng.integers(max(2, rows * 8_106 // 44_313), size=rows)
    start = 1_000_000 + 20_000 * (promoter // CHROMOSOMES)
    table: dict[str, object] = {}
    for role, first in (("enhancer", start + rng.integers(5_000, 400_000, rows)), ("promoter", start)):
        chrom = [f"chr{number % CHROMOSOMES + 1}" for number in promoter]
        table |= {f"{role}_chrom": chrom, f"{role}_start": first, f"{role}_end": first + 600}
    labels = (rng.random(rows) < 0.05).astype(int)
    write_pairs(pd.DataFrame({**table, "label": labels}).drop_duplicates(list(table)), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="labelled pair table; default one of GM12878's size")
    parser.add_argument("--quick", action="store_true", help="a small table: does it run?")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = given.pairs
        if pairs is None:
            pairs = Path(folder) / "pairs.tsv"
            write_table(pairs, 3_000 if given.quick else 44_313)
        figures = []
        for name, (function, limit) in FIGURES.items():
            run = run_apart(function, pairs)
            wanted = () if limit is None else (Wanted("value", "<=", limit),)
            figures.append(Figure.timed(name, Timing((run.seconds,)), "s", *wanted))
            figures.append(Figure(f"{name}, peak memory", run.peak_bytes / 1e6, "MB"))
    section = Section("Evaluation", figures)
    print(section.markdown())
    write(given.out, "evaluating", [section], "Evaluation")


if __name__ == "__main__":
    main()
