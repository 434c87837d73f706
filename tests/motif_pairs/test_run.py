"""Runs that train a model of motif pairs: the same folder, the same life as a network's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from epidyn import Model, crossval
from epidyn.errors import ConfigError, MatrixError, OutputError
from epidyn.motif_pairs import MotifPairsScorer
from epidyn.report.collect import collect
from epidyn.training import motif_pairs_learner as learner
from epidyn.training import resume, train, train_or_resume, validate
from epidyn.training.config import PUBLISHED, RunConfig, departures, make_config, read_settings
from epidyn.tuning import PAPER, tune
from epidyn.tuning.space import Choices, Space
from tests.cli.conftest import listing
from tests.motif_pairs.planted import planted_folder, settings_of

Settings = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_folder(tmp_path_factory.mktemp("pairing"))


@pytest.fixture
def settings(folder: Path) -> Settings:
    return settings_of(folder)


@pytest.fixture
def config(settings: Settings) -> RunConfig:
    return make_config(settings)


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; no test changes it."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(make_config(settings_of(folder)), out)
    return out


def test_a_run_folder_like_any_other(whole: Path):
    assert set(listing(whole)) == {
        "config.toml",
        "history.csv",
        "log.txt",
        "metrics.json",
        "model.safetensors",
        "predictions.tsv",
        "split.tsv",
    }
    metrics = json.loads((whole / "metrics.json").read_text())
    assert metrics["test"]["auroc"] > 0.9
    assert metrics["data"]["copies"] == 0
    assert metrics["time"]["training_window_pairs_per_second"] is None
    history = pd.read_csv(whole / "history.csv")
    columns = ["epoch", "seconds", "penalty", "singles", "pairs", "val_loss", "val_auroc", "val_aupr"]
    assert history.columns.tolist() == columns
    kept = history.loc[history["val_loss"].idxmin()]
    of_motifs = metrics["validation"].pop("motifs_val_auroc")
    assert metrics["validation"] == pytest.approx(kept.to_dict())
    assert 0.5 <= of_motifs <= 1
    model = Model.load(whole / "model.safetensors")
    assert isinstance(model.scorer, MotifPairsScorer)
    assert len(model.scorer.terms.pairs) == kept["pairs"]
    assert model.provenance.kmer_vectors is None
    assert model.provenance.motifs is not None
    assert model.provenance.motifs.startswith("own.meme (16, sha256 ")
    assert model.provenance.training_prevalence == 0.5
    shown = dict(model.describe())
    assert "at the enhancer with" in shown["motif-pairs.term 1"]
    assert "training.epochs" not in shown
    assert f"kept products {int(kept['pairs'])}, single scores" in (whole / "log.txt").read_text()
    asked = model.provenance.training
    assert asked["motif_pairs.motifs"] == "own.meme"  # no path of this machine
    assert (asked["motif_pairs.screened"], asked["motif_pairs.composition"]) == (1000, True)
    assert "motif_pairs.score_cache" not in asked
    assert shown["training.motif_pairs.distance"] == "False"


def test_what_was_planted_are_the_strongest_terms(whole: Path, folder: Path):
    families = {}
    for family in json.loads((folder / "families.json").read_text())["families"]:
        families |= dict.fromkeys(family["members"], family["name"])
    scorer = Model.load(whole / "model.safetensors").scorer
    assert isinstance(scorer, MotifPairsScorer)
    strongest = abs(scorer.terms.pair_weights).argsort()[::-1][:3]
    named = [[families.get(scorer.matrices[at].id) for at in scorer.terms.pairs[term]] for term in strongest]
    assert all(first == second is not None for first, second in named)
    assert len({first for first, _ in named}) == 3


def test_a_stopped_run_begins_again_and_ends_with_the_same_model(
    config: RunConfig, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(learner, "fit", stop)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()
    resume(tmp_path / "run")
    for name in ("model.safetensors", "predictions.tsv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes()
    assert (
        train_or_resume(config, tmp_path / "run").provenance == Model.load(whole / "model.safetensors").provenance
    )


def test_each_penalty_is_told_as_an_epoch(config: RunConfig, whole: Path):
    told: list[dict[str, float]] = []
    history = validate(config, told.append)
    assert told == history
    assert len(history) == len(pd.read_csv(whole / "history.csv"))


def test_what_is_read_can_be_tuned(config: RunConfig, tmp_path: Path):
    space: Space = {"motif_pairs.sites": Choices((1, 4))}
    folder = tune(config, tmp_path / "tuned", trials=2, space=space)
    trials = pd.read_csv(folder / "trials.csv")
    assert trials["state"].tolist() == ["complete"] * 2
    with pytest.raises(ConfigError, match="the space holds what no run can use") as error:
        tune(config, tmp_path / "other", trials=2, space=PAPER)
    assert "training.learning_rate" in str(error.value)
    trials = pd.read_csv(tune(config, tmp_path / "usual", trials=2) / "trials.csv")
    assert {"motif_pairs.sites", "motif_pairs.screened", "motif_pairs.composition"} <= set(trials)
    assert trials["state"].tolist() == ["complete"] * 2


def test_cross_validation(settings: Settings, tmp_path: Path):
    settings["split"] = {"split": "chromosome-kfold:2"}
    found = crossval.crossval(make_config(settings), tmp_path / "folds")
    assert found.table["auroc"].iloc[:2].min() > 0.8


def test_folds_without_a_term_are_named(settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    settings["split"] = {"split": "chromosome-kfold:2"}
    settings["data"]["shuffle_labels"] = True
    found = crossval.crossval(make_config(settings), tmp_path / "folds")
    folds = found.table.iloc[:2]
    flat = folds["fold"][folds["auroc"] == 0.5].tolist()
    assert flat
    assert f"fold {', '.join(flat)}: the model gives all pairs one score" in caplog.text
    assert folds["motifs_auroc"].tolist() == folds["auroc"].tolist()


def test_the_report_takes_it_for_no_network(whole: Path):
    (run,) = collect([whole]).runs
    (place,) = run.places
    assert (place.experiment, place.what) == ("other-splits", "chromosome:chr5: motif pairs")


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("training", "epochs", 3),
        ("training", "copies", 20),
        ("training", "learning_rate", 0.1),
        ("training", "init", "model.safetensors"),
        ("training", "accelerator", "gpu"),
        ("training", "rc_augment", True),
        ("network", "gru", False),
        ("network", "enhancer_length", 300),
        ("data", "kmer_vectors", "v.npy"),
    ],
)
def test_what_only_networks_heed_is_refused(settings: Settings, section: str, name: str, value: object):
    changed = {**settings, section: {**settings.get(section, {}), name: value}}
    with pytest.raises(ConfigError, match=rf"no effect with training.model motif-pairs: {section}\.{name}\."):
        make_config(changed)


def test_what_only_motif_pairs_heed_is_refused(settings: Settings):
    settings["training"] = {}
    with pytest.raises(
        ConfigError, match=r"no effect with training.model network: motif_pairs\.enhancer_length, "
    ):
        make_config(settings)


def test_the_published_protocol_is_departed_from(settings: Settings):
    settings["training"]["protocol"] = "published"
    found = departures(make_config(settings))
    assert "training.model: motif-pairs (published: network)" in found
    assert "training.copies: 0 (published: 20)" in found
    assert PUBLISHED["training"]["model"] == "network"


def test_settings_survive_their_file(config: RunConfig, whole: Path):
    assert make_config(read_settings(whole / "config.toml")) == config


def test_what_a_run_starts_with_is_refused_before_anything_is_written(settings: Settings, tmp_path: Path):
    own = Path(settings["motif_pairs"]["motifs"]).read_text()
    for name in ("distance", "G+C"):
        (tmp_path / "own.meme").write_text(own.replace(own.split("MOTIF ")[1].split()[0], name))
        settings["motif_pairs"]["motifs"] = str(tmp_path / "own.meme")
        with pytest.raises(MatrixError, match="names that other terms have") as error:
            train(make_config(settings), tmp_path / "run")
        assert list(error.value.rows) == [name]
    settings["motif_pairs"]["score_cache"] = str(tmp_path / "own.meme")
    (tmp_path / "own.meme").write_text(own)
    with pytest.raises(OutputError, match="cannot make the folder of scores"):
        train(make_config(settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_motifs_that_a_window_cannot_hold_are_told(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    rows = ["0.7 0.1 0.1 0.1"] * 270  # the promoter's window has 260 bases, the enhancer's 300
    own = Path(settings["motif_pairs"]["motifs"]).read_text()
    wide = "\n".join([own, "MOTIF wide", "letter-probability matrix:", *rows, ""])
    (tmp_path / "own.meme").write_text(wide)
    settings["motif_pairs"]["motifs"] = str(tmp_path / "own.meme")
    train(make_config(settings), tmp_path / "run")
    assert "wider than the promoter's window of 260 bases, which have no sites there: wide" in caplog.text
    assert "the enhancer's window" not in caplog.text


def test_there_is_no_network_to_fine_tune_or_to_start_from(settings: Settings, whole: Path, tmp_path: Path):
    fine_tuned = {**settings, "training": {"model": "motif-pairs", "regime": "fine-tuned"}}
    with pytest.raises(ConfigError) as error:
        make_config(fine_tuned)
    assert "model motif-pairs has none. Leave out --regime" in str(error.value)
    model = str(whole / "model.safetensors")
    network = {**settings, "training": {"init": model}, "motif_pairs": {}}
    with pytest.raises(ConfigError, match=r"--init .*model\.safetensors: this needs a model of kind 'network'"):
        train(make_config(network), tmp_path / "run")


def test_a_motif_file_without_motifs_leaves_nothing(config: RunConfig, tmp_path: Path):
    (tmp_path / "bad.meme").write_text("MEME version 4\n")
    bad = config.model_copy(
        update={"motif_pairs": config.motif_pairs.model_copy(update={"motifs": str(tmp_path / "bad.meme")})}
    )
    with pytest.raises(MatrixError, match="holds no motif"):
        train(bad, tmp_path / "run")
    assert not (tmp_path / "run").exists()
