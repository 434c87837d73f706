"""The examples of docstrings run, and library calls leave standard output to the caller."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import epidyn

if TYPE_CHECKING:
    from epidyn.training.config import RunConfig

SOURCE = Path(epidyn.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(("epidyn", *path.relative_to(SOURCE).with_suffix("").parts))
    for path in SOURCE.rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of(name: str):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_first_things_that_one_calls_have_examples():
    assert {"epidyn.genome.base", "epidyn.kmers", "epidyn.pairs.summary", "epidyn.windows"} <= set(WITH_EXAMPLES)


def test_library_calls_print_nothing(
    simulated: Path, toy_config: Callable[..., RunConfig], tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    from epidyn.audit import audit
    from epidyn.evaluation import evaluate
    from epidyn.kmer_training import Settings, write_vectors
    from epidyn.predict import predict_table
    from epidyn.scores import read_scores
    from epidyn.training import train

    pairs = epidyn.read_pairs(simulated / "pairs.csv")
    epidyn.write_pairs(pairs, tmp_path / "pairs.tsv")
    epidyn.pairs.summarise(pairs)
    with epidyn.Genome.open(simulated / "genome.fa") as genome:
        genome.digest()
        write_vectors(genome, tmp_path / "v.npy", Settings(dimensions=4, window=2, epochs=1))
        train(toy_config(training={"epochs": 1}), tmp_path / "run")
        model = epidyn.Model.load(tmp_path / "run" / "model.safetensors")
        repr(model)
        model.predict(pairs, genome)
        predict_table(tmp_path / "run" / "model.safetensors", tmp_path / "pairs.tsv", genome, tmp_path / "s.tsv")
    evaluate(read_scores(tmp_path / "s.tsv"))
    audit(pairs)
    assert capfd.readouterr().out == ""
