"""A folder of effects whose important masks lie on planted words, and its genome."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd

from epidyn.genome import Genome, encode, reverse_complement

WINDOW, STEP, WIDTH = 240, 3, 6
WORDS = ("ATGACTCAT", "AGCCAATCA")  # sites of AP-1 (MA0491.2) and of NF-Y (MA0502.2, its other strand)


def planted_folder(path: Path, *, elements: int = 60, matters: bool = True, seed: int = 0) -> Genome:
    """Write effects of masking to ``path`` and ``genome.fa`` beside it; return that genome.

    Each element has one of two words, on either strand. Masks on it matter, or without ``matters`` random ones do.
    """
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, elements * 300).astype(np.uint8)
    tables = []
    for element in range(elements):
        start, at = element * 300, 3 * int(rng.integers(5, 70))
        word = encode(WORDS[element % 2])
        codes[start + at : start + at + len(word)] = word if rng.random() < 0.5 else reverse_complement(word)
        offset = np.arange(0, WINDOW - WIDTH + 1, STEP)
        important = at if matters else 3 * int(rng.integers(5, 70))
        strong = (offset + WIDTH > important) & (offset < important + len(word))
        effect = rng.normal(0, 0.05, len(offset)) + np.where(strong, 2.0, 0)
        role = ("enhancer", "promoter")[element % 3 == 0]
        tables.append(
            pd.DataFrame({"pair": element, "role": role, "chrom": "chr1", "start": start + offset})
            .assign(end=lambda table: table["start"] + WIDTH, offset=offset, effect=effect)
            .assign(probability_effect=0.0)
        )
    path.mkdir()
    with gzip.open(path / "effects.tsv.gz", "wt") as handle:
        pd.concat(tables).to_csv(handle, sep="\t", index=False)
    pairs = pd.DataFrame({"pair": range(elements), "logit": 3.0, "probability": 0.95})
    pairs.to_csv(path / "pairs.tsv", sep="\t", index=False)
    fasta = path.parent / "genome.fa"
    fasta.write_text(">chr1\n" + "".join("ACGT"[code] for code in codes) + "\n")
    genome = Genome.open(str(fasta))
    settings = {
        "format": 1,
        "method": "mask",
        "explained": elements,
        "pairs": {"name": "pairs.csv"},
        "genome": {"name": genome.name, "digest": genome.digest()},
    }
    (path / "explain.json").write_text(json.dumps(settings))
    return genome
