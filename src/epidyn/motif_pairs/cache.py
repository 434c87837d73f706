"""Motif scores that are kept from one run to the next."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from epidyn.errors import OutputError
from epidyn.files import atomic_path
from epidyn.matrices import Matrix, digest
from epidyn.motif_scores import SitesCount

log = logging.getLogger("epidyn")

Content = dict[str, npt.NDArray[Any]]

KEY_BYTES = 16
_FORMAT = 2
_DIGEST = "sha256"  # of keys and scores, in the file's metadata


class ScoreCache:
    """A folder with the scores of windows by the motifs of one list.

    Windows are known by a digest of their bases, the list by one of its matrices, so scores are found wherever
    they hold and nowhere else, whatever table or genome they were made for. Other lists have folders of their own.
    What is added is a file of its own, there as a whole or not at all, so that processes may share a folder; one
    that is damaged is removed.

    Parameters
    ----------
    folder
        Made if missing.
    matrices
        The motifs, in their order.
    sites
        How many of a window's best sites are added up, or ``all``.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str], matrices: Sequence[Matrix], *, sites: SitesCount) -> None:
        self._motifs = len(matrices)
        whose = hashlib.sha256(f"{_FORMAT} {sites} {digest(matrices)}".encode()).hexdigest()[:16]
        self.folder = Path(folder) / whose
        try:
            others = [path.parent for path in Path(folder).glob("*/*.safetensors") if path.parent != self.folder]
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder of scores {self.folder}: {error.strerror}.") from error
        self._files = [path for path in sorted(self.folder.glob("[!.]*.safetensors")) if self._sound(path)]
        self._where = {
            key.tobytes(): (number, row)
            for number, path in enumerate(self._files)
            for row, key in enumerate(_read(path, "keys"))
        }
        if others and not self._files:
            log.info("%s has scores by other motifs or counts of sites; those by these are computed", folder)

    def __len__(self) -> int:
        return len(self._where)

    def find(self, keys: Sequence[bytes]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return which of these windows were there when the folder was opened, by number, and their scores.

        Returns
        -------
        int64 array (found,)
        float32 array (found, motifs)
        """
        places = [(number, self._where[key]) for number, key in enumerate(keys) if key in self._where]
        found = np.array([number for number, _ in places], dtype=np.int64)
        where = np.array([place for _, place in places], dtype=np.int64).reshape(-1, 2)
        scores = np.empty((len(found), self._motifs), dtype=np.float32)
        for file in np.unique(where[:, 0]):
            here = where[:, 0] == file
            scores[here] = _read(self._files[file], "scores")[where[here, 1]]
        return found, scores

    def add(self, keys: Sequence[bytes], scores: npt.NDArray[np.float32]) -> None:
        """Keep the scores, float32 (windows, motifs), of windows by their digests of 16 bytes.

        Raises
        ------
        OutputError
            If there is no room.
        """
        packed = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), KEY_BYTES)
        name = hashlib.blake2b(packed.tobytes(), digest_size=16).hexdigest()
        content: Content = {"keys": packed, "scores": np.ascontiguousarray(scores)}
        with atomic_path(self.folder / f"{name}.safetensors") as beside:
            beside.write_bytes(to_bytes(content, metadata={_DIGEST: _digest(content)}))

    def _sound(self, path: Path) -> bool:
        try:
            with safe_open(path, framework="numpy") as content:
                parts: Content = {name: content.get_tensor(name) for name in ("keys", "scores")}
                said = (content.metadata() or {}).get(_DIGEST)
        except FileNotFoundError:
            return False  # another process found it damaged
        except SafetensorError:
            parts, said = {}, None
        except OSError as error:
            raise OutputError(f"cannot read the scores {path}: {error.strerror}. Give another folder.") from error
        found = [(each.dtype.name, each.shape[1:]) for each in parts.values()]
        if found == [("uint8", (KEY_BYTES,)), ("float32", (self._motifs,))] and said == _digest(parts):
            return True
        log.warning("%s is damaged; its windows are scored again", path)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return False


def _digest(content: Content) -> str:
    hashed = hashlib.sha256()
    for name in ("keys", "scores"):
        hashed.update(np.ascontiguousarray(content[name]).tobytes())
    return hashed.hexdigest()


def _read(path: Path, name: str) -> npt.NDArray[np.generic]:
    with safe_open(path, framework="numpy") as content:
        return np.asarray(content.get_tensor(name))
