"""Binding motifs as matrices: those of JASPAR, and those of a user's own file."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, pairwise, takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from epidyn.errors import ConfigError, MatrixError
from epidyn.files import open_text

Floats = npt.NDArray[np.float64]

JASPAR = "jaspar"  # what names the motifs of a release in place of a file
RELEASE = "JASPAR2020"
COLLECTIONS = ("CORE", "CNE")  # those of the article's Figure 12
TAXA = "vertebrates"  # of CORE; CNE, conserved non-coding elements of the human genome, has none
_ALL = ("CORE", "CNE", "PHYLOFACTS", "SPLICE", "POLII", "FAM", "PBM", "PBM_HOMEO", "PBM_HLH", "UNVALIDATED")
# Share of A, C, G, T in the human genome, rounded.
BACKGROUND = (0.295, 0.205, 0.205, 0.295)
# Of the background, mixed into each column: a base that was never seen has a finite score.
PSEUDO_SHARE = 0.01
_FROM_ONE = 0.05  # how far from 1 the shares of a column may add up to, which is more than rounding makes


@dataclass(frozen=True, eq=False)
class Matrix:
    """A motif: its id, name, where it is from, and base frequencies (width, 4), columns A, C, G, T."""

    id: str
    name: str
    collection: str
    frequencies: Floats

    def log_odds(self) -> Floats:
        """Return what each base adds to a site's score, (width, 4): ln of its share over the background."""
        background = np.array(BACKGROUND)
        mixed = (self.frequencies + PSEUDO_SHARE * background) / (1 + PSEUDO_SHARE)
        return np.asarray(np.log(mixed / background))


def digest(matrices: Sequence[Matrix]) -> str:
    """Return the SHA-256 of ids and frequencies: the same for the same matrices in the same order."""
    hashed = hashlib.sha256()
    for each in matrices:
        hashed.update(f"{each.id}\t{len(each.frequencies)}\n".encode())
        hashed.update(np.ascontiguousarray(each.frequencies, dtype="<f8").tobytes())
    return hashed.hexdigest()


def load_matrices(release: str = RELEASE, collections: Sequence[str] = COLLECTIONS) -> list[Matrix]:
    """Return the motifs of a release of JASPAR, collection by collection, from the copy that pyjaspar brings.

    Parameters
    ----------
    release
        Its name, as ``JASPAR2020``.
    collections
        Names of its collections; of CORE the vertebrates' motifs are taken.

    Returns
    -------
    list of Matrix
        In the order of the collections.

    Raises
    ------
    ConfigError
        If pyjaspar is not installed, or a release or collection is unknown; lists those there are.
    """
    try:
        from pyjaspar import jaspardb
    except ImportError as error:
        raise ConfigError("motifs of JASPAR need pyjaspar. Install it: pip install 'epidyn[motifs]'.") from error
    releases = list(jaspardb().get_releases())
    if release not in releases:
        raise ConfigError(f"JASPAR has no release {release!r}; there are {', '.join(releases)}.")
    database = jaspardb(release=release)
    if not collections:
        raise ConfigError(f"no collection of {release} is named; name one, such as CORE.")
    found = []
    for collection in dict.fromkeys(collections):
        taxa = {"tax_group": TAXA} if collection == "CORE" else {}
        motifs = database.fetch_motifs(collection=collection, **taxa) if collection in _ALL else []
        if not motifs:
            there = [name for name in _ALL if database.fetch_motifs(collection=name)]
            raise ConfigError(f"{release} has no collection {collection!r}; there are {', '.join(there)}.")
        found += [Matrix(each.matrix_id, each.name, collection, _of_counts(each.counts)) for each in motifs]
    return found


def _of_counts(counts: dict[str, list[float]]) -> Floats:
    array = np.array([counts[base] for base in "ACGT"], dtype=np.float64).T
    return np.asarray(array / array.sum(axis=1, keepdims=True))


def read_meme(path: str | os.PathLike[str]) -> list[Matrix]:
    """Read the motifs of a file in minimal MEME format (https://meme-suite.org/meme/doc/meme-format.html).

    Biopython's reader of it rounds frequencies to counts of the sites that a file names, 20 if it names none.

    Parameters
    ----------
    path
        A text, or gzipped text, as MEME, STREME, JASPAR and HOCOMOCO write it; alphabet ACGT.

    Returns
    -------
    list of Matrix
        In the file's order; the collection is the file's name.

    Raises
    ------
    InputFileError
        If the file is missing, empty or no text.
    MatrixError
        If it is of another format or alphabet, holds no motif, or two of one name, or a motif has more or fewer
        columns than it says, or one that is no four shares that add up to 1.
    """
    with open_text(path, "motif file") as handle:
        lines = handle.read().splitlines()
    if not any(line.startswith("MEME version") for line in lines):
        raise MatrixError(f"motif file {path} has no line 'MEME version'; minimal MEME format is needed.")
    for line in lines:
        if line.startswith("ALPHABET") and line.partition("=")[2].strip() != "ACGT":
            raise MatrixError(f"motif file {path} has {line.strip()!r}; the alphabet must be 'ALPHABET= ACGT'.")
    name = Path(path).name
    found: list[Matrix] = []
    wrong: list[str] = []
    for block in _blocks(lines):
        _, *words = block.words
        try:
            if not words:
                raise ValueError("it has no name; the line must read 'MOTIF NAME'")
            found.append(Matrix(words[0], " ".join(words[1:]) or words[0], name, _columns(block)))
        except ValueError as error:
            wrong.append(f"line {block.line}: {' '.join(block.words)}: {error}")
    if wrong:
        raise MatrixError(f"motif file {path} has motifs that cannot be used:", wrong)
    if not found:
        raise MatrixError(f"motif file {path} holds no motif (a line 'MOTIF NAME' and its matrix).")
    ids = [each.id for each in found]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise MatrixError(f"motif file {path} has names that stand for several motifs:", twice)
    return found


class _Block(NamedTuple):
    """A motif of a file: line, from 1, and words of its name, header of its matrix, rows with their lines."""

    line: int
    words: list[str]
    header: str | None
    rows: list[tuple[int, str]]


# What follows a matrix without an empty line, in files of MEME's programs and of databases.
_AFTER = re.compile(r"\s*($|URL|MOTIF|--|\*|#|letter-probability)")


def _blocks(lines: list[str]) -> Iterator[_Block]:
    """Yield the motifs of a file."""
    starts = [at for at, line in enumerate(lines) if line.startswith("MOTIF")]
    for start, end in pairwise([*starts, len(lines)]):
        words = re.split(r"\swidth\s*=", lines[start])[0].split()  # MEME's own text says more of the motif there
        headers = [at for at in range(start, end) if lines[at].startswith("letter-probability matrix")]
        if not headers:
            yield _Block(start + 1, words, None, [])
            continue
        body = dropwhile(lambda numbered: not numbered[1].strip(), enumerate(lines[headers[0] + 1 : end], 1))
        rows = takewhile(lambda numbered: not _AFTER.match(numbered[1]), body)
        numbered = [(headers[0] + 1 + at, line.strip()) for at, line in rows]
        yield _Block(start + 1, words, lines[headers[0]], numbered)


def _columns(block: _Block) -> Floats:
    """Return a motif's frequencies; raises ValueError saying which column is none, or how many there should be."""
    if block.header is None or not block.rows:
        raise ValueError("there is no letter-probability matrix with columns")
    for number, (line, row) in enumerate(block.rows, 1):
        if not _is_column(row.split()):
            raise ValueError(f"column {number}, in line {line}, is {row!r}, no four shares that add up to 1")
    for name, count in (("alength", 4), ("w", len(block.rows))):
        said = re.search(rf"\b{name}=\s*(\d+)", block.header)
        if said is not None and int(said[1]) != count:
            raise ValueError(f"its matrix is said to have {said[0]!r}, and it is {count}; mend the file")
    array = np.array([row.split() for _, row in block.rows], dtype=np.float64)
    return np.asarray(array / array.sum(axis=1, keepdims=True))


def _is_column(words: list[str]) -> bool:
    try:
        shares = [float(word) for word in words]
    except ValueError:
        return False
    return len(shares) == 4 and min(shares) >= 0 and abs(sum(shares) - 1) <= _FROM_ONE
