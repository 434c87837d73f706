from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import epidyn
from epidyn.errors import OutputError
from epidyn.simulate import FILES, configure, write_simulation

from .toys import simulated


@pytest.fixture
def simulation():
    return simulated(chromosomes=2, pairs_per_chromosome=4, classes=3)


def test_what_is_written_is_read_back(simulation, tmp_path):
    folder = write_simulation(simulation, tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == set(FILES) - {"genome.fa.fai"}
    genome = epidyn.Genome.open(folder / "genome.fa")
    assert genome.sizes == {name: len(codes) for name, codes in simulation.chromosomes.items()}
    assert epidyn.Genome.open(f"random:{folder / 'genome.chrom.sizes'}").sizes == genome.sizes
    np.testing.assert_array_equal(genome.fetch("chr2", 0, genome.sizes["chr2"]), simulation.chromosomes["chr2"])
    pairs = epidyn.read_pairs(folder / "pairs.csv")
    pd.testing.assert_frame_equal(pairs, simulation.pairs, check_flags=False)
    assert configure(json.loads((folder / "simulation.json").read_text())) == simulation.config


def test_truth_bed_is_bed6_with_named_extra_columns(simulation, tmp_path):
    folder = write_simulation(simulation, tmp_path)
    header, *lines = (folder / "truth.bed").read_text().splitlines()
    assert header == "#chrom\tstart\tend\tname\tscore\tstrand\telement_name\trole\tclass\tkind"
    assert len(lines) == len(simulation.truth)
    assert lines[0].split("\t") == [str(value) for value in simulation.truth.iloc[0]]


def test_families_json_lists_the_classes_in_use(simulation, tmp_path):
    families = json.loads((write_simulation(simulation, tmp_path) / "families.json").read_text())
    assert [family["name"] for family in families["families"]] == ["AP-1", "STAT", "AP-2"]
    assert set(simulation.truth["class"]) - {"."} <= {
        entry["name"] for entry in families["families"] + families["decoys"]
    }
    assert "CC BY 4.0" in families["source"]


def test_a_folder_in_use_needs_force(simulation, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "genome.fa.fai").write_text("an old index")
    with pytest.raises(OutputError, match="not empty"):
        write_simulation(simulation, tmp_path)
    write_simulation(simulation, tmp_path, force=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not (tmp_path / "genome.fa.fai").exists()
