"""Who is in a folder keeps others out, as long as it lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from epidyn import training
from epidyn.errors import OutputError
from epidyn.locks import alone_in
from epidyn.training.config import RunConfig

HOLDING = """
import sys
from epidyn.locks import alone_in
with alone_in(sys.argv[1]):
    print("in", flush=True)
    sys.stdin.readline()
"""
TRAINING = """
import sys
from epidyn import training
from epidyn.training.config import make_config, read_settings
from epidyn.training.module import Journal
ended = Journal.on_train_batch_end
def waiting(self, *args):
    ended(self, *args)
    if self.state.step == 1:
        print("in", flush=True)
        sys.stdin.readline()
Journal.on_train_batch_end = waiting
training.train(make_config(read_settings(sys.argv[2])), sys.argv[1])
"""


def start(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    other = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"in\n"
    return other


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    other = start(HOLDING, tmp_path)
    yield other
    other.communicate()


def test_another_process_is_refused_with_the_firsts_id(holder: subprocess.Popen[bytes], tmp_path: Path):
    with (
        pytest.raises(OutputError, match=f"process {holder.pid} on .* is at work in {tmp_path}"),
        alone_in(tmp_path),
    ):
        pass
    holder.communicate(b"\n")
    with alone_in(tmp_path):
        assert (tmp_path / ".lock.owner").read_text().startswith(f"process {os.getpid()} on ")
    assert not list(tmp_path.iterdir())


def test_a_killed_process_holds_nothing(holder: subprocess.Popen[bytes], tmp_path: Path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with alone_in(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_one_that_waits_comes_in_when_the_other_has_left(holder: subprocess.Popen[bytes], tmp_path: Path):
    came = threading.Event()

    def come() -> None:
        with alone_in(tmp_path, wait=True):
            came.set()

    waiting = threading.Thread(target=come)
    waiting.start()
    assert not came.is_set()
    holder.communicate(b"\n")
    waiting.join()
    assert came.is_set()


def test_two_processes_in_one_run_folder(tmp_path: Path, toy_config: Callable[..., RunConfig]):
    config = toy_config(training={"epochs": 1})
    (tmp_path / "c.toml").write_text(config.to_toml())
    run = tmp_path / "run"
    other = start(TRAINING, run, tmp_path / "c.toml")
    for second in (lambda: training.resume(run), lambda: training.train(config, run, force=True)):
        with pytest.raises(OutputError, match=f"process {other.pid} on"):
            second()
    other.communicate(b"\n")
    assert other.returncode == 0
    assert not list(run.glob(".lock*"))
    assert training.train_or_resume(config, run).provenance.regime == "specific"
