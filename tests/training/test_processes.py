"""Runs over two processes on the CPU: what they compute together, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from epidyn.dataset import EpochPlans, WindowDataset
from epidyn.model import Model
from epidyn.training.config import RunConfig
from epidyn.training.folder import RunFolder
from epidyn.training.inputs import RunInputs, initial_network, read_inputs
from epidyn.training.module import balanced_loss
from epidyn.training.run import resume

# The command, with each process's first gradient and its share of the batch kept.
KEEPING = """
import os
from pathlib import Path
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from epidyn.__main__ import run

kept = Path(__file__).with_name(f"gradient{os.environ.get('LOCAL_RANK', '0')}.pt")

def keep(optimizer, args, kwargs):
    if not kept.exists():
        torch.save([each.grad for group in optimizer.param_groups for each in group["params"]], kept)

register_optimizer_step_post_hook(keep)
run()
"""

Build = Callable[..., RunConfig]


def _config(toy_config: Build, network: dict[str, object] | None = None, **settings: object) -> RunConfig:
    settings = {"batch_size": 14, "epochs": 2, "devices": 2, "accelerator": "cpu", **settings}
    return toy_config(training=settings, network=network or {})


def _command(config: RunConfig, folder: Path, *program: str) -> list[str]:
    (folder / "c.toml").write_text(config.to_toml())
    return [sys.executable, *program, "train", "--config", str(folder / "c.toml"), "--out", str(folder / "run")]


@contextmanager
def _training(config: RunConfig, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the command, wait for its first epoch to end, and let the block do what it will."""
    command = _command(config, folder, "-m", "epidyn")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as started:
        try:
            assert started.stderr
            assert any("epoch 1:" in line for line in started.stderr), "no epoch was trained"
            yield started
        finally:
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)


def _other(first: int) -> int:
    """Return the id of the process that process ``first`` has started to train with it."""
    children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(first)], capture_output=True, text=True)
    [found] = [line.split()[0] for line in children.stdout.splitlines() if "epidyn" in line]
    return int(found)


@dataclass(frozen=True)
class Ended:
    """A run over two processes without dropout, batches of 14 over both, and what it is compared with."""

    config: RunConfig
    inputs: RunInputs
    folder: Path

    def batch(self, part: str, **drawn: Any) -> dict[str, torch.Tensor]:
        """Return the first batch of a part of the pairs."""
        samples = getattr(self.inputs.data, part)
        return WindowDataset(self.inputs.data.store, samples)[next(iter(EpochPlans(len(samples), **drawn)))]


@pytest.fixture(scope="module")
def ended(toy_config: Build, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("processes")
    config = _config(toy_config, {"dropout": 0.0, "transformer_dropout": 0.0, "attention_dropout": 0.0})
    (folder / "keeping.py").write_text(KEEPING)
    done = subprocess.run(_command(config, folder, str(folder / "keeping.py")), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Ended(config, read_inputs(config), folder)


def test_two_processes_write_one_run(ended: Ended):
    history = pd.read_csv(ended.folder / "run" / "history.csv")
    # 90 window pairs: 6 whole batches and one of 6, three samples each.
    assert history["step"].tolist() == [7, 14]
    assert json.loads((ended.folder / "run" / "metrics.json").read_text())["test"]["pairs"] == 30
    assert (ended.folder / "run" / "log.txt").read_text().count("epoch 1:") == 1, "both processes speak"


def test_the_first_gradient_is_the_mean_of_those_of_two_half_batches(ended: Ended):
    settings = ended.config.training
    batch = ended.batch("train", batch_size=14, seed=settings.seed, shuffle=True, flips=settings.rc_augment)
    halves = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        network, _ = initial_network(ended.config)
        logits = network.train()(batch["enhancer"][half], batch["promoter"][half])
        F.binary_cross_entropy_with_logits(logits, batch["label"][half]).backward()
        halves.append([each.grad for each in network.parameters() if each.requires_grad])
    assert all(gradient is not None and gradient.any() for gradient in halves[0])
    for rank in range(2):
        kept = torch.load(ended.folder / f"gradient{rank}.pt", weights_only=True)
        for gradient, one, two in zip(kept, *halves, strict=True):
            torch.testing.assert_close(gradient, (one + two) / 2, rtol=1e-4, atol=1e-6)
            assert not torch.allclose(gradient, one, rtol=1e-2, atol=1e-6), "one half only"


def test_validation_is_that_of_one_network_over_all_pairs(ended: Ended):
    history = pd.read_csv(ended.folder / "run" / "history.csv")
    kept = history.loc[history["val_loss"].idxmin()]
    batch = ended.batch("validation", batch_size=len(ended.inputs.data.validation))
    network = Model.load(ended.folder / "run" / "model.safetensors").scorer.network
    with torch.no_grad():
        logits = network(batch["enhancer"], batch["promoter"]).double()
    prevalence = float(ended.inputs.data.train.label.mean())
    loss = balanced_loss(logits, batch["label"], prevalence=prevalence)
    np.testing.assert_allclose(kept["val_loss"], loss, rtol=1e-5)
    auroc = roc_auc_score(batch["label"], logits)
    np.testing.assert_allclose(kept["val_auroc"], auroc, rtol=1e-9)


def test_a_process_that_dies_ends_the_run_with_one_message(toy_config: Build, tmp_path: Path):
    config = _config(toy_config, epochs=1000, patience=1000)
    with _training(config, tmp_path) as run:
        assert run.stderr
        os.kill(_other(run.pid), signal.SIGKILL)
        said = run.stderr.read()
        assert run.wait() == 2
    assert said.count("Error: process 2 of 2 was killed by SIGKILL, so training cannot go on.") == 1
    assert "Traceback" not in said
    assert f"go on with `epidyn train --resume {tmp_path / 'run'}`" in said
    _shorten(tmp_path / "run")
    resume(tmp_path / "run")
    assert pd.read_csv(tmp_path / "run" / "history.csv")["epoch"].is_monotonic_increasing


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 130)])
def test_no_process_outlives_the_first(toy_config: Build, tmp_path: Path, sent: signal.Signals, status: int):
    config = _config(toy_config, epochs=1000, patience=1000)
    with _training(config, tmp_path) as run:
        assert run.stderr
        os.kill(run.pid, sent)
        said = run.stderr.read()  # does not end before both processes have
        assert run.wait() == status
    assert "Traceback" not in said
    if status == 130:
        assert f"go on with `epidyn train --resume {tmp_path / 'run'}`" in said
        assert said.endswith("Interrupted.\n")


def _shorten(run: Path) -> None:
    """Let what is left of a run on two processes be one epoch on one."""
    settings = run / RunFolder.CONFIG
    text = settings.read_text()
    for old, new in (("epochs = 1000", "epochs = 3"), ("devices = 2", "devices = 1")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    settings.write_text(text)
