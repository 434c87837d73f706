"""What a run would train, validate and test on, written for other people's models."""

from __future__ import annotations

import os
from pathlib import Path

from epidyn.training.config import RunConfig
from epidyn.training.inputs import draw_split, read_table, window_settings
from epidyn.triplet import write_triplets


def export_triplets(config: RunConfig, out: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write the split of a run as FASTA triplets and train nothing; see :func:`epidyn.triplet.write_triplets`.

    Parameters
    ----------
    config
        The run.
    out
        The folder in which that of the cell line is made.
    force
        Replace the files of an earlier export.

    Returns
    -------
    Path
        The folder of the cell line.

    Raises
    ------
    EpidynError
        As :func:`epidyn.training.train` before it trains, and OutputError if the folder is not empty.
    """
    pairs, genome = read_table(config)
    split = draw_split(config, pairs, genome)
    with genome:
        return write_triplets(pairs, genome, split, out, force=force, **window_settings(config))
