from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from epidyn import Model
from tests.cli.conftest import Run, listing, refused, write
from tests.nn.published import REFERENCE, published_codes, published_state


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("published") / "published.pth"
    torch.save(published_state(), path)
    return path


def test_imported_weights_predict_as_published(epidyn: Run, weights: Path, work: Path):
    result = epidyn("import", weights, "--out", work / "m.safetensors")
    assert (result.code, result.out, result.err) == (0, "", "")
    scores = Model.load(work / "m.safetensors").predict_codes(*(codes.numpy() for codes in published_codes()))
    assert scores.tolist() == pytest.approx(REFERENCE["expected"]["probability"], abs=1e-5)
    assert epidyn("info", work / "m.safetensors").out.count("as published weights hold them") == 1


def test_lists_every_name_that_does_not_fit(epidyn: Run, tmp_path: Path, work: Path):
    state = published_state()
    del state["bn1.weight"], state["gru.bias_hh_l0"]
    state |= {"head.weight": torch.zeros(2), "output_layer.bias": torch.zeros(3)}
    torch.save(state, tmp_path / "wrong.pth")
    refused(
        epidyn("import", tmp_path / "wrong.pth", "--out", work / "m.safetensors"),
        "wrong.pth",
        "missing: bn1.weight",
        "missing: gru.bias_hh_l0",
        "unknown: head.weight",
        "output_layer.bias: shape (3,), (1,) is needed",
    )
    assert list(work.iterdir()) == []


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_refuses_code_and_does_not_run_it(epidyn: Run, tmp_path: Path, work: Path):
    torch.save({"bn1.weight": Bomb(tmp_path / "ran")}, tmp_path / "code.pth")
    result = epidyn("import", tmp_path / "code.pth", "--out", work / "m.safetensors")
    refused(result, "code.pth", "more than tensors", "state_dict")
    assert not (tmp_path / "ran").exists()
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("does not exist",)),
        (b"", ("is empty",)),
        (b"hello world\n", ("no torch file",)),
        (b"PK\x03\x04" + bytes(300), ("no torch file",)),
    ],
    ids=["missing", "empty", "text", "damaged zip"],
)
def test_refuses_what_are_no_weights(
    epidyn: Run, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    path = write(tmp_path / "bad" / "w.pth", content)
    refused(epidyn("import", path, "--out", work / "m.safetensors"), str(path), *words)
    assert list(work.iterdir()) == []


def test_refuses_truncated_weights(epidyn: Run, weights: Path, tmp_path: Path, work: Path):
    path = write(tmp_path / "bad" / "w.pth", weights.read_bytes()[:-1000])
    refused(epidyn("import", path, "--out", work / "m.safetensors"), str(path), "damaged")
    assert list(work.iterdir()) == []


def test_a_model_is_replaced_only_by_force(epidyn: Run, weights: Path, work: Path):
    (work / "m.safetensors").write_text("mine")
    refused(epidyn("import", weights, "--out", work / "m.safetensors"), "m.safetensors exists", "--force")
    assert listing(work) == {"m.safetensors": b"mine"}
    assert epidyn("import", weights, "--out", work / "m.safetensors", "--force").code == 0
    assert Model.load(work / "m.safetensors").scorer.kind == "network"
