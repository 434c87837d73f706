from __future__ import annotations

import logging
from pathlib import Path

import pytest

from epidyn.errors import InputFileError
from epidyn.training.folder import HISTORY_COLUMNS, RunFolder


def test_a_folder_without_a_configuration_is_no_run(tmp_path: Path):
    with pytest.raises(InputFileError, match=r"no config\.toml"):
        RunFolder(tmp_path).require()
    (tmp_path / "config.toml").write_text("")
    RunFolder(tmp_path).require()


def test_metrics_come_last(tmp_path: Path):
    folder = RunFolder(tmp_path)
    assert not folder.finished
    (tmp_path / "metrics.json").write_text("{}")
    assert folder.finished


def test_history_has_its_header_before_the_first_epoch_ends(tmp_path: Path):
    folder = RunFolder(tmp_path)
    folder.write_history([])
    assert (tmp_path / "history.csv").read_text() == ",".join(HISTORY_COLUMNS) + "\n"


def test_logs_only_within_the_block_and_appends(tmp_path: Path):
    folder, log = RunFolder(tmp_path), logging.getLogger("epidyn")
    level, handlers = log.level, list(log.handlers)
    for message in ("first", "second"):
        with folder.logged():
            log.info(message)
        log.info("outside")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert [line.split("INFO ")[1] for line in lines] == ["first", "second"]
    assert (log.level, log.handlers) == (level, handlers)
