"""How strong a motif must be to be found: `python benchmarks/motif_finder.py [--seeds N] [--quick]`.

For each strength (bits a position) and number of sequences, matrices of ten positions are drawn, each position a
random base preferred so far that it has this information against even bases. A site drawn from the matrix lies
in each sequence of 40 bases, anywhere and on either strand. Recovered: the frequencies found correlate with
those planted at 0.8 or more over at least seven columns, in the best alignment. Prints how many of N were, with
the seconds a set takes. One thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy.optimize import brentq

from epidyn.genome import reverse_complement
from epidyn.interpret.finder import find_motif

WIDTH, LENGTH = 10, 40
BITS, COUNTS = (0.5, 1.0, 1.5), (30, 100, 300)
RECOVERED, LEAST_COLUMNS = 0.8, 7


def column(preferred: int, bits: float) -> np.ndarray:
    """Return base frequencies with this information against even bases, one base preferred."""

    def excess(share: float) -> float:
        rest = (1 - share) / 3
        return 2 + share * np.log2(share) + 3 * rest * np.log2(rest) - bits

    share = brentq(excess, 0.25 + 1e-9, 1 - 1e-9)
    frequencies = np.full(4, (1 - share) / 3)
    frequencies[preferred] = share
    return frequencies


def plant(bits: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return a matrix, (width, 4), and sequences that hold a site of it each."""
    matrix = np.stack([column(int(base), bits) for base in rng.integers(0, 4, WIDTH)])
    sequences = []
    for _ in range(count):
        sequence = rng.integers(0, 4, LENGTH).astype(np.uint8)
        site = np.array([rng.choice(4, p=row) for row in matrix], dtype=np.uint8)
        at = int(rng.integers(0, LENGTH - WIDTH + 1))
        sequence[at : at + WIDTH] = reverse_complement(site) if rng.random() < 0.5 else site
        sequences.append(sequence)
    return matrix, sequences


def likeness(found: np.ndarray, planted: np.ndarray) -> float:
    """Return the highest correlation of frequencies over shifts and strands."""
    best = -1.0
    for each in (found, found[::-1, ::-1]):
        for shift in range(-len(each) + 1, len(planted)):
            low, high = max(0, shift), min(len(planted), shift + len(each))
            if high - low >= LEAST_COLUMNS:
                pair = each[low - shift : high - shift].ravel(), planted[low:high].ravel()
                best = max(best, float(np.corrcoef(*pair)[0, 1]))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="sets of each kind")
    parser.add_argument("--quick", action="store_true", help="two small sets: that it runs, not what it finds")
    given = parser.parse_args()
    bits, counts, seeds = (BITS, COUNTS, given.seeds) if not given.quick else ((1.5,), (30,), 2)
    print("| bits a position | " + " | ".join(f"{count} sequences" for count in counts) + " |")
    print("|---|" + "---|" * len(counts))
    for strength in bits:
        cells = []
        for count in counts:
            hits, began = 0, time.perf_counter()
            for seed in range(seeds):
                planted, sequences = plant(strength, count, np.random.default_rng([seed, count]))
                motif = find_motif(sequences)
                hits += motif is not None and likeness(motif.frequencies, planted) >= RECOVERED
            cells.append(f"{hits} of {seeds} ({(time.perf_counter() - began) / seeds:.1f} s)")
        print(f"| {strength} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
