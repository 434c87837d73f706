from __future__ import annotations

import signal
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Inputs, Run, refused
from tests.nn.toys import SMALL

SETTINGS = (
    "--set=split.validation_fraction=0.2",
    "--epochs",
    1,
    "--copies",
    0,
    *(f"--set=network.{key}={value}" for key, value in SMALL.items()),
)


def options(inputs: Inputs, out: Path, split: str = "loco") -> tuple[object, ...]:
    return ("--pairs", inputs.pairs, "--genome", inputs.genome, "--out", out, "--split", split, *SETTINGS)


def test_runs_all_folds_and_says_what_they_found(epidyn: Run, inputs: Inputs, tmp_path: Path):
    result = epidyn("crossval", *options(inputs, tmp_path / "cv"))
    assert result.code == 0, result.err
    lines = [line.split() for line in result.out.splitlines()]
    assert [line[0] for line in lines[:7]] == ["fold", "chr1", "chr2", "chr3", "mean", "sd", "pooled"]
    assert lines[1][1:3] == ["20", "10"]
    assert lines[4][1:3] == ["-", "-"]
    assert "bootstrap over 3 chromosomes" in result.out
    assert f"predictions of all folds: {tmp_path / 'cv' / 'predictions.tsv'}" in result.out
    again = epidyn("crossval", "--out", tmp_path / "cv")
    assert (again.code, again.out) == (0, result.out)
    assert "3 of 3 folds are finished" in again.err


def test_a_scheduler_runs_the_folds(epidyn: Run, inputs: Inputs, tmp_path: Path):
    cv = tmp_path / "cv"
    begun = epidyn("crossval", *options(inputs, cv, "chromosome-kfold:2"), "--validation", "pairs", "--begin")
    assert (begun.code, begun.out) == (0, "0\n1\n")
    assert epidyn("crossval", "--out", cv, "--fold", "1").code == 0
    refused(epidyn("crossval", "--out", cv, "--merge"), "1 of the 2 folds", "  0")
    before = (cv / "folds" / "1" / "model.safetensors").stat().st_mtime_ns
    assert epidyn("crossval", "--out", cv, "--fold", "1").code == 0
    assert (cv / "folds" / "1" / "model.safetensors").stat().st_mtime_ns == before
    assert epidyn("crossval", "--out", cv, "--fold", "1", "--force").code == 0
    assert (cv / "folds" / "1" / "model.safetensors").stat().st_mtime_ns > before
    with_settings = epidyn(
        "crossval", *options(inputs, cv, "chromosome-kfold:2"), "--validation", "pairs", "--fold", "0"
    )
    assert with_settings.code == 0, with_settings.err
    merged = epidyn("crossval", "--out", cv, "--merge")
    assert merged.code == 0
    assert "pooled" in merged.out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--split", "random"), ("random", "loco")),
        (("--split", "chromosome-kfold:9"), ("chromosome-kfold:9", "3 chromosomes")),
        (("--split", "chromosome-kfold:x"), ("chromosome-kfold:x",)),
        (("--fold", "chr7"), ("--fold 'chr7' is unknown", "chr1, chr2, chr3")),
        (("--jobs", "0"), ("--jobs",)),
        (("--merge", "--begin"), ("exclude one another",)),
        (("--merge",), ("--merge takes --out alone",)),
        (("--devices", "2"), ("training.devices: 2", "--jobs")),
    ],
)
def test_refuses(epidyn: Run, inputs: Inputs, tmp_path: Path, changes: tuple[str, ...], words: tuple[str, ...]):
    refused(epidyn("crossval", *options(inputs, tmp_path / "cv"), *changes), *words)


def test_fewer_positives_than_folds_are_refused_before_anything_is_made(
    epidyn: Run, inputs: Inputs, tmp_path: Path
):
    table = pd.read_csv(inputs.pairs)
    table["label"] = 0
    table.loc[[0, len(table) - 1], "label"] = 1
    table.to_csv(tmp_path / "few.csv", index=False)
    words = [*options(inputs, tmp_path / "cv")]
    words[1] = tmp_path / "few.csv"
    refused(epidyn("crossval", *words), "2 positive pairs for the 3 folds of loco", "fewer folds")
    assert not (tmp_path / "cv").exists()


def test_positives_on_one_chromosome_are_refused_before_anything_is_made(
    epidyn: Run, inputs: Inputs, tmp_path: Path
):
    table = pd.read_csv(inputs.pairs)
    table["label"] = (table["enhancer_chrom"] == "chr1") & (table.index % 2 == 0)
    table.astype({"label": int}).to_csv(tmp_path / "few.csv", index=False)
    words = [*options(inputs, tmp_path / "cv")]
    words[1] = tmp_path / "few.csv"
    refused(
        epidyn("crossval", *words), "no fold of", "can be trained", "chr1: ", "chr3: ", "both 0 and 1 are needed"
    )
    assert not (tmp_path / "cv").exists()


def test_an_interrupt_says_how_all_folds_go_on(
    epidyn: Run, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("epidyn.training.module.Journal.on_train_batch_end", interrupted)
            result = epidyn("crossval", *options(inputs, tmp_path / "c v"))
    finally:
        signal.signal(signal.SIGINT, handler)
    assert result.code == 130
    assert result.err.splitlines()[-2:] == [
        f"go on with `epidyn crossval --out '{tmp_path / 'c v'}'`",
        "Interrupted.",
    ]
    assert "--resume" not in result.err
    assert epidyn("crossval", "--out", tmp_path / "c v").code == 0


def test_refuses_to_go_on_with_what_was_not_begun(epidyn: Run, tmp_path: Path):
    refused(epidyn("crossval", "--out", tmp_path / "cv"), "is no cross-validation", "--pairs")
    refused(epidyn("crossval", "--out", tmp_path / "cv", "--merge"), "is no cross-validation")
    refused(epidyn("crossval", "--merge"), "--out")
