"""From a genome to a file of 6-mer vectors, with a report beside it."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from epidyn.errors import ConfigError
from epidyn.files import atomic_path, refuse_output, write_json
from epidyn.genome import Genome
from epidyn.kmer_training.sanity import NEIGHBOURS, neighbour_agreement, sanity
from epidyn.kmer_training.skipgram import Settings, train_vectors
from epidyn.kmer_training.words import spelled

log = logging.getLogger("epidyn")


def write_vectors(
    genome: Genome,
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    contigs: Sequence[str] | None = None,
    share: float = 1.0,
    compare_seed: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Train 6-mer vectors and write them as ``.npy``, with ``OUT.json`` beside them.

    Parameters
    ----------
    genome, settings, contigs, share
        As :func:`~epidyn.kmer_training.skipgram.train_vectors`.
    out
        The file; float32 (4097, dimensions), row = token id, as :func:`epidyn.kmers.read_vectors` reads it.
    compare_seed
        Train a second time from this seed, with a ``share`` on other blocks, and report how far the neighbourhoods
        of the two agree.
    force
        Replace files that exist.

    Returns
    -------
    dict
        The report: the genome and what was read of it, the settings, the words without a vector, and
        :class:`~epidyn.kmer_training.sanity.Sanity`.

    Raises
    ------
    OutputError
        If a file exists, without ``force``, or cannot be written; that is found before training.
    EpidynError
        As training raises it; nothing is then written.
    """
    settings = settings or Settings()
    if compare_seed == settings.seed:
        raise ConfigError(f"--compare-seed is {compare_seed}, as --seed is; give another one.")
    other = None if compare_seed is None else replace(settings, seed=compare_seed)
    for path in (out, f"{out}.json"):
        refuse_output(path, [genome.path] if genome.path else [], force=force)
    with atomic_path(out) as beside:
        trained = train_vectors(genome, settings, contigs=contigs, share=share)
        found = sanity(trained.vectors)
        report = {
            "genome": {"name": genome.name, "digest": genome.digest()},
            "contigs": None if contigs is None else list(contigs),
            "sample": share,
            "bases": trained.bases,
            "words": trained.words,
            "settings": asdict(settings),
            "unseen": spelled(trained.unseen),
            **asdict(found),
            "versions": {name: version(name) for name in ("epidyn", "gensim", "numpy")},
        }
        if other is not None:
            again = train_vectors(genome, other, contigs=contigs, share=share)
            agreement = neighbour_agreement(trained.vectors, again.vectors)
            report["agreement"] = {"seed": other.seed, "neighbours": NEIGHBOURS, "share": agreement}
        content = io.BytesIO()  # NumPy's own writing to a file does not say what the system said
        np.save(content, trained.vectors, allow_pickle=False)
        beside.write_bytes(content.getvalue())
    write_json(f"{out}.json", report)
    _warn(len(trained.unseen), found.complaints())
    return report


def _warn(unseen: int, complaints: Sequence[str]) -> None:
    if unseen:
        log.warning("%s 6-mers were seen too seldom to have a vector; their rows are zeros, as that of N", unseen)
    for complaint in complaints:
        log.warning("%s; vectors of more bases or --epochs may be better", complaint)
