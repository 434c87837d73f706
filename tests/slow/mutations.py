"""Bytes that were a valid file once."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import numpy as np

# What breaks readers of text and numbers, in files and in headers.
TOKENS = [
    *(
        b"",
        b" ",
        b"\t",
        b"\n",
        b"\r\n",
        b"\r",
        b"\x00",
        b"\x1a",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xc3\x28",
        b"\x1f\x8b",
    ),
    *(
        b"-1",
        b"0",
        b"1e400",
        b"nan",
        b"NA",
        b"inf",
        b"-inf",
        b"1.5",
        b"1e3",
        b"0x10",
        b"1_000",
        b"9" * 25,
        b"99999999999",
    ),
    *(
        b"2147483648",
        b"-9223372036854775809",
        b"18446744073709551616",
        "１２".encode(),
        b"+",
        b".",
        b",",
        b";",
        b"|",
        b'"',
    ),
    *(
        b"'",
        b"#",
        b">",
        b"<",
        b"<b>&amp;",
        b"{{x}}",
        b"${HOME}",
        b"../../etc/passwd",
        b"[",
        b"]",
        b"{",
        b"}",
        b"=",
        b"null",
    ),
    *(
        b"true",
        b"chr1",
        b"1",
        b"chrUn_gl000220",
        b"chr" + b"1" * 300,
        b"*",
        b"<DEL>",
        b"N",
        b"R",
        b"-",
        "é中\U0001f600".encode(),
    ),
    *(
        b"\\",
        b"\x7f",
        b"\xe2\x80\xa8",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\xff\xff\xff\x7f",
        b"\x00" * 64,
    ),
]

Mutation = Callable[[bytes, np.random.Generator], bytes]


def _span(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    """Draw start and end of a piece, mostly short."""
    start = int(rng.integers(len(content) + 1))
    return start, min(len(content), start + int(rng.geometric(0.05)))


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(len(content), size=rng.geometric(0.3)) if content else ():
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _delete(content: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(content, rng)
    return content[:end] + content[start:end] * int(rng.choice([1, 2, 50])) + content[end:]


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _move(content: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(content, rng)
    rest = content[:start] + content[end:]
    to = int(rng.integers(len(rest) + 1))
    return rest[:to] + content[start:end] + rest[to:]


def _insert(content: bytes, rng: np.random.Generator) -> bytes:
    start, end = _span(content, rng)
    token = TOKENS[int(rng.integers(len(TOKENS)))]
    return content[:start] + token + content[end if rng.random() < 0.5 else start :]


def _cell(content: bytes, rng: np.random.Generator) -> bytes:
    """Put an odd token in the place of one cell of a table."""
    lines = content.split(b"\n")
    row = int(rng.integers(len(lines)))
    for delimiter in (b"\t", b",", b" ", b"="):
        cells = lines[row].split(delimiter)
        if len(cells) > 1:
            cells[int(rng.integers(len(cells)))] = TOKENS[int(rng.integers(len(TOKENS)))]
            lines[row] = delimiter.join(cells)
            break
    return b"\n".join(lines)


def _line(content: bytes, rng: np.random.Generator) -> bytes:
    """Delete, repeat or swap whole lines."""
    lines = content.split(b"\n")
    one, two = (int(place) for place in rng.integers(len(lines), size=2))
    change = rng.integers(3)
    if change == 0:
        del lines[one]
    elif change == 1:
        lines.insert(two, lines[one])
    else:
        lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _line_ends(content: bytes, rng: np.random.Generator) -> bytes:
    return content.replace(b"\n", [b"\r\n", b"\r", b"\n\n", b""][int(rng.integers(4))])


def _long(content: bytes, rng: np.random.Generator) -> bytes:
    start, _ = _span(content, rng)
    return content[:start] + TOKENS[int(rng.integers(len(TOKENS)))] * 20_000 + content[start:]


def _gzipped(content: bytes, rng: np.random.Generator) -> bytes:
    return gzip.compress(content, 1)


def _encoded(content: bytes, rng: np.random.Generator) -> bytes:
    return content.decode("latin-1").encode(["utf-16", "utf-8-sig", "cp037"][int(rng.integers(3))], "replace")


_OFTEN: list[Mutation] = [_flip, _delete, _repeat, _move, _insert, _cell, _line]
_SELDOM: list[Mutation] = [_cut, _line_ends, _long, _gzipped, _encoded]


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return ``content`` after one to four changes."""
    for _ in range(rng.geometric(0.5)):
        choices = _OFTEN if rng.random() < 0.85 else _SELDOM
        content = choices[int(rng.integers(len(choices)))](content, rng)
    return content
