from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Inputs, Run, refused
from tests.cli.test_crossval import SETTINGS

pytest.importorskip("optuna", reason="optuna is not installed: pip install 'epidyn[tune]'")

SPACE = "[training.learning_rate]\nlow = 1e-4\nhigh = 1e-1\nlog = true\n"


@pytest.fixture
def options(inputs: Inputs, tmp_path: Path) -> tuple[object, ...]:
    (tmp_path / "space.toml").write_text(SPACE)
    data = ("--pairs", inputs.pairs, "--genome", inputs.genome, "--split", "chromosome:chr3", *SETTINGS)
    return (*data, "--out", tmp_path / "out", "--space", tmp_path / "space.toml", "--trials", 2)


def test_the_best_settings_are_what_train_takes(epidyn: Run, options: tuple[object, ...], tmp_path: Path):
    result = epidyn("tune", *options, "--objective", "val_auroc", "--pruner", "none")
    assert result.code == 0, result.err
    assert result.out.splitlines() == [
        f"best settings: {tmp_path / 'out' / 'best.toml'}",
        f"all trials: {tmp_path / 'out' / 'trials.csv'}",
    ]
    trained = epidyn("train", "--config", tmp_path / "out" / "best.toml", "--out", tmp_path / "run")
    assert trained.code == 0, trained.err
    assert (tmp_path / "run" / "config.toml").read_text() == (tmp_path / "out" / "best.toml").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--trials", "0"), ("--trials",)),
        (("--jobs", "0"), ("--jobs",)),
        (("--objective", "test_auroc"), ("test_auroc", "val_auroc")),
        (("--pruner", "best"), ("best", "hyperband")),
        (("--devices", "2"), ("training.devices: 2", "--jobs")),
        (("--study", "study.txt"), ("study.txt", ".journal")),
        (("--space", "none.toml"), ("none.toml", "does not exist")),
        (("--epochs", "0"), ("training.epochs",)),
    ],
)
def test_refuses(epidyn: Run, options: tuple[object, ...], changes: tuple[str, ...], words: tuple[str, ...]):
    refused(epidyn("tune", *options, *changes), *words)


def test_says_how_to_install_what_it_needs(
    epidyn: Run, options: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "optuna", None)
    refused(epidyn("tune", *options), "needs Optuna", "pip install 'epidyn[tune]'")
