"""The network against its plain twin, and what feeds it.

    python benchmarks/network.py [--pairs PATH] [--only GROUP ...] [--quick] [--out DIR]

The twin, `epidyn.nn.plain`, is the published network from torch's own layers, as the authors' code has it.
Measured are the speed of predict, of a training step and of layers by themselves, the agreement of both networks,
the way from a file to the first batch, and peak memory. Every speed is timed in turns with the twin's, in one
process; memory is that of fresh processes.

`--pairs` is a labelled table such as TargetFinder's of GM12878; without it one of the same size is written. DIR of
`--out DIR` (default `bench`) gets `results.json`, every figure with its threshold, and `results.md`.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from dataclasses import replace
from pathlib import Path

from measure import Section, write

# Group -> the function that measures it. Imported when needed: a fresh process begins with this module's imports.
GROUPS = {
    "agreement": "agreement.agreement",
    "predict": "predicting.speed",
    "predict-memory": "predicting.memory",
    "training": "training.speed",
    "training-memory": "training.memory",
    "first-batch": "training.first_batch",
    "loader": "training.loader",
    "parts": "layers.parts",
    "crossover": "layers.crossover",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="labelled pair table; default one of GM12878's size")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="groups to measure")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small and once: does it run?")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    from subjects import Settings, write_labelled

    settings = Settings.quick() if given.quick else replace(Settings(), repetitions=given.repetitions)
    sections: list[Section] = []
    with tempfile.TemporaryDirectory() as folder:
        pairs = given.pairs or write_labelled(Path(folder) / "pairs.tsv", *settings.table)
        for name in given.only:
            module, _, function = GROUPS[name].partition(".")
            sections.append(getattr(importlib.import_module(module), function)(settings, pairs))
            print(sections[-1].markdown(), flush=True)
            write(given.out, "results", sections, "The network and its plain twin")


if __name__ == "__main__":
    main()
