"""Base codes against a dict of letters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn.errors import GenomeError
from epidyn.genome import decode, encode, reverse_complement
from epidyn.genome.codes import to_codes

SLOW = {"A": 0, "C": 1, "G": 2, "T": 3, "a": 0, "c": 1, "g": 2, "t": 3}
PAIRS = {0: 3, 1: 2, 2: 1, 3: 0, 4: 4}


@settings(deadline=None)
@given(st.text(alphabet=st.one_of(st.sampled_from("ACGTacgtNnRYKMSWBDHVU-*"), st.characters())))
def test_encode_is_the_table_letter_by_letter(text: str):
    codes = encode(text)
    assert codes.dtype == np.uint8
    assert codes.tolist() == [SLOW.get(letter, 4) for letter in text]


def test_encode_reads_every_byte_and_gives_an_array_of_its_own():
    raw = bytes(range(256))
    codes = encode(raw)
    assert codes.tolist() == [SLOW.get(chr(byte), 4) for byte in raw]
    codes[0] = 1  # writable, and bytes are not touched
    assert raw[0] == 0


@settings(deadline=None)
@given(st.lists(st.integers(0, 4)))
def test_decode_is_the_inverse(codes: list[int]):
    assert decode(codes) == "".join("ACGTN"[code] for code in codes)
    assert encode(decode(codes)).tolist() == codes


def test_reverse_complement_runs_along_the_last_axis():
    codes = np.random.default_rng(0).integers(0, 5, (2, 3, 7)).astype(np.uint8)
    got = reverse_complement(codes)
    assert got.dtype == np.uint8
    for i in range(2):
        for j in range(3):
            assert got[i, j].tolist() == [PAIRS[code] for code in reversed(codes[i, j].tolist())]
    assert decode(reverse_complement(encode("AACGTNG"))) == "CNACGTT"


@pytest.mark.parametrize(
    ("codes", "part"),
    [([0, 5], "run from 0 to 5"), ([-1, 2], "run from -1 to 2"), ([0.5], "float64"), ([[1, 2]], "(1, 2)")],
)
def test_what_is_no_base_code_is_refused(codes: list[object], part: str):
    with pytest.raises(GenomeError) as caught:
        to_codes(np.array(codes), "chr7")
    assert "chr7" in str(caught.value)
    assert part in str(caught.value)


def test_reverse_complement_refuses_other_values():
    with pytest.raises(GenomeError, match="0 to 4"):
        reverse_complement(np.array([[0, 1], [2, 9]]))
