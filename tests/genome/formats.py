"""Writers of the formats that the tests read, each as plain as can be."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from Bio import bgzf


def fasta_text(sequences: dict[str, str], *, width: int = 61, newline: str = "\n") -> str:
    lines = []
    for name, letters in sequences.items():
        lines.append(f">{name} a description of {name}")
        lines += [letters[i : i + width] for i in range(0, len(letters), width)]
    return newline.join(lines) + newline


def write_bgzf(path: Path, text: str) -> Path:
    with path.open("wb") as raw:
        writer = bgzf.BgzfWriter(fileobj=raw)
        writer.write(text.encode())
        writer.flush()
        raw.write(bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000"))
    return path


def runs(pattern: str, letters: str) -> list[tuple[int, int]]:
    return [(found.start(), found.end() - found.start()) for found in re.finditer(pattern, letters)]


def twobit_record(letters: str, order: str) -> bytes:
    blocks = b""
    for pattern in ("[^ACGTacgt]+", "[a-z]+"):
        found = runs(pattern, letters)
        starts, sizes = [start for start, _ in found], [size for _, size in found]
        blocks += struct.pack(f"{order}I{2 * len(found)}I", len(found), *starts, *sizes)
    packed = bytearray()
    for i in range(0, len(letters), 4):
        byte = 0
        for j in range(4):
            letter = letters[i + j : i + j + 1].upper()
            byte = byte << 2 | ("TCAG".index(letter) if letter and letter in "TCAG" else 0)
        packed.append(byte)
    return struct.pack(f"{order}I", len(letters)) + blocks + struct.pack(f"{order}I", 0) + bytes(packed)


def twobit_bytes(sequences: list[tuple[str, str]], *, version: int = 0, order: str = "=") -> bytes:
    offset_format = "Q" if version else "I"
    index_size = sum(1 + len(name) + struct.calcsize(f"={offset_format}") for name, _ in sequences)
    index, records = b"", b""
    for name, letters in sequences:
        offset = 16 + index_size + len(records)
        index += bytes([len(name)]) + name.encode() + struct.pack(f"{order}{offset_format}", offset)
        records += twobit_record(letters, order)
    return struct.pack(f"{order}4I", 0x1A412743, version, len(sequences), 0) + index + records
