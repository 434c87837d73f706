from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn import kmers
from epidyn.errors import InputFileError, KmerVectorError
from tests.conftest import needs_data


def slow_tokens(sequence: str) -> list[int]:
    tokens = []
    for start in range(len(sequence) - 5):
        word = sequence[start : start + 6]
        tokens.append(0 if "N" in word else 1 + sum("ACGT".index(b) * 4 ** (5 - i) for i, b in enumerate(word)))
    return [0] * min(5, len(sequence)) + tokens


def codes_of(sequence: str) -> np.ndarray:
    return np.array(["ACGTN".index(base) for base in sequence], dtype=np.uint8)


@given(st.text("ACGTN", max_size=60))
def test_tokens_are_the_definition(sequence: str):
    tokens = kmers.tokenize(codes_of(sequence))
    assert tokens.dtype == np.int64
    assert tokens.tolist() == slow_tokens(sequence)


@pytest.mark.parametrize(
    ("word", "token"),
    [
        ("AAAAAA", 1),
        ("AAAAAC", 2),
        ("AAAACA", 5),
        ("ACGTAC", 434),
        ("GGGGGG", 2731),
        ("TACGTA", 3181),
        ("TTTTTT", 4096),
    ],
)
def test_known_tokens(word: str, token: int):
    assert kmers.tokenize(codes_of(word))[-1] == token


def test_any_number_of_axes():
    codes = np.random.default_rng(0).integers(0, 5, (2, 3, 11), dtype=np.uint8)
    tokens = kmers.tokenize(codes)
    assert tokens.shape == (2, 3, 11)
    assert np.array_equal(tokens[1, 2], kmers.tokenize(codes[1, 2]))


def test_initial_vectors_make_similar_6mers_similar():
    vectors = kmers.initial_vectors(50, seed=1)
    assert vectors.shape == (4097, 50)
    assert vectors.dtype == np.float32
    assert not vectors[0].any()
    assert vectors[1:].std() == pytest.approx(kmers.DNA2VEC_SD, rel=1e-3)
    unit = vectors[1:] / np.linalg.norm(vectors[1:], axis=1, keepdims=True)
    words = ["".join(word) for word in itertools.product("ACGT", repeat=6)]
    index = {word: i for i, word in enumerate(words)}
    rng = np.random.default_rng(0)
    some = [words[i] for i in rng.integers(0, 4096, 300)]
    neighbours = np.mean([unit[index[w]] @ unit[index[("C" if w[0] != "C" else "A") + w[1:]]] for w in some])
    moved = np.mean([unit[index[w]] @ unit[index[w[1:] + "A"]] for w in some])
    strangers = np.mean([unit[index[w]] @ unit[index[some[i - 1]]] for i, w in enumerate(some)])
    assert neighbours > 0.6
    assert moved > strangers + 0.15
    assert neighbours > moved


def test_initial_vectors_follow_the_seed():
    assert np.array_equal(
        kmers.initial_vectors(7, seed=3), kmers.initial_vectors(7, seed=np.random.default_rng(3))
    )
    assert not np.array_equal(kmers.initial_vectors(7, seed=3), kmers.initial_vectors(7, seed=4))


def test_npy(tmp_path: Path):
    vectors = np.random.default_rng(0).normal(size=(4097, 3))
    np.save(tmp_path / "v.npy", vectors)
    read = kmers.read_vectors(tmp_path / "v.npy")
    assert read.dtype == np.float32
    assert np.allclose(read, vectors)


def word2vec(path: Path, dimensions: int, skip: set[str] = frozenset(), zipped: bool = False) -> np.ndarray:
    """Write the k-mers of length 3 to 6 in a shuffled order, and return the expected table."""
    rng = np.random.default_rng(5)
    words = ["".join(word) for k in (3, 6) for word in itertools.product("ACGT", repeat=k)]
    rng.shuffle(words)
    table, lines = np.zeros((4097, dimensions)), [f"{len(words)} {dimensions}"]
    for word in words:
        if word in skip:
            continue
        numbers = rng.normal(size=dimensions).round(4)
        lines.append(" ".join([word, *map(str, numbers)]))
        if len(word) == 6:
            table[slow_tokens(word)[-1]] = numbers
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    return table


@pytest.mark.parametrize("zipped", [False, True])
def test_word2vec_takes_only_the_6mers(tmp_path: Path, zipped: bool):
    expected = word2vec(tmp_path / "v.w2v", 3, zipped=zipped)
    assert np.allclose(kmers.read_vectors(tmp_path / "v.w2v"), expected, atol=1e-6)


def test_word2vec_lists_missing_6mers(tmp_path: Path):
    word2vec(tmp_path / "v.w2v", 2, skip={"ACGTAC", "TTTTTT"})
    with pytest.raises(KmerVectorError) as caught:
        kmers.read_vectors(tmp_path / "v.w2v")
    assert caught.value.rows == ("ACGTAC", "TTTTTT")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("AAAAAA 1 2\n", "neither .npy nor word2vec"),
        ("1 2\nAAAAAA 1\n", "line 2: 2 numbers"),
        ("1 2\nAAAAAA 1 x\n", "line 2: 2 numbers"),
    ],
)
def test_refuses_other_text(tmp_path: Path, content: str, names: str):
    (tmp_path / "v.w2v").write_text(content)
    with pytest.raises(KmerVectorError, match=names):
        kmers.read_vectors(tmp_path / "v.w2v")


@pytest.mark.parametrize(
    ("array", "names"),
    [
        (np.zeros((4096, 3)), r"\(4096, 3\)"),
        (np.zeros(4097), r"\(4097,\)"),
        (np.full((4097, 2), np.nan), "not finite"),
        (np.full((4097, 2), "a"), "numbers are needed"),
    ],
)
def test_refuses_other_arrays(tmp_path: Path, array: np.ndarray, names: str):
    np.save(tmp_path / "v.npy", array)
    with pytest.raises(KmerVectorError, match=names):
        kmers.read_vectors(tmp_path / "v.npy")


def test_a_truncated_npy_and_a_missing_file(tmp_path: Path):
    np.save(tmp_path / "v.npy", np.zeros((4097, 3)))
    cut = (tmp_path / "v.npy").read_bytes()[:5000]
    (tmp_path / "v.npy").write_bytes(cut)
    with pytest.raises(KmerVectorError, match="cannot be read"):
        kmers.read_vectors(tmp_path / "v.npy")
    with pytest.raises(InputFileError, match="does not exist"):
        kmers.read_vectors(tmp_path / "none.npy")


def test_pickled_objects_are_not_loaded(tmp_path: Path):
    np.save(tmp_path / "v.npy", np.array([[{}]] * 4097, dtype=object), allow_pickle=True)
    with pytest.raises(KmerVectorError):
        kmers.read_vectors(tmp_path / "v.npy")


@needs_data
def test_dna2vec(data: Path):
    vectors = kmers.read_vectors(data / "dna2vec" / "embedding_matrix.npy")
    assert vectors.shape == (4097, 100)
    assert not vectors[0].any()
    assert vectors[1:].std() == pytest.approx(kmers.DNA2VEC_SD, abs=0.001)
