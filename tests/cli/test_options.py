"""Options that commands share: what --quiet keeps quiet, and what it does not."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import tomli_w

from epidyn import progress
from tests.cli.conftest import Inputs, Run, refused
from tests.nn.toys import SMALL


class Terminal(io.StringIO):
    """Says that it is a terminal, so that bars show."""

    def isatty(self) -> bool:
        return True


def bars_show(monkeypatch: pytest.MonkeyPatch) -> bool:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", shown := Terminal())
        with progress.bar("toy", 1) as advance:
            advance(1)
        return "toy" in shown.getvalue()


def predict(inputs: Inputs, out: Path) -> list[object]:
    names = ["--model", inputs.model, "--pairs", inputs.pairs, "--genome", inputs.genome]
    return ["predict", *names, "--out", out]


def test_a_quiet_success_says_nothing(epidyn: Run, inputs: Inputs, work: Path):
    assert epidyn(*predict(inputs, work / "loud.tsv")).err != ""
    result = epidyn(*predict(inputs, work / "quiet.tsv"), "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (work / "quiet.tsv").read_bytes() == (work / "loud.tsv").read_bytes()


@pytest.mark.parametrize("command", ["info", "evaluate"])
def test_quiet_keeps_the_results(epidyn: Run, inputs: Inputs, work: Path, command: str):
    epidyn(*predict(inputs, work / "scores.tsv"))
    argv = ["info", work / "scores.tsv"] if command == "info" else ["evaluate", "--scores", work / "scores.tsv"]
    loud, quiet = epidyn(*argv), epidyn(*argv, "--quiet")
    assert quiet.out == loud.out != ""
    assert loud.err != quiet.err == ""


def test_quiet_keeps_errors(epidyn: Run, tmp_path: Path):
    result = epidyn("info", tmp_path / "none.csv", "--quiet")
    refused(result, "none.csv", "does not exist")
    assert result.err.startswith("Error: ")


def test_a_quiet_run_writes_its_log(epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path):
    settings = {"network": SMALL, "training": {"max_steps": 1, "copies": 1}}
    (tmp_path / "c.toml").write_text(tomli_w.dumps(settings))
    split = ["--split", "chromosome:chr3", "--validation", "chromosome:chr2"]
    names = ["--pairs", inputs.pairs, "--genome", inputs.genome, "--config", tmp_path / "c.toml"]
    result = epidyn("train", *names, "--out", work / "run", *split, "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert "kept epoch 1" in (work / "run" / "log.txt").read_text()


def test_quiet_ends_with_its_command(epidyn: Run, inputs: Inputs, monkeypatch: pytest.MonkeyPatch):
    assert epidyn("info", inputs.pairs, "--quiet").err == ""
    assert not bars_show(monkeypatch)
    assert "60 pairs" in epidyn("info", inputs.pairs).err
    assert bars_show(monkeypatch)


@pytest.mark.parametrize("seed", [-1, "many"])
def test_a_seed_is_a_whole_number_from_0(epidyn: Run, work: Path, seed: object):
    refused(epidyn("simulate", "--out", work / "sim", "--seed", seed), "--seed")
    assert list(work.iterdir()) == []
