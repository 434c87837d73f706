from __future__ import annotations

import json
import logging
from pathlib import Path

import pandas as pd
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
    folder.write_json(folder.METRICS, {"a": 1})
    assert folder.finished
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 1}


def test_metrics_hold_no_nan(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        RunFolder(tmp_path).write_json("metrics.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_history_has_its_header_before_the_first_epoch_ends(tmp_path: Path):
    folder = RunFolder(tmp_path)
    folder.write_history([])
    assert (tmp_path / "history.csv").read_text() == ",".join(HISTORY_COLUMNS) + "\n"


def test_tables_by_their_name(tmp_path: Path):
    folder, table = RunFolder(tmp_path), pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    folder.write_table("t.csv", table)
    folder.write_table("t.tsv", table)
    assert (tmp_path / "t.csv").read_text() == "a,b\n1,x\n2,y\n"
    assert (tmp_path / "t.tsv").read_text() == "a\tb\n1\tx\n2\ty\n"


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
