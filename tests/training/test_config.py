from __future__ import annotations

from pathlib import Path

import pytest

from epidyn.errors import ConfigError, InputFileError
from epidyn.training.config import (
    departures,
    make_config,
    parse_assignments,
    read_settings,
    with_absolute_paths,
)

DATA = {"data": {"pairs": "p.csv", "genome": "g.fa"}}


def test_defaults_are_the_published_numbers():
    training = make_config(DATA).training
    assert (training.epochs, training.patience, training.batch_size, training.learning_rate) == (30, 5, 64, 1e-3)
    assert make_config(DATA).split.validation == "auto"


def test_published_protocol():
    config = make_config(DATA, {"training": {"protocol": "published"}})
    assert (config.split.split, config.split.validation) == ("random", "samples")
    assert (config.training.copies, config.training.step) == (20, 50)
    assert (config.network.dropout, config.network.attention_dropout) == (0.5, 0.1)
    assert departures(config) == ["data.kmer_vectors: none (published: dna2vec's)"]
    given = make_config(
        {"data": {**DATA["data"], "kmer_vectors": "v.npy"}}, {"training": {"protocol": "published"}}
    )
    assert departures(given) == []


def test_explicit_settings_win_over_the_protocol_and_are_named():
    config = make_config(DATA, {"training": {"protocol": "published", "copies": 5}, "network": {"gru": False}})
    assert config.training.copies == 5
    assert departures(config)[1:] == [
        "training.copies: 5 (published: 20)",
        "network.gru: False (published: True)",
    ]


def test_without_a_protocol_nothing_departs():
    assert departures(make_config(DATA, {"training": {"copies": 5}})) == []


def test_later_layers_win():
    config = make_config(DATA, {"training": {"seed": 1, "epochs": 2}}, {"training": {"seed": 3}})
    assert (config.training.seed, config.training.epochs) == (3, 2)


def test_toml_round_trip(tmp_path: Path):
    config = make_config(DATA, {"training": {"protocol": "published", "max_steps": 7}, "network": {"heads": 5}})
    (tmp_path / "c.toml").write_text(config.to_toml())
    assert make_config(read_settings(tmp_path / "c.toml")) == config


def test_assignments():
    assert parse_assignments(["network.gru=false", "training.seed = 7", "split.split=chromosome:chr1"]) == {
        "network": {"gru": False},
        "training": {"seed": 7},
        "split": {"split": "chromosome:chr1"},
    }


@pytest.mark.parametrize("assignment", ["gru=false", "network.gru", "network.=1"])
def test_refuses_what_is_no_assignment(assignment: str):
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        parse_assignments([assignment])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"training": {"epoch": 3}}, "training.epoch is unknown; known are model, protocol, regime, copies,"),
        ({"trainings": {}}, "trainings is unknown; known are data, split, training, network"),
        ({"network": {"chanels": 3}}, "network.chanels is unknown; known are enhancer_length"),
        (
            {"training": {"batch_size": 1}},
            "training.batch_size: Input should be greater than or equal to 2 (given: 1)",
        ),
        ({"training": {"learning_rate": 0}}, "training.learning_rate"),
        (
            {"training": {"conv": "winograd"}},
            "training.conv: Input should be 'auto', 'direct' or 'fft' (given: 'winograd')",
        ),
        (
            {"training": {"precision": "64"}},
            "training.precision: Input should be 'auto', '32' or 'bf16' (given: '64')",
        ),
        (
            {"network": {"enhancer_length": 79}},
            "enhancer_length (79) is too short for enhancer_kernel (80) and enhancer_pool (15)",
        ),
        ({"network": {"heads": 7}}, "network: channels (100) must be a multiple of heads (7)"),
    ],
)
def test_complaints_name_section_key_value_and_what_is_allowed(settings: dict, complaint: str):
    with pytest.raises(ConfigError) as caught:
        make_config(DATA, settings)
    assert complaint in "\n".join(caught.value.rows)


def test_all_complaints_at_once():
    with pytest.raises(ConfigError) as caught:
        make_config({"training": {"epochs": 0, "seed": -1}})
    assert [row.split(":")[0] for row in caught.value.rows] == ["data", "training.epochs", "training.seed"]


def test_a_setting_outside_a_section():
    with pytest.raises(ConfigError, match="'seed' stands outside a section"):
        make_config({"seed": 3})


def test_files_that_are_no_toml(tmp_path: Path):
    (tmp_path / "c.toml").write_text("[training\n")
    with pytest.raises(ConfigError, match=r"c\.toml is no TOML"):
        read_settings(tmp_path / "c.toml")
    with pytest.raises(InputFileError, match="does not exist"):
        read_settings(tmp_path / "none.toml")


def test_what_is_no_published_run_is_named():
    config = make_config(
        {"data": {**DATA["data"], "kmer_vectors": "v.npy", "shuffle_labels": True}},
        {"training": {"protocol": "published", "max_steps": 3, "init": "m.safetensors", "precision": "bf16"}},
    )
    assert departures(config) == [
        "training.max_steps: 3 (published: none)",
        "training.init: m.safetensors (published: none)",
        "data.shuffle_labels: True (published: False)",
        "training.precision: bf16 (published: 32)",
    ]


def test_files_are_named_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.chrom.sizes").write_text("chr1\t5\n")
    for genome, absolute in (
        ("g.fa", f"{tmp_path}/g.fa"),
        ("random:hg19:7", "random:hg19:7"),
        ("random:s.chrom.sizes:7", f"random:{tmp_path}/s.chrom.sizes:7"),
    ):
        config = make_config(
            {"data": {"pairs": "p.csv", "genome": genome, "kmer_vectors": "v.npy"}, "training": {"init": "m"}}
        )
        found = with_absolute_paths(config)
        assert (found.data.genome, found.data.pairs) == (absolute, f"{tmp_path}/p.csv")
        assert (found.data.kmer_vectors, found.training.init) == (f"{tmp_path}/v.npy", f"{tmp_path}/m")


@pytest.mark.parametrize("copies", ["abc", -1, 2.5])
def test_one_complaint_for_a_setting_of_two_types(copies: object):
    with pytest.raises(ConfigError) as caught:
        make_config(DATA, {"training": {"copies": copies}})
    assert caught.value.rows == (
        f"training.copies: a whole number from 0 to 1000 or 'balanced' is needed (given: {copies!r})",
    )


def test_precision_may_be_a_number():
    assert make_config(DATA, parse_assignments(["training.precision=32"])).training.precision == "32"


def test_a_fold_may_be_a_number():
    for assignment in ("split.fold=0", "split.fold='0'"):
        assert make_config(DATA, parse_assignments([assignment])).split.fold == "0"
    assert make_config(DATA, parse_assignments(["split.fold=chrX"])).split.fold == "chrX"
