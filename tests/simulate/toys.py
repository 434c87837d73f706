"""What the tests of the simulation share: small simulations, and a motif scorer of its own."""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from epidyn import windows
from epidyn.genome import decode
from epidyn.simulate import RULES, Simulation, configure, simulate

MEME = resources.files("epidyn") / "data" / "simulation_motifs.meme"
BACKGROUND = {"A": 0.295, "C": 0.205, "G": 0.205, "T": 0.295}


@cache
def simulated(rule: str = "presence", **settings: Any) -> Simulation:
    """Return a simulation by one rule; small unless told otherwise."""
    small = {"chromosomes": 3, "pairs_per_chromosome": 100, "enhancer_length": 1000, "promoter_length": 800}
    return simulate(configure(small | {name: float(name == rule) for name in RULES} | settings))


@cache
def published_frequencies() -> dict[str, dict[str, list[float]]]:
    """Read the shipped matrices line by line: matrix -> base -> share at each position."""
    matrices: dict[str, dict[str, list[float]]] = {}
    matrix = ""
    for line in MEME.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if line.startswith("MOTIF"):
            matrix = words[1]
            matrices[matrix] = {base: [] for base in "ACGT"}
        elif matrix and len(words) == 4 and words[0][0].isdigit():
            for base, word in zip("ACGT", words, strict=True):
                matrices[matrix][base].append(float(word))
    return matrices


def log_odds(site: str, matrix: str) -> float:
    """Score a site, letter by letter; a letter that the matrix never has costs a lot, but not everything."""
    frequencies = published_frequencies()[matrix]
    return sum(
        math.log2(max(frequencies[base][place], 1e-7) / BACKGROUND[base]) for place, base in enumerate(site)
    )


def best_score(matrix: str) -> float:
    """Return the highest log-odds score that any site has."""
    columns = zip(*(published_frequencies()[matrix][base] for base in "ACGT"), strict=True)
    background = BACKGROUND.values()
    return sum(
        max(math.log2(max(share, 1e-7) / usual) for share, usual in zip(column, background, strict=True))
        for column in columns
    )


def information(matrix: str) -> float:
    """Return the log-odds score that an instance drawn from a matrix has on average, in bits."""
    frequencies = published_frequencies()[matrix]
    return sum(
        share * math.log2(share / BACKGROUND[base]) for base in "ACGT" for share in frequencies[base] if share > 0
    )


def read_sites(simulation: Simulation, truth: pd.DataFrame) -> list[str]:
    """Read the letters of each row of the truth, on its strand."""
    sites = []
    for row in truth.itertuples():
        letters = decode(simulation.chromosomes[row.chrom][row.start : row.end])
        sites.append(letters[::-1].translate(str.maketrans("ACGT", "TGCA")) if row.strand == "-" else letters)
    return sites


def windows_of(simulation: Simulation, role: str) -> np.ndarray:
    """Return what the network reads: base codes of each pair's window of ``role``, shape (pairs, length)."""
    length = getattr(simulation.config, f"{role}_length")
    pairs = simulation.pairs
    sizes = pairs[f"{role}_chrom"].map({name: len(codes) for name, codes in simulation.chromosomes.items()})
    starts = windows.central(pairs[f"{role}_start"], pairs[f"{role}_end"], length, sizes)
    chroms = pairs[f"{role}_chrom"]
    return np.stack(
        [
            simulation.chromosomes[chrom][start : start + length]
            for chrom, start in zip(chroms, starts, strict=True)
        ]
    )
