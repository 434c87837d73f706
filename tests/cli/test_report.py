from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from epidyn import training
from epidyn.training.config import RunConfig
from tests.cli.conftest import Run, refused


def test_reports_a_real_run_as_training_wrote_it(
    epidyn: Run, toy_config: Callable[..., RunConfig], tmp_path: Path
):
    split = {"split": "random", "validation": "auto"}
    training.train(
        toy_config(split=split, training={"copies": "balanced", "epochs": 1}), tmp_path / "runs" / "one"
    )
    result = epidyn("report", tmp_path / "runs", "--out", tmp_path / "report", "--quiet")
    assert result.code == 0
    assert f"page: {tmp_path / 'report' / 'report.html'}" in result.out
    written = (tmp_path / "report" / "report.csv").read_text()
    assert "\nregimes,Table 9,simulated,EPI-DynFusion-spe,auroc,run,0." in written
    refused(epidyn("report", tmp_path / "runs", "--out", tmp_path / "report"), "not empty", "--force")
    assert epidyn("report", tmp_path / "runs", "--out", tmp_path / "report", "--force").code == 0


def test_bad_input(epidyn: Run, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    refused(epidyn("report", tmp_path / "empty", "--out", tmp_path / "out"), str(tmp_path / "empty"), "no run")
    refused(epidyn("report", "--out", tmp_path / "out"), "RUN")
    refused(epidyn("report", tmp_path / "empty"), "--out")
    assert not (tmp_path / "out").exists()
