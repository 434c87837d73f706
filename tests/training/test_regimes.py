"""The regimes on two toy cell lines: what is pooled, what is kept apart, and what a model file knows of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import epidyn
from epidyn import metrics, training
from epidyn.elements import interval_hashes
from epidyn.errors import ConfigError, PairTableError
from epidyn.files import sha256
from epidyn.training.config import RunConfig, departures, make_config, read_settings, with_absolute_paths
from epidyn.training.inputs import read_inputs

Build = Callable[..., RunConfig]
General = Callable[..., RunConfig]

PLACE = [f"{role}_{part}" for role in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
RANDOM = {"split": "random", "validation": "pairs", "test_fraction": 0.2, "validation_fraction": 0.2}


@pytest.fixture(scope="module")
def lines(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two lines that share a third of their pairs, some with another label; B has no column cell_line."""
    folder = tmp_path_factory.mktemp("lines")
    table = pd.read_csv(simulated / "pairs.csv")
    row = np.arange(len(table))
    a = table[row % 3 != 0].assign(cell_line="A")
    b = table[row % 3 != 1].drop(columns="cell_line")
    b["label"] = np.where(b.index % 5 == 0, 1 - b["label"], b["label"])
    a.to_csv(folder / "first.csv", index=False)
    b.to_csv(folder / "B.csv", index=False)
    return {"A": folder / "first.csv", "B": folder / "B.csv"}


@pytest.fixture(scope="module")
def general(toy_config: Build, lines: dict[str, Path]) -> General:
    """The settings of a general run of one step; changes are settings by section."""

    def build(**changes: dict) -> RunConfig:
        data = {"pairs": [str(path) for path in lines.values()], **changes.pop("data", {})}
        settings = {"regime": "general", "max_steps": 1, **changes.pop("training", {})}
        return toy_config(data=data, training=settings, split=changes.pop("split", RANDOM))

    return build


@pytest.fixture(scope="module")
def pooled(general: General, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "general"
    training.train(general(), folder)
    return folder


def scored_pairs(folder: Path, line: str | None = None) -> list[tuple]:
    scored = pd.read_csv(folder / "predictions.tsv", sep="\t")
    kept = scored if line is None else scored[scored["cell_line"] == line]
    return list(kept[[*PLACE, "label"]].itertuples(index=False, name=None))


# General


@pytest.mark.parametrize("split", [RANDOM, {"split": "loco", "fold": "chr2", "validation": "auto"}])
@pytest.mark.parametrize("shuffle_labels", [False, True])
def test_each_line_is_tested_on_the_pairs_of_its_specific_run(
    toy_config: Build, general: General, lines: dict[str, Path], tmp_path: Path, split: dict, shuffle_labels: bool
):
    data = {"shuffle_labels": shuffle_labels}
    training.train(general(split=split, data=data), tmp_path / "general")
    for line, path in lines.items():
        own = toy_config(data={"pairs": str(path), **data}, split=split, training={"max_steps": 1})
        training.train(own, tmp_path / line)
        assert len(scored_pairs(tmp_path / line)) > 10
        assert scored_pairs(tmp_path / "general", line) == scored_pairs(tmp_path / line)


def test_scores_are_told_for_all_and_for_each_line(pooled: Path):
    report = json.loads((pooled / "metrics.json").read_text())
    scored = pd.read_csv(pooled / "predictions.tsv", sep="\t")
    assert report["test"]["pairs"] == len(scored)
    assert list(report["lines"]) == ["A", "B"]
    for line, part in scored.groupby("cell_line"):
        said = report["lines"][line]
        assert said["pairs"] == len(part) > 10
        assert said["auroc"] == pytest.approx(metrics.auroc(part["label"], part["logit"]))
        assert said["aupr"] == pytest.approx(metrics.aupr(part["label"], part["logit"]))
    assert report["data"]["regime"] == "general"
    assert report["data"]["cell_lines"] == ["A", "B"]


def test_the_model_knows_its_regime_lines_and_files(pooled: Path, lines: dict[str, Path]):
    origin = epidyn.Model.load(pooled / "model.safetensors").provenance
    assert (origin.regime, origin.cell_lines, origin.starting_model) == ("general", ["A", "B"], None)
    assert origin.pairs == [{"name": path.name, "sha256": sha256(path)} for path in lines.values()]


def test_the_config_of_a_general_run_repeats_it(pooled: Path, tmp_path: Path):
    training.train(make_config(read_settings(pooled / "config.toml")), tmp_path / "again")
    one, other = (load_file(folder / "model.safetensors") for folder in (pooled, tmp_path / "again"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (pooled / "predictions.tsv").read_bytes() == (tmp_path / "again" / "predictions.tsv").read_bytes()


def test_strict_pooling_trains_on_no_element_that_another_line_tests(
    general: General, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    config = general(split={**RANDOM, "pool": "strict"})
    with caplog.at_level("INFO", logger="epidyn"):
        model = training.train(config, tmp_path / "run")
    inputs, loose = read_inputs(config), read_inputs(general())
    line = inputs.pairs["cell_line"].to_numpy()
    for own, other in (("A", "B"), ("B", "A")):
        test = inputs.pairs[(inputs.split.parts == "test") & (line == own)]
        seen = np.isin(inputs.split.parts, ("train", "validation")) & (line == other)
        assert not np.isin(interval_hashes(test), interval_hashes(inputs.pairs[seen])).any()
    report = json.loads((tmp_path / "run" / "metrics.json").read_text())["split"]
    assert report["pool"] == "strict"
    assert report["left_out_by_pool"] == report["unused"]["pairs"] > 10
    assert f"pool strict: {report['left_out_by_pool']} pairs left out" in caplog.text
    assert inputs.leakage is not None
    assert loose.leakage is not None
    assert (inputs.leakage.other_line_seen, loose.leakage.other_line_seen > 0.2) == (0, True)
    assert report["leakage"]["other_line_seen"] == 0
    assert model.provenance.split["pool"] == "strict"


def test_a_chromosome_left_out_is_left_out_of_all_lines(general: General):
    inputs = read_inputs(general(split={"split": "loco", "fold": "chr2", "validation": "auto"}))
    seen = inputs.pairs[np.isin(inputs.split.parts, ("train", "validation"))]
    assert "chr2" not in set(seen["promoter_chrom"])
    assert inputs.leakage is not None
    assert not inputs.leakage.leaks


@pytest.mark.parametrize("pool", ["all", "strict"])
def test_copies_balance_the_pooled_table(general: General, lines: dict[str, Path], tmp_path: Path, pool: str):
    table = pd.read_csv(lines["B"])
    few = pd.concat([table[table["label"] == 0], table[table["label"] == 1][:8]])
    few.to_csv(tmp_path / "B.csv", index=False)
    config = general(
        data={"pairs": [str(lines["A"]), str(tmp_path / "B.csv")]},
        training={"copies": "balanced"},
        split={**RANDOM, "pool": pool},
    )
    inputs = read_inputs(config)
    labels = inputs.pairs["label"][inputs.split.parts != "unused"]
    expected = round((labels == 0).sum() / (labels == 1).sum())
    assert inputs.data.copies == (expected if expected > 1 else 0)


# What does not fit


def test_a_regime_must_fit_the_lines(general: General, toy_config: Build, lines: dict[str, Path], pooled: Path):
    both = [str(path) for path in lines.values()]
    model = str(pooled / "model.safetensors")
    with pytest.raises(ConfigError, match=r"--regime specific is for one cell line.*2 \(A, B\).*--regime general"):
        read_inputs(toy_config(data={"pairs": both}))
    with pytest.raises(ConfigError, match="--regime fine-tuned is for one cell line"):
        read_inputs(toy_config(data={"pairs": both}, training={"regime": "fine-tuned", "init": model}))
    with pytest.raises(ConfigError, match=r"there is one \(A\)\. Give --pairs once for each line"):
        read_inputs(general(data={"pairs": both[0]}))
    with pytest.raises(
        ConfigError, match="--pool strict is about other cell lines, and --regime specific has one"
    ):
        read_inputs(toy_config(data={"pairs": both[0]}, split={"pool": "strict"}))


def test_two_labels_of_a_pair_in_one_line(general: General, lines: dict[str, Path], tmp_path: Path):
    table = pd.read_csv(lines["A"])
    twice = pd.concat(
        [table, table[3:4].assign(label=1 - table["label"][3], enhancer_chrom="1", promoter_chrom="1")]
    )
    twice.to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(PairTableError, match="1 pair has both labels in one cell line") as caught:
        read_inputs(general(data={"pairs": [str(lines["B"]), str(tmp_path / "A.csv")]}))
    (row,) = caught.value.rows
    for at in (3, len(table)):
        assert f"{tmp_path / 'A.csv'} row {at}" in row


def test_a_list_of_one_table_is_that_table_and_others_are_refused(toy_config: Build, lines: dict[str, Path]):
    path = str(lines["A"])
    one = toy_config(data={"pairs": [path]})
    assert (one.data.pairs, one.data.tables()) == (path, [path])
    assert f'pairs = "{path}"' in one.to_toml()
    for wrong in ([], 3, [3], [""]):
        with pytest.raises(ConfigError) as caught:
            toy_config(data={"pairs": wrong})
        assert caught.value.rows == (f"data.pairs: a path, or a list of paths, is needed (given: {wrong!r})",)


def test_several_tables_are_named_from_the_root(
    toy_config: Build, lines: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(lines["A"].parent)
    named = with_absolute_paths(toy_config(data={"pairs": [path.name for path in lines.values()]}))
    assert named.data.pairs == [str(path) for path in lines.values()]


# Fine-tuned


def tune(toy_config: Build, lines: dict[str, Path], start: Path, **changes: dict) -> RunConfig:
    settings = {
        "regime": "fine-tuned",
        "init": str(start / "model.safetensors"),
        "max_steps": 1,
        **changes.pop("training", {}),
    }
    return toy_config(data={"pairs": str(lines["B"])}, training=settings, split={**RANDOM, **changes})


def test_a_fine_tuned_model_knows_both_regimes(
    toy_config: Build, lines: dict[str, Path], pooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    origin = training.train(tune(toy_config, lines, pooled), tmp_path / "run").provenance
    assert (origin.regime, origin.cell_lines) == ("fine-tuned", ["B"])
    assert origin.starting_model == {
        "name": "model.safetensors",
        "sha256": sha256(pooled / "model.safetensors"),
        "regime": "general",
        "cell_lines": ["A", "B"],
        "starting_model": None,
    }
    assert scored_pairs(tmp_path / "run") == scored_pairs(pooled, "B")
    assert "under another split" not in caplog.text
    assert "is to start from a model of the general regime" not in caplog.text


def test_the_learning_rate_is_lower_unless_it_is_given(toy_config: Build):
    start = {"regime": "fine-tuned", "init": "m.safetensors"}
    base = {"data": {"pairs": "p.csv", "genome": "g.fa"}}
    assert make_config(base, {"training": start}).training.learning_rate == 1e-4
    assert make_config(base, {"training": {**start, "learning_rate": 0.01}}).training.learning_rate == 0.01
    assert make_config(base).training.learning_rate == 1e-3
    published = make_config(base, {"training": {**start, "protocol": "published"}})
    assert published.training.learning_rate == 1e-4
    assert published.training.batch_size == 64
    assert departures(published) == ["data.kmer_vectors: none (published: dna2vec's)"]


def test_fine_tuning_needs_a_model(toy_config: Build):
    with pytest.raises(ConfigError) as caught:
        toy_config(training={"regime": "fine-tuned"})
    (complaint,) = caught.value.rows
    assert "regime fine-tuned starts from a model of the general regime; give it as --init" in complaint


def test_warns_of_a_starting_model_that_is_not_general(
    toy_config: Build, lines: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    own = toy_config(data={"pairs": str(lines["A"])}, split=RANDOM, training={"max_steps": 1})
    training.train(own, tmp_path / "specific")
    training.train(tune(toy_config, lines, tmp_path / "specific"), tmp_path / "run")
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any(
        "is to start from a model of the general regime; the one given is of specific" in each for each in warned
    )


def test_warns_of_a_general_model_that_was_split_otherwise(
    toy_config: Build, lines: dict[str, Path], pooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    training.train(tune(toy_config, lines, pooled, training={"seed": 6}), tmp_path / "run")
    assert "was trained on B under another split (seed 5, here 6), so it may have seen test pairs" in caplog.text


# Optimisers


@pytest.mark.parametrize("name", ["NAdam", "Adam", "AdamW", "RMSprop"])
def test_each_optimiser_trains_and_resumes_to_the_same_bits(toy_config: Build, tmp_path: Path, name: str):
    from epidyn.training.checkpoint import TrainingState

    config = toy_config(training={"optimizer": name, "epochs": 2, "save_minutes": 0})
    training.train(config, tmp_path / "whole")
    save = TrainingState.save

    class StoppedError(Exception):
        pass

    def stopping(self: TrainingState, path: Path) -> None:
        save(self, path)
        if self.step == 4:
            raise StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingState, "save", stopping)
        with pytest.raises(StoppedError):
            training.train(config, tmp_path / "stopped")
    training.resume(tmp_path / "stopped")
    one, other = (load_file(tmp_path / run / "model.safetensors") for run in ("whole", "stopped"))
    assert all(torch.equal(one[each], other[each]) for each in one)
    assert epidyn.Model.load(tmp_path / "whole" / "model.safetensors").provenance.training["optimizer"] == name


def test_optimisers_are_those_of_torch_and_differ(toy_config: Build):
    from epidyn.training.inputs import initial_network
    from epidyn.training.module import NetworkModule

    for name in ("NAdam", "Adam", "AdamW", "RMSprop"):
        config = toy_config(training={"optimizer": name, "learning_rate": 0.25})
        made = NetworkModule(initial_network(config)[0], config.training).configure_optimizers()
        assert type(made) is getattr(torch.optim, name)
        assert made.param_groups[0]["lr"] == 0.25
    published = {"data": {"pairs": "p.csv", "genome": "g.fa"}, "training": {"protocol": "published"}}
    assert make_config(published).training.optimizer == "NAdam"
    changed = make_config(published, {"training": {"optimizer": "Adam"}})
    assert "training.optimizer: Adam (published: NAdam)" in departures(changed)
