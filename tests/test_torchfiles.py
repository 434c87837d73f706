from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epidyn.errors import EpidynError, InputFileError, ModelFileError
from epidyn.torchfiles import load_tensors


class Harmful:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return self.target.mkdir, ()


def test_tensors_and_plain_values_come_back(tmp_path: Path):
    torch.save({"a": torch.arange(3), "b": [1, "x"]}, tmp_path / "t.pt")
    loaded = load_tensors(tmp_path / "t.pt", "weights", cure="Copy it again.")
    assert torch.equal(loaded["a"], torch.arange(3))
    assert loaded["b"] == [1, "x"]


def test_code_is_refused_and_does_not_run(tmp_path: Path):
    torch.save({"a": Harmful(tmp_path / "ran")}, tmp_path / "t.pt")
    with pytest.raises(ModelFileError, match="could run code"):
        load_tensors(tmp_path / "t.pt", "weights", cure="Copy it again.")
    assert not (tmp_path / "ran").exists()


@given(st.binary(min_size=1, max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_our_error(tmp_path: Path, content: bytes):
    (tmp_path / "t.pt").write_bytes(content)
    with pytest.raises(EpidynError):
        load_tensors(tmp_path / "t.pt", "weights", cure="Copy it again.")


@given(st.integers(0, 10**6), st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_changed_byte_loads_or_ends_in_our_error(tmp_path: Path, place: int, value: int):
    torch.save({"a": torch.arange(3)}, tmp_path / "t.pt")
    content = bytearray((tmp_path / "t.pt").read_bytes())
    content[place % len(content)] = value
    (tmp_path / "t.pt").write_bytes(content)
    outcome: object
    try:
        outcome = load_tensors(tmp_path / "t.pt", "weights", cure="Copy it again.")
    except EpidynError as error:
        outcome = str(error)
    assert isinstance(outcome, dict) or "t.pt" in outcome


def test_missing(tmp_path: Path):
    with pytest.raises(InputFileError, match=r"weights .* does not exist"):
        load_tensors(tmp_path / "none.pt", "weights", cure="Copy it again.")
