from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from epidyn.errors import KmerVectorError, PairTableError, ShapeError
from epidyn.splits import Split
from epidyn.training.config import RunConfig
from epidyn.training.inputs import init_network_settings, initial_network, read_inputs, report_inputs
from epidyn.training.report import provenance

Build = Callable[..., RunConfig]


def test_digests_follow_the_files(simulated: Path, tmp_path: Path, toy_config: Build):
    same, again = (read_inputs(toy_config()).digests for _ in range(2))
    assert same == again
    table = pd.read_csv(simulated / "pairs.csv")
    table.iloc[::-1].to_csv(tmp_path / "p.csv", index=False)
    other = read_inputs(toy_config(data={"pairs": str(tmp_path / "p.csv")})).digests
    assert other["pairs"] != same["pairs"]
    assert other["genome"] == same["genome"]


def test_a_table_without_labels(simulated: Path, tmp_path: Path, toy_config: Build):
    pd.read_csv(simulated / "pairs.csv").drop(columns="label").to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(PairTableError, match="no label column"):
        read_inputs(toy_config(data={"pairs": str(tmp_path / "p.csv")}))


def test_given_vectors_start_both_tables(tmp_path: Path, toy_config: Build):
    vectors = np.random.default_rng(0).normal(size=(4097, 7)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors)
    network, origin = initial_network(toy_config(data={"kmer_vectors": str(tmp_path / "v.npy")}))
    assert np.array_equal(network.promoter_kmers.table.weight.detach().numpy(), vectors)
    assert origin["kmer_vectors"].startswith("v.npy (sha256 ")


@pytest.mark.parametrize(("shape", "error"), [((4097, 5), ShapeError), ((4096, 7), KmerVectorError)])
def test_vectors_of_another_shape(tmp_path: Path, toy_config: Build, shape: tuple, error: type[Exception]):
    np.save(tmp_path / "v.npy", np.zeros(shape))
    with pytest.raises(error):
        initial_network(toy_config(data={"kmer_vectors": str(tmp_path / "v.npy")}))


def test_initial_weights_follow_the_seed_alone(toy_config: Build):
    torch.manual_seed(11)
    first = initial_network(toy_config())[0].state_dict()
    torch.manual_seed(12)
    second = initial_network(toy_config())[0].state_dict()
    other = initial_network(toy_config(training={"seed": 6}))[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["dense.weight"], other["dense.weight"])


def test_a_model_lends_its_network_settings(tmp_path: Path, toy_config: Build):
    from epidyn.model import Model
    from epidyn.scoring import NetworkScorer

    network, _ = initial_network(toy_config(network={"gru": False}))
    Model(NetworkScorer(network)).save(tmp_path / "m.safetensors")
    settings = init_network_settings(str(tmp_path / "m.safetensors"))
    assert (settings["gru"], settings["channels"]) == (False, 12)


def test_reports_every_part(toy_config: Build, caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO", logger="epidyn"):
        report_inputs(toy_config(), read_inputs(toy_config()))
    assert "train: 60 pairs (30 positive), 90 window pairs (60 positive)" in caplog.text
    assert "test: 30 pairs (15 positive), 30 window pairs (15 positive)" in caplog.text
    assert "split chromosome:chr4: no test pair shares an element or an overlapping window" in caplog.text
    assert "WARNING" not in caplog.text


def test_provenance_does_not_depend_on_the_clock(toy_config: Build):
    inputs = read_inputs(toy_config())
    one, other = ({"epoch": 1, "val_loss": 0.5, "seconds": seconds} for seconds in (1.0, 2.0))
    first, second = (provenance(toy_config(), inputs, {"kmer_vectors": "v"}, row, None) for row in (one, other))
    assert first == second
    assert first.kmer_vectors == "v"


@pytest.mark.parametrize(("unused", "warns"), [(10, False), (11, True)])
@pytest.mark.parametrize("split", ["element-disjoint", "column"])
def test_many_pairs_that_element_disjoint_leaves_out_are_warned_of(
    toy_config: Build, caplog: pytest.LogCaptureFixture, split: str, unused: int, warns: bool
):
    inputs = read_inputs(toy_config())
    labels = np.tile([0, 1], 50)
    parts = np.array(["unused"] * unused + ["train"] * (100 - unused), dtype=object)
    inputs = replace(
        inputs,
        pairs=inputs.pairs.iloc[:100].assign(label=labels),
        split=Split(parts, split, "column"),
        leakage=None,
    )
    with caplog.at_level("INFO", logger="epidyn"):
        report_inputs(toy_config(), inputs)
    (said,) = (record for record in caplog.records if record.getMessage().startswith("unused: "))
    assert said.getMessage().startswith(f"unused: {unused} of 100 pairs")
    expected = warns and split == "element-disjoint"
    assert (said.levelname == "WARNING") == ("more than 10%" in said.getMessage()) == expected
