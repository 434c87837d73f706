"""Controls train real networks; here tiny ones, on the small simulated data set."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from epidyn import read_pairs
from epidyn.audit import Training, audit, control_run, run_controls, with_controls, write_audit
from epidyn.audit.controls import CONTROLS, Control
from epidyn.errors import ConfigError
from epidyn.metrics import Interval
from epidyn.training.config import RunConfig

Build = Callable[..., RunConfig]
SHORT = {"epochs": 1, "copies": 0}


@pytest.fixture(scope="module")
def run(toy_config: Build) -> RunConfig:
    return toy_config(training=SHORT)


@pytest.fixture(scope="module")
def found(run: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Control]]:
    out = tmp_path_factory.mktemp("audit")
    return out, run_controls(list(CONTROLS), run, out)


def test_each_control_takes_what_it_says(found: tuple[Path, list[Control]], run: RunConfig):
    out, controls = found
    assert [control.name for control in controls] == ["random-genome", "shuffle-sequence", "shuffle-labels"]
    data = {
        name: tomllib.loads((out / "controls" / name / "config.toml").read_text())["data"] for name in CONTROLS
    }
    sizes = out / "controls" / "genome.chrom.sizes"
    assert data["random-genome"]["genome"] == f"random:{sizes}:5"
    assert [line.split("\t")[0] for line in sizes.read_text().splitlines()] == ["chr1", "chr2", "chr3", "chr4"]
    assert data["shuffle-sequence"]["shuffle_sequence"] == "dinucleotide"
    assert data["shuffle-sequence"]["genome"] == data["shuffle-labels"]["genome"] == run.data.genome
    assert data["shuffle-labels"]["shuffle_labels"]
    assert {(control.pairs, control.positives, control.split) for control in controls} == {
        (30, 15, "chromosome:chr4")
    }


def test_what_was_run_is_kept(found: tuple[Path, list[Control]], run: RunConfig):
    out, controls = found
    model = out / "controls" / "shuffle-labels" / "model.safetensors"
    before = model.stat().st_mtime_ns
    assert run_controls(["shuffle-labels"], run, out) == controls[-1:]
    assert model.stat().st_mtime_ns == before
    other = run.model_copy(update={"training": run.training.model_copy(update={"epochs": 2})})
    with pytest.raises(ConfigError, match="begun with other settings") as error:
        run_controls(["shuffle-labels"], other, out)
    assert error.value.rows == ("training.epochs: 2 (begun with 1)",)


def test_they_come_into_the_report(found: tuple[Path, list[Control]], simulated: Path, tmp_path: Path):
    _, controls = found
    plain = audit(read_pairs(simulated / "pairs.csv"), draws=100)
    whole = with_controls(plain, controls)
    assert whole.verdict.sentences[: len(plain.verdict.sentences)] == plain.verdict.sentences
    page = write_audit(whole, tmp_path / "audit").read_text()
    assert "<h2>Controls</h2>" in page
    for name, leaves in CONTROLS.items():
        assert page.count(f"<td>{name}</td>") == 1
        assert leaves.replace("'", "&#39;") in page
    assert "<h2>Controls</h2>" not in write_audit(plain, tmp_path / "plain").read_text()


@pytest.mark.parametrize(
    ("name", "low", "words"),
    [
        ("random-genome", 0.49, "chance being 0.5 and 0.250: no more than chance."),
        ("random-genome", 0.7, "none of it is read from motifs"),
        ("shuffle-labels", 0.7, "Look for copies of pairs"),
    ],
)
def test_the_verdict_says_what_follows(simulated: Path, name: str, low: float, words: str):
    plain = audit(read_pairs(simulated / "pairs.csv"), draws=100)
    auroc, aupr = Interval(0.8, low, 0.9, 0.95, 23), Interval(0.4, 0.3, 0.5, 0.95, 23)
    control = Control(name, CONTROLS[name], "random", 80, 20, {"auroc": auroc, "aupr": aupr})
    (sentence,) = with_controls(replace(plain), [control]).verdict.sentences[len(plain.verdict.sentences) :]
    assert f"Control {name}" in sentence
    assert f"AUROC 0.800 (95% interval {low:.3f} to 0.900, bootstrap over 23 chromosomes)" in sentence
    assert words in sentence


def test_intervals_of_single_pairs_are_called_too_narrow(
    found: tuple[Path, list[Control]], simulated: Path, tmp_path: Path
):
    _, controls = found  # tested on one chromosome
    whole = with_controls(audit(read_pairs(simulated / "pairs.csv"), draws=100), controls[:1])
    assert "bootstrap over single pairs: too narrow)" in whole.verdict.sentences[-1]
    page = write_audit(whole, tmp_path / "audit").read_text()
    controls_part = page[page.index("<h2>Controls</h2>") :]
    assert "single pairs: too narrow" in controls_part[: controls_part.index("</table>")]


def test_the_split_of_the_training_is_as_asked(simulated: Path, tmp_path: Path):
    (tmp_path / "c.toml").write_text('[split]\nsplit = "random"\n[training]\nepochs = 3\n')
    pairs = read_pairs(simulated / "pairs.csv")
    asked = Training(tmp_path / "c.toml", "loco", "chr2", seed=4)
    made = control_run(["shuffle-labels"], pairs, str(simulated / "genome.fa"), tmp_path / "out", asked)
    assert made is not None
    assert (made.split.split, made.split.fold, made.training.epochs, made.training.seed) == ("loco", "chr2", 3, 4)
    assert not (tmp_path / "out").exists()
    assert control_run([], pairs, None, None, Training()) is None


def test_a_fold_is_named_with_its_split(simulated: Path, tmp_path: Path, toy_config: Build):
    config = toy_config(split={"split": "loco", "fold": "chr2", "validation": "auto"}, training={"max_steps": 1})
    (control,) = run_controls(["shuffle-labels"], config, tmp_path)
    assert control.split == "loco, fold chr2"


def test_refuses_an_unknown_control(run: RunConfig, tmp_path: Path):
    with pytest.raises(ConfigError, match="--controls shuffle: unknown; allowed are random-genome"):
        run_controls(["shuffle"], run, tmp_path)
    assert not list(tmp_path.iterdir())
