"""Pairs under the pairing rule, and the settings of a run on them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from epidyn.simulate import configure, simulate, write_simulation

LENGTHS = {"enhancer_length": 300, "promoter_length": 260}


def planted_folder(path: Path) -> Path:
    """Write pairs, their genome, and the motifs that ship as a user's own file."""
    settings = {"instances": 3, "decoys": 1, "classes": 3, "presence": 0, "pairing": 1, "seed": 3}
    made = simulate(configure({**settings, **LENGTHS, "chromosomes": 5, "pairs_per_chromosome": 90}))
    folder = write_simulation(made, path)
    motifs = resources.files("epidyn") / "data" / "simulation_motifs.meme"
    (folder / "own.meme").write_text(motifs.read_text())
    return folder


def settings_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the settings of a run that holds a chromosome out."""
    return {
        "data": {"pairs": str(folder / "pairs.csv"), "genome": str(folder / "genome.fa")},
        "split": {"split": "chromosome:chr5", "validation": "chromosome:chr4"},
        "training": {"model": "motif-pairs"},
        "motif_pairs": {**LENGTHS, "motifs": str(folder / "own.meme")},
    }
