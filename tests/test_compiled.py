"""Functions that numba compiles, called where it cannot keep what it compiled."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from epidyn.compiled import calling_numba
from tests.fulldisk import no_file_beyond

# One function is compiled as it is first called, the other with the import.
SOURCE = """
import numba

@numba.njit(cache=True)
def later(x):
    return x + 1

@numba.njit("int64(int64)", cache=True)
def at_once(x):
    return 2 * later(x)
"""


def imported(folder: Path, room: int) -> ModuleType:
    path = folder / "functions.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("functions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with no_file_beyond(room):
        spec.loader.exec_module(module)
    return module


def test_numba_alone_fails_on_a_full_disk(tmp_path: Path):
    with pytest.raises(OSError, match="File too large"):
        imported(tmp_path, 300)


def test_a_full_disk_is_no_harm_and_nothing_stays_changed(tmp_path: Path):
    with calling_numba():
        module = imported(tmp_path, 300)
        with no_file_beyond(100):
            assert module.at_once(20) == 42
            assert module.later(0.5) == 1.5
    with no_file_beyond(100), pytest.raises(OSError, match="File too large"):
        module.later(1j)


def test_a_folder_with_room_is_used(tmp_path: Path):
    with calling_numba():
        imported(tmp_path, 1_000_000)
    assert list(tmp_path.rglob("*at_once*.nbc"))


def test_the_threads_of_torch_are_kept():
    before = torch.get_num_threads()
    with calling_numba():
        torch.set_num_threads(before + 1)
    assert torch.get_num_threads() == before
