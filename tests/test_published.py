"""The authors' weight files: what is read, and that nothing in them runs."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from epidyn import Model
from epidyn.errors import EpidynError, InputFileError, ModelFileError
from epidyn.published import read_published
from tests.nn.published import REFERENCE, published_codes, published_state

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return published_state()


@pytest.fixture(scope="module")
def weights(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("published") / "published.pth"
    torch.save(state, path)
    return path


def test_predicts_what_the_authors_code_predicts(weights: Path, tmp_path: Path):
    rng = torch.get_rng_state()
    read_published(weights).save(tmp_path / "m.safetensors")
    assert torch.equal(rng, torch.get_rng_state())
    model = Model.load(tmp_path / "m.safetensors")
    scores = model.predict_codes(*(codes.numpy() for codes in published_codes()))
    assert scores.tolist() == pytest.approx(REFERENCE["expected"]["probability"], abs=1e-5)
    assert model.network.config.attention_dropout == 0.1
    assert model.provenance.kmer_vectors == "as published weights hold them"
    assert model.provenance.training_prevalence is None


def test_reads_the_older_torch_format(state: State, tmp_path: Path):
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    weights = read_published(tmp_path / "old.pth").network.state_dict()
    assert torch.equal(weights["output.bias"], state["output_layer.bias"])


def test_lists_all_that_does_not_fit(state: State, tmp_path: Path):
    wrong = {name: value for name, value in state.items() if name not in ("bn1.weight", "gru.bias_hh_l0")}
    wrong |= {"head.weight": torch.zeros(2), "output_layer.bias": torch.zeros(3)}
    torch.save(wrong, tmp_path / "wrong.pth")
    with pytest.raises(ModelFileError, match=r"wrong\.pth: these are not the weights") as caught:
        read_published(tmp_path / "wrong.pth")
    assert sorted(caught.value.rows) == [
        "missing: bn1.weight",
        "missing: gru.bias_hh_l0",
        "output_layer.bias: shape (3,), (1,) is needed",
        "unknown: head.weight",
    ]


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("zipped", [True, False])
def test_refuses_a_file_with_code_and_does_not_run_it(tmp_path: Path, zipped: bool):
    marker = tmp_path / "ran"
    torch.save({"bn1.weight": Bomb(marker)}, tmp_path / "code.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ModelFileError, match="holds more than tensors"):
        read_published(tmp_path / "code.pth")
    assert not marker.exists()


def test_refuses_a_plain_pickle_with_code(tmp_path: Path):
    marker = tmp_path / "ran"
    (tmp_path / "code.pth").write_bytes(pickle.dumps(Bomb(marker)))
    with pytest.raises(ModelFileError, match=r"code\.pth"):
        read_published(tmp_path / "code.pth")
    assert not marker.exists()


def a_whole_module(path: Path) -> None:
    torch.save(torch.nn.Linear(2, 3), path)


def a_list(path: Path) -> None:
    torch.save([torch.zeros(2)], path)


def a_text(path: Path) -> None:
    path.write_text("hello world\n")


def truncated(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"bn1.weight": torch.zeros(400)}, buffer)
    path.write_bytes(buffer.getvalue()[:-300])


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (a_whole_module, "holds more than tensors.*state_dict"),
        (a_list, "hold a list; a state_dict is needed"),
        (a_text, "is damaged or no torch file"),
        (truncated, "is damaged or no torch file"),
    ],
)
def test_refuses_what_is_no_state_dict(tmp_path: Path, write: Callable[[Path], None], words: str):
    write(tmp_path / "bad.pth")
    with pytest.raises(ModelFileError, match=rf"bad\.pth.*{words}"):
        read_published(tmp_path / "bad.pth")


@pytest.mark.parametrize(("content", "words"), [(None, "does not exist"), (b"", "is empty")])
def test_refuses_a_missing_and_an_empty_file(tmp_path: Path, content: bytes | None, words: str):
    if content is not None:
        (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputFileError, match=words):
        read_published(tmp_path / "w.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_any_damage_is_an_error_of_ours(tmp_path: Path, zipped: bool):
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(3), "b": torch.ones(2, 2)}, buffer, _use_new_zipfile_serialization=zipped)
    rng = np.random.default_rng(int(zipped))
    for _ in range(150):
        content = bytearray(buffer.getvalue())
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(256)
        (tmp_path / "w.pth").write_bytes(content)
        with pytest.raises(EpidynError, match=r"w\.pth"):
            read_published(tmp_path / "w.pth")
