"""The model file of format 1 that every version must read; tests/data/format1/README.md says what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, Model, read_pairs

FORMAT1 = Path(__file__).parent / "data" / "format1"


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(FORMAT1 / "model.safetensors")


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    return read_pairs(FORMAT1 / "pairs.csv")


def test_gives_the_scores_it_gave(model: Model, pairs: pd.DataFrame):
    kept = pd.read_csv(FORMAT1 / "scores.tsv", sep="\t")
    assert kept["probability"].nunique() > 40
    with Genome.open(FORMAT1 / "genome.fa.gz") as genome:
        probability = model.predict(pairs, genome)
    np.testing.assert_allclose(probability, kept["probability"], atol=1e-5)


def test_knows_where_it_came_from(model: Model):
    known = model.provenance
    assert (known.version, known.regime, known.cell_lines) == ("0.1.0", "fine-tuned", ["simulated"])
    assert known.training_prevalence == 0.5
    assert known.starting_model is not None
    assert known.starting_model["regime"] == "specific"
    assert known.calibration is not None
    assert (known.calibration.method, known.calibration.pairs) == ("platt", 48)
    assert known.split is not None
    assert known.split["kind"] == "chromosome:chr4"
    assert known.training is not None
    assert known.training["batch_size"] == 6
    assert len(known.interval_hashes()) == 72
