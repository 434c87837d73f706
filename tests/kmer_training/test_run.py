from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from epidyn import Genome
from epidyn.errors import ConfigError, GenomeError, OutputError
from epidyn.kmer_training import Settings, neighbour_agreement, train_vectors, write_vectors
from epidyn.kmer_training.run import log
from epidyn.kmers import read_vectors
from tests.kmer_training.test_corpus import random_text

SMALL = Settings(dimensions=7, window=3, epochs=1, seed=2)


@pytest.fixture(scope="module")
def genome() -> Genome:
    return Genome.from_dict({"a": random_text(30_000, 1), "b": "ACGTTGCA" * 5, "c": "N" * 60})


def test_the_file_is_read_as_vectors_and_the_report_says_what_it_is(genome: Genome, tmp_path: Path):
    report = write_vectors(genome, tmp_path / "v.npy", SMALL, contigs=["a"])
    trained = train_vectors(genome, SMALL, contigs=["a"])
    assert np.array_equal(read_vectors(tmp_path / "v.npy"), trained.vectors)
    assert json.loads((tmp_path / "v.npy.json").read_text()) == report
    assert report["genome"] == {"name": "memory", "digest": genome.digest()}
    assert (report["bases"], report["words"], report["contigs"]) == (30_000, trained.words, ["a"])
    assert report["settings"] == {"dimensions": 7, "window": 3, "epochs": 1, "workers": 1, "seed": 2}
    assert len(report["unseen"]) == len(trained.unseen)
    assert "agreement" not in report


def test_agreement_with_a_second_seed(genome: Genome, tmp_path: Path):
    report = write_vectors(genome, tmp_path / "v.npy", SMALL, compare_seed=3)
    other = train_vectors(genome, Settings(dimensions=7, window=3, epochs=1, seed=3)).vectors
    expected = neighbour_agreement(read_vectors(tmp_path / "v.npy"), other)
    assert report["agreement"] == {"seed": 3, "neighbours": 10, "share": expected}
    with pytest.raises(ConfigError, match="--compare-seed is 2, as --seed is"):
        write_vectors(genome, tmp_path / "w.npy", SMALL, compare_seed=2)


def test_unseen_words_are_warned_of(genome: Genome, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, logger=log.name):
        write_vectors(genome, tmp_path / "v.npy", SMALL, contigs=["b"])
    assert "6-mers were seen too seldom to have a vector; their rows are zeros" in caplog.text
    assert "more bases or --epochs" in caplog.text


def test_an_output_that_cannot_be_is_found_before_training(
    genome: Genome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("epidyn.kmer_training.run.train_vectors", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(OutputError, match="no folder"):
        write_vectors(genome, tmp_path / "missing" / "v.npy", SMALL)
    (tmp_path / "v.npy.json").write_text("theirs")
    with pytest.raises(OutputError, match="exists"):
        write_vectors(genome, tmp_path / "v.npy", SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["v.npy.json"]


def test_nothing_is_written_when_training_fails(genome: Genome, tmp_path: Path):
    (tmp_path / "v.npy").write_text("theirs")
    with pytest.raises(GenomeError):
        write_vectors(genome, tmp_path / "v.npy", SMALL, contigs=["c"], force=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"v.npy": "theirs"}
