"""The command as a whole: exit status, where messages go, and what a misused option gets."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
import torch

import epidyn as package
from epidyn import cli
from epidyn.__main__ import run
from epidyn.cli import info as info_command
from epidyn.errors import EpidynError
from tests.cli.conftest import Inputs, Run, refused
from tests.nn.toys import SMALL

COMMANDS = ("demo", "simulate", "info", "train", "predict", "evaluate", "calibrate", "import")


def test_alone_it_prints_its_help(epidyn: Run):
    result = epidyn()
    assert (result.code, result.err) == (0, "")
    assert all(command in result.out for command in COMMANDS)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(epidyn: Run, option: str):
    result = epidyn(option)
    assert (result.code, result.err) == (0, "")
    assert "Usage: epidyn" in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(epidyn: Run, command: str):
    result = epidyn(command, "-h")
    assert (result.code, result.err) == (0, "")
    assert f"Usage: epidyn {command}" in result.out
    assert "--quiet" in result.out


def test_version(epidyn: Run):
    result = epidyn("--version")
    assert (result.code, result.out, result.err) == (0, f"epidyn {package.__version__}\n", "")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nonsense"], "'nonsense'"),
        (["--nonsense"], "--nonsense"),
        (["predict", "--modle", "m"], "--modle"),
        (["predict"], "--model"),
        (["predict", "--model"], "--model"),
        (["predict", "--model", "m", "--pairs", "p", "--genome", "g", "--batch-size", "many"], "--batch-size"),
        (["predict", "--model", "m", "--pairs", "p", "--genome", "g", "more"], "more"),
        (["evaluate", "--scores", "s", "--threshold", "1.5"], "--threshold"),
        (["evaluate", "--scores", "s", "--threshold", "high"], "--threshold"),
        (["train", "--protocol", "magic"], "'published'"),
        (["train", "--accelerator", "abacus"], "'cpu'"),
        (["train", "--epochs", "2.5"], "--epochs"),
        (["train", "--set"], "--set"),
        (["simulate"], "--out"),
        (["simulate", "--out", "o", "--seed", "-1"], "--seed"),
        (["import", "w.pth"], "--out"),
        (["import", "--out", "m"], "weights"),
        (["info"], "what"),
    ],
)
def test_a_misused_option_gets_one_line(
    epidyn: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], words: str
):
    monkeypatch.chdir(tmp_path)
    result = epidyn(*argv)
    refused(result, words, ". See `epidyn --help`.")
    assert len(result.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_ends_with_one_line(epidyn: Run, monkeypatch: pytest.MonkeyPatch):
    def interrupted(what: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(info_command, "describe", interrupted)
    result = epidyn("info", "random:hg19")
    assert (result.code, result.out) == (130, "")
    assert result.err.strip() == "Interrupted."


def test_an_interrupted_training_says_how_to_go_on(
    epidyn: Run, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "c.toml").write_text(tomli_w.dumps({"network": SMALL, "training": {"copies": 1, "epochs": 1}}))
    split = ["--split", "chromosome:chr3", "--validation", "chromosome:chr2"]
    names = ["--pairs", inputs.pairs, "--genome", inputs.genome, "--config", tmp_path / "c.toml"]
    command = ["train", *names, "--out", tmp_path / "run", *split, "--quiet"]
    handler = signal.getsignal(signal.SIGINT)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("epidyn.training.module.Journal.on_train_batch_end", interrupted)
            result = epidyn(*command)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert (result.code, result.out) == (130, "")
    first, last = result.err.splitlines()
    assert f"epidyn train --resume {tmp_path / 'run'}" in first
    assert last == "Interrupted."
    assert not (tmp_path / "run" / "model.safetensors").exists()
    refused(epidyn(*command), "not empty", "--force")
    assert epidyn(*command, "--continue").code == 0
    assert (tmp_path / "run" / "metrics.json").exists()


def test_rows_stand_indented_under_the_headline(epidyn: Run, monkeypatch: pytest.MonkeyPatch):
    def failing(what: str) -> None:
        raise EpidynError("all is wrong:", [f"row {number}" for number in range(23)])

    monkeypatch.setattr(info_command, "describe", failing)
    result = epidyn("info", "random:hg19")
    refused(result)
    lines = result.err.splitlines()
    assert lines[0] == "Error: all is wrong:"
    assert lines[1:] == [*(f"  row {number}" for number in range(20)), "  ... and 3 more"]


def test_a_bug_is_not_hidden(epidyn: Run, monkeypatch: pytest.MonkeyPatch):
    def broken(what: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(info_command, "describe", broken)
    with pytest.raises(ZeroDivisionError):
        epidyn("info", "random:hg19")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "no memory left (of this machine). Lower --batch-size"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
            "no memory left (CUDA out of memory). L",
        ),
    ],
)
def test_too_little_memory_is_said(epidyn: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str):
    def exhausting(what: str) -> None:
        raise error

    monkeypatch.setattr(info_command, "describe", exhausting)
    refused(epidyn("info", "random:hg19"), words)


@pytest.mark.parametrize("argv", [["info", "random:hg19"], ["train", "--help"]])
@pytest.mark.parametrize("buffered", [True, False])
def test_a_closed_pipe_ends_a_command_without_a_word(argv: list[str], buffered: bool):
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    command = [sys.executable, "-m", "epidyn", *argv]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_takes_the_arguments_of_the_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["epidyn", "--version"])
    assert cli.main() == 0
    assert capsys.readouterr().out.startswith("epidyn ")


@pytest.mark.parametrize(("argv", "code"), [(["--version"], 0), (["nonsense"], 2)])
@pytest.mark.usefixtures("epidyn")
def test_the_process_ends_with_the_status(monkeypatch: pytest.MonkeyPatch, argv: list[str], code: int):
    monkeypatch.setattr(sys, "argv", ["epidyn", *argv])
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as ended:
            run()
        assert ended.value.code == code
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


# A command that gets Ctrl-C while its libraries load, with SIGINT as the shell left it.
LOADING = """
import importlib.abc, os, signal, sys
signal.signal(signal.SIGINT, signal.{left})

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from epidyn.__main__ import run
sys.argv = ["epidyn", "--version"]
run()
"""


@pytest.mark.parametrize(("left", "status"), [("default_int_handler", -signal.SIGINT), ("SIG_IGN", 0)])
def test_an_interrupt_while_libraries_load_leaves_no_traceback(left: str, status: int):
    done = subprocess.run([sys.executable, "-c", LOADING.format(left=left)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize("argv", [["--version"], ["train", "--help"], ["info", "random:hg19"]])
@pytest.mark.parametrize("buffered", [True, False])
def test_a_full_disk_behind_the_output_is_said(argv: list[str], buffered: bool):
    command = [sys.executable, "-m", "epidyn", *argv]
    environment = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: cannot write to standard output: No space left on device. Free space, or send it elsewhere."
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_reports_are_not_repeated_by_a_second_command(epidyn: Run, inputs: Inputs):
    first, second = epidyn("info", inputs.pairs), epidyn("info", inputs.pairs)
    assert first.err == second.err
    assert first.err.count("60 pairs") == 1
    handlers = [each for each in logging.getLogger("epidyn").handlers if each.get_name() == cli.LOG_HANDLER]
    assert len(handlers) == 1
