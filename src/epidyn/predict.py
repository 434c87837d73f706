"""Score a pair table of any length, in bounded memory."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pandas as pd
import torch

from epidyn import __version__, progress
from epidyn.calibration import sigmoid
from epidyn.elements import pairs_among
from epidyn.errors import ConfigError
from epidyn.fetch import located
from epidyn.files import refuse_output, sha256, write_json
from epidyn.genome import Genome
from epidyn.model import Model
from epidyn.pairs import iter_pairs
from epidyn.score_files import open_scores
from epidyn.scores import with_scores
from epidyn.scoring import DEFAULT_BATCH_SIZE, Logits
from epidyn.stems import DEFAULT_STEM_MEMORY, StemCache

log = logging.getLogger("epidyn")

# At the published window lengths a chunk of distinct pairs takes 330 MB; pairs that recur in it are scored once.
CHUNK_ROWS = 65_536


def predict_table(
    model_path: str | os.PathLike[str],
    pairs: str | os.PathLike[str],
    genome: Genome,
    out: str | os.PathLike[str] | None = None,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    rc_average: bool = False,
    prevalence: float | None = None,
    device: str = "cpu",
    stem_memory: int = DEFAULT_STEM_MEMORY,
    force: bool = False,
    chunk_rows: int = CHUNK_ROWS,
) -> int:
    """Stream a pair table through a model and write its scores.

    The output is a table: the pair table's columns as :func:`epidyn.read_pairs` gives them, then ``logit`` and
    ``probability``, in row order (of a calibrated model ``logit`` is its own, ``probability`` calibrated, and
    ``raw_probability`` that of the logit); beside it ``OUT.json`` with the model's digest, the settings, and how
    many elements were encoded. It is TSV, or what its name ends in: ``.csv``, ``.bedpe``, ``.parquet``, or, for
    genome browsers, ``.interact`` (UCSC) and ``.longrange`` (WashU); see :mod:`epidyn.score_files`.

    Parameters
    ----------
    model_path, pairs, genome
        The model file, a table in any format that ``read_pairs`` takes, and the genome of its coordinates.
    out
        Where to write; None is standard output, without the JSON.
    batch_size, rc_average, prevalence, stem_memory
        As :meth:`epidyn.Model.predict`; stems are kept from chunk to chunk.
    device
        A torch device.
    force
        Replace ``out`` if it exists.
    chunk_rows
        Rows held at once; memory follows it, not the table.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    OutputError
        If ``out`` exists, without ``force``, or its name ends in what is not written.
    PairTableError
        If the table cannot be used, or BEDPE or Parquet cannot hold it.
    EpidynError
        As reading the model, the table and the genome raise it; nothing is then left at ``out``.
    """
    pairs = located(pairs)
    if out is not None:
        inputs = [model_path, pairs, *([genome.path] if genome.path else [])]
        for path in (out, f"{out}.json"):
            refuse_output(path, inputs, force=force)
    model = Model.load(model_path)
    model.logit_shift(prevalence)  # refuse a bad prevalence before any work
    mention_other_genome(model, genome)
    if device != "cpu":
        model.scorer.to(existing_device(device))
    seen_before, seen = model.provenance.interval_hashes(), 0
    stems = StemCache(model.scorer, stem_memory)  # where the network is by now; refuses a bad memory
    # The bar is over the table's bytes, which are known without reading it first.
    size = Path(pairs).stat().st_size if Path(pairs).is_file() else None
    with open_scores(out) as write, progress.bar("Predicting", size) as advance:
        rows = 0
        for chunk in iter_pairs(pairs, rows=chunk_rows, on_bytes=advance):
            logits = model.predict_logits(chunk, genome, batch_size=batch_size, rc_average=rc_average, stems=stems)
            write(scored(model, chunk, logits, prevalence))
            rows += len(chunk)
            seen += int(pairs_among(chunk, seen_before).sum())
            advance(0, f"{rows:,} rows")
    if seen:
        log.warning(
            "%s of %s pairs have both elements among those that the model was trained on; their scores say little "
            "of how well it predicts others",
            f"{seen:,}",
            f"{rows:,}",
        )
    cure = "; more --stem-memory spares that" if stems.again else ""
    log.info("encoded %s elements, %s of them again%s", f"{stems.encoded:,}", f"{stems.again:,}", cure)
    if out is not None:
        settings = {
            "rows": rows,
            "pairs_seen_in_training": seen,
            "rc_average": rc_average,
            "prevalence": prevalence,
        }
        counts = {"encoded": stems.encoded, "encoded_again": stems.again}
        _write_settings(f"{out}.json", model_path, pairs, genome, settings | counts)
    return rows


def mention_other_genome(model: Model, genome: Genome) -> None:
    """Log that a model learned from another genome than the one it is to read, as far as that is known."""
    learned = model.provenance.genome
    if learned is not None and learned["digest"] != genome.digest():
        log.info("the model was trained on another genome (%s); this is %s", learned["name"], genome.name)


def scored(model: Model, pairs: pd.DataFrame, logits: Logits, prevalence: float | None) -> pd.DataFrame:
    """Return the table with what its logits, float32 (n,), mean behind it; see :func:`predict_table`."""
    probabilities = model.probabilities(logits, prevalence)
    if model.provenance.calibration is not None:
        return with_scores(pairs, logits, probabilities, sigmoid(logits))
    return with_scores(pairs, logits + model.logit_shift(prevalence), probabilities)


def _write_settings(
    path: str,
    model_path: str | os.PathLike[str],
    pairs: str | os.PathLike[str],
    genome: Genome,
    settings: dict[str, int | float | bool | None],
) -> None:
    """Write what the scores came from beside them."""
    origin = {
        "model": {"path": str(model_path), "sha256": sha256(model_path)},
        "pairs": {"path": str(pairs), "sha256": sha256(pairs)},
        "genome": {"name": genome.name, "digest": genome.digest()},
    }
    write_json(path, {**origin, **settings, "version": __version__})


def existing_device(device: str) -> torch.device:
    """Return the torch device of this name; ConfigError if the machine has none such."""
    try:
        found = torch.device(device)
        torch.empty(1, device=found).cpu()  # a device such as meta takes numbers and gives none back
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {device}: this machine has no such device ({reason}). Use cpu.") from error
    return found
