"""A run that trains both kinds and averages them, whole and killed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, Model, crossval, metrics, read_pairs, training
from epidyn.averaging import AveragedScorer
from epidyn.errors import ConfigError
from epidyn.report.collect import collect
from epidyn.training import both_learner
from epidyn.training.checkpoint import TrainingState
from epidyn.training.config import RunConfig, make_config
from epidyn.training.inputs import of_other_settings, read_inputs
from tests.motif_pairs.planted import LENGTHS, planted_folder, settings_of
from tests.nn.toys import SMALL


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    folder = planted_folder(tmp_path_factory.mktemp("pairing"))
    settings = settings_of(folder)
    settings["training"] = {"model": "both", "epochs": 2, "copies": 2, "batch_size": 17}
    settings["network"] = {**SMALL, **LENGTHS}
    return make_config(settings)


@pytest.fixture(scope="module")
def whole(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    training.train(config, folder)
    return folder


def test_it_is_as_good_as_the_one_that_knows_the_rule(config: RunConfig, whole: Path):
    report = json.loads((whole / "metrics.json").read_text())
    assert report["test"]["auroc"] > 0.85
    assert report["validation"]["motif_pairs_val_auroc"] > 0.8
    assert report["validation"]["weight"] < 0.5
    model = Model.load(whole / "model.safetensors")
    assert isinstance(model.scorer, AveragedScorer)
    assert model.provenance.motifs is not None
    assert model.provenance.kmer_vectors is not None
    assert model.provenance.training_prevalence == pytest.approx(2 / 3, abs=0.05)  # two copies of a positive
    assert len(pd.read_csv(whole / "history.csv")) == 2


def test_its_terms_are_those_of_motif_pairs_alone(config: RunConfig, whole: Path, tmp_path: Path):
    alone = training.train(config.of_motif_pairs(), tmp_path / "alone").motif_pairs
    found = Model.load(whole / "model.safetensors").scorer.motif_pairs
    assert found.configuration() == alone.configuration()
    assert all((found.tensors()[name] == value).all() for name, value in alone.tensors().items())


@pytest.mark.parametrize("where", ["learn", "_choose"])
def test_a_run_stopped_in_the_network_or_before_the_average_goes_on(
    config: RunConfig, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    class StoppedError(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise StoppedError

    save = TrainingState.save

    def save_and_stop(self: TrainingState, path: Path) -> None:
        save(self, path)
        raise StoppedError

    with monkeypatch.context() as patch:
        if where == "learn":
            patch.setattr(TrainingState, "save", save_and_stop)
        else:
            patch.setattr(both_learner.BothLearner, "_choose", stop)
        with pytest.raises(StoppedError):
            training.train(config, tmp_path / "run")
    state = TrainingState.load(tmp_path / "run" / "checkpoint.pt")
    assert (state.finished, state.network_finished) == (False, where == "_choose")
    training.resume(tmp_path / "run")
    for name in ("model.safetensors", "predictions.tsv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes()


def test_a_cross_validation_of_both(config: RunConfig, tmp_path: Path):
    split = config.split.model_copy(update={"split": "chromosome-kfold:2", "validation": "auto"})
    folds = config.model_copy(update={"split": split})
    found = crossval.crossval(folds, tmp_path / "folds")
    assert found.table["auroc"].iloc[:2].min() > 0.75
    table = pd.read_csv(tmp_path / "folds" / "table.csv").set_index("fold")
    parts = ["network_auroc", "motif_pairs_auroc", "motifs_auroc"]
    for name in ("0", "1"):
        report = json.loads((tmp_path / "folds" / "folds" / name / "metrics.json").read_text())
        expected = [report["parts"][part.removesuffix("_auroc")]["auroc"] for part in parts]
        assert table.loc[name, parts].tolist() == pytest.approx(expected, abs=1e-6)
    assert table.loc["mean", parts].tolist() == pytest.approx(
        table.loc[["0", "1"], parts].mean().tolist(), abs=1e-6
    )
    assert (tmp_path / "folds" / "scores").is_dir()


def test_the_report_takes_it_for_no_network_of_the_article(whole: Path):
    (run,) = collect([whole]).runs
    (place,) = run.places
    assert (place.experiment, place.what) == ("other-splits", "chromosome:chr5: network and motif pairs")


@pytest.mark.parametrize("validation", ["chromosome:chr4", "pairs", "elements"])
def test_the_weight_is_chosen_on_pairs_that_neither_has_seen(config: RunConfig, validation: str):
    split = config.split.model_copy(update={"validation": validation})
    asked = config.model_copy(update={"split": split})
    inputs = read_inputs(asked)
    chosen_on = of_other_settings(inputs, asked.of_motif_pairs()).data.validation
    assert len(chosen_on)
    assert not np.isin(chosen_on.row, inputs.data.train.row).any()


def test_samples_would_choose_it_on_pairs_that_the_network_has_seen(config: RunConfig):
    samples = config.split.model_copy(update={"validation": "samples"})  # a copy is not checked
    asked, pairs = (each.model_copy(update={"split": samples}) for each in (config, config.of_motif_pairs()))
    inputs = read_inputs(asked)
    assert np.isin(of_other_settings(inputs, pairs).data.validation.row, inputs.data.train.row).any()


def test_a_validation_that_the_network_has_seen_is_refused(config: RunConfig):
    settings = config.model_dump(exclude_none=True)
    settings["split"]["validation"] = "samples"
    with pytest.raises(ConfigError, match="settings cannot be used") as told:
        make_config(settings)
    assert "leaves no pair that the network has not seen" in str(told.value)


def test_what_each_part_scores_by_itself_is_told(config: RunConfig, whole: Path):
    report = json.loads((whole / "metrics.json").read_text())
    assert list(report["parts"]) == ["network", "motif_pairs", "motifs"]
    assert 0.5 <= report["validation"]["motifs_val_auroc"] <= 1
    model = Model.load(whole / "model.safetensors")
    predictions = pd.read_csv(whole / "predictions.tsv", sep="\t")
    pairs = read_pairs(config.data.tables()[0])
    with Genome.open(config.data.genome) as genome:
        both = model.scorer
        motifs = both.motif_pairs.parts()["motifs"]
        for name, part in (("network", both.network), ("motif_pairs", both.motif_pairs), ("motifs", motifs)):
            alone = Model(part).predict_logits(pairs[pairs["promoter_chrom"] == "chr5"], genome)
            assert report["parts"][name]["auroc"] == pytest.approx(metrics.auroc(predictions["label"], alone))


def test_windows_must_be_the_same(config: RunConfig):
    settings = config.model_dump(exclude_none=True)
    settings["network"]["enhancer_length"] = 310
    with pytest.raises(ConfigError, match="settings cannot be used") as told:
        make_config(settings)
    assert "both models must read the same windows" in str(told.value)
