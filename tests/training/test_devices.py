"""Training over several devices, here two CPU processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from epidyn.errors import ConfigError
from epidyn.training.config import RunConfig
from epidyn.training.run import check_device


def test_two_processes_write_one_run(simulated: Path, tmp_path: Path, toy_config):
    config = toy_config(training={"batch_size": 14, "epochs": 2, "devices": 2, "accelerator": "cpu"})
    (tmp_path / "c.toml").write_text(config.to_toml())
    run = tmp_path / "run"
    command = [sys.executable, "-m", "epidyn", "train", "--config", str(tmp_path / "c.toml"), "--out", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    history = pd.read_csv(run / "history.csv")
    # 90 window pairs in batches of 14 over both: 6 whole ones and one of 6, three samples each.
    assert history["step"].tolist() == [7, 14]
    assert json.loads((run / "metrics.json").read_text())["test"]["pairs"] == 30
    said = (run / "log.txt").read_text()
    assert said.count("epoch 1:") == 1, "both processes speak"


@pytest.mark.parametrize(("batch_size", "devices"), [(3, 2), (7, 4)])
def test_a_batch_must_leave_two_samples_a_device(toy_config, batch_size: int, devices: int):
    config: RunConfig = toy_config(
        training={"batch_size": batch_size, "devices": devices, "accelerator": "cpu"},
    )
    with pytest.raises(ConfigError, match="at least 2 samples on each device"):
        check_device(config)
