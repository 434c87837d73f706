"""Base codes: ``uint8``, A 0, C 1, G 2, T 3, anything else 4 ("N")."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from epidyn.errors import GenomeError

Codes: TypeAlias = npt.NDArray[np.uint8]

LETTERS = "ACGTN"
N = 4

# One byte of text -> its code. bytearray.translate is several times faster than indexing an array.
_table = bytearray([N]) * 256
for _code, _letter in enumerate(LETTERS):
    _table[ord(_letter)] = _table[ord(_letter.lower())] = _code
_CODE_OF_BYTE = bytes(_table)
_BYTE_OF_CODE = np.frombuffer(LETTERS.encode("ascii"), np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, N], np.uint8)


def encode(text: str | bytes | bytearray) -> Codes:
    """Return the base codes of a text, shape ``(len(text),)``, in an array of its own.

    Lower case is read as upper case; every other character, IUPAC letters among them, is 4.
    """
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    return np.frombuffer(bytearray(raw).translate(_CODE_OF_BYTE), np.uint8)


def decode(codes: npt.ArrayLike) -> str:
    """Return the letters, upper case and ``N``, of base codes of shape ``(length,)``.

    Raises
    ------
    GenomeError
        If these are no base codes.
    """
    letters: npt.NDArray[np.uint8] = _BYTE_OF_CODE[_checked(codes, "codes")]
    return letters.tobytes().decode("ascii")


def reverse_complement(codes: npt.ArrayLike) -> Codes:
    """Return the other strand of base codes of shape ``(..., length)``, read along the last axis; N stays N.

    Raises
    ------
    GenomeError
        If a value is no base code.
    """
    array = np.asarray(codes)
    _check_values(array, "codes")
    other: Codes = _COMPLEMENT[array[..., ::-1]]
    return other


def to_codes(sequence: Any, what: str) -> Codes:
    """Return the base codes, shape ``(length,)``, of a text or an array of codes, as an array of its own.

    ``what`` names the sequence in the message.

    Raises
    ------
    GenomeError
        If it is neither.
    """
    if isinstance(sequence, str | bytes | bytearray):
        return encode(sequence)
    return _checked(sequence, what).astype(np.uint8)


def _checked(codes: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    array = np.asarray(codes)
    if array.size == 0:
        array = array.astype(np.uint8)
    if array.ndim != 1:
        raise GenomeError(f"{what}: base codes of shape (length,) are needed, not {array.shape}.")
    _check_values(array, what)
    return array


def _check_values(array: npt.NDArray[Any], what: str) -> None:
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise GenomeError(f"{what}: base codes are integers 0 to 4 (A, C, G, T, N), not {array.dtype}.")
    if array.size and (array.min() < 0 or array.max() > N):
        raise GenomeError(
            f"{what}: base codes are 0 to 4 (A, C, G, T, N); these run from {array.min()} to {array.max()}. "
            "Encode letters with epidyn.genome.encode."
        )
