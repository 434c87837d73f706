"""Files: written whole or not at all, read plain or gzipped, and their digests."""

from __future__ import annotations

import errno
import glob
import gzip
import hashlib
import io
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from epidyn.errors import InputFileError, OutputError

if TYPE_CHECKING:
    import pandas as pd

GZIP_MAGIC = b"\x1f\x8b"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # error numbers: disk, quota, largest file


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside ``target`` to write to; it is renamed to ``target`` if the block succeeds.

    A failure of the block, a full disk among them, leaves ``target`` as it was and removes what was written. Where
    it is a link to a file, that file is replaced, and the link stays.

    Raises
    ------
    OutputError
        If the folder does not exist, or the operating system refuses the writing.
    """
    target = Path(target)
    real = Path(os.path.realpath(target))
    beside = real.with_name(f".{real.name}.{os.getpid()}.partial")
    try:
        if not real.parent.is_dir():
            raise OutputError(f"cannot write {target}: there is no folder {real.parent}. Make it first.")
        if target.exists() and not target.is_file():
            raise OutputError(_no_file(target))
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(real)
    except OSError as error:
        if isinstance(error, InputFileError | OutputError):
            raise
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}. Free space or rights there, or write elsewhere."
        ) from error
    finally:
        with suppress(OSError):  # a name too long to be written cannot be removed either
            beside.unlink()


def _no_file(path: Path) -> str:
    what = "a folder" if path.is_dir() else "a pipe or a device, which cannot be replaced whole"
    return f"cannot write {path}: it is {what}. Give the name of a file."


def clear_partials(targets: Iterable[str | os.PathLike[str]]) -> None:
    """Remove what a kill in the middle of writing left beside files; no other process may be writing them."""
    for target in map(Path, targets):
        for partial in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
            partial.unlink(missing_ok=True)


@contextmanager
def writing_text(path: Path, *, gzipped: bool) -> Iterator[IO[str]]:
    """Open a file for UTF-8 text; equal texts are equal files, since no gzip header says name or time."""
    with path.open("wb") as binary:
        stream = gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0) if gzipped else binary
        with io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
            yield text


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` to ``target`` as UTF-8, whole or not at all."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")


def write_json(target: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write ``content`` to ``target`` as JSON that has no NaN, whole or not at all."""
    write_text(target, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_table(target: str | os.PathLike[str], table: pd.DataFrame, float_format: str | None = None) -> None:
    """Write a table, comma-separated for ``.csv``, else by tabs, gzipped for ``.gz``, whole or not at all."""
    with growing_table(target, float_format) as add:
        add(table)


@contextmanager
def growing_table(
    target: str | os.PathLike[str], float_format: str | None = None
) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield what adds rows to the table that :func:`write_table` would write of all of them, in bounded memory."""
    separator = "," if Path(target).suffix == ".csv" else "\t"
    with (
        atomic_path(target) as path,
        writing_text(path, gzipped=Path(target).suffix == ".gz") as text,
    ):
        form: dict[str, Any] = {
            "sep": separator,
            "index": False,
            "lineterminator": "\n",
            "float_format": float_format,
        }
        begun = False

        def add(rows: pd.DataFrame) -> None:
            nonlocal begun
            rows.to_csv(text, header=not begun, **form)
            begun = True

        yield add


def require_file(path: str | os.PathLike[str], what: str) -> Path:
    """Return ``path`` if it is a file that is not empty; ``what`` names it in the message.

    Raises
    ------
    InputFileError
        If there is no such file, it is a folder or a pipe, or it is empty.
    """
    path = Path(path)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputFileError(f"{what} {path} does not exist. Check the path.") from error
    except (OSError, ValueError) as error:  # a name too long, one with NUL, a folder that may not be looked into
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputFileError(f"{what} {str(path)[:200]} cannot be opened: {reason}. Check the path.") from error
    if path.is_dir():
        raise InputFileError(f"{what} {path} is a folder; a file is needed.")
    if not path.is_file():
        raise InputFileError(f"{what} {path} is a pipe or a device, which is read once only. Give a file.")
    try:
        with path.open("rb") as handle:
            empty = not handle.read(1)
    except OSError as error:
        raise InputFileError(f"{what} {path} cannot be read: {error.strerror}.") from error
    if empty:
        raise InputFileError(f"{what} {path} is empty.")
    return path


def is_gzip(path: Path) -> bool:
    """Tell by its first bytes, not its name, whether ``path`` is gzipped."""
    with path.open("rb") as handle:
        return handle.read(2) == GZIP_MAGIC


@contextmanager
def open_text(path: str | os.PathLike[str], what: str) -> Iterator[IO[str]]:
    """Open a plain or gzipped UTF-8 text for reading; errors of either kind become ours.

    Raises
    ------
    InputFileError
        If the file is missing, empty, a truncated or damaged gzip, or no text.
    """
    path = require_file(path, what)
    opening = gzip.open if is_gzip(path) else open
    try:
        with opening(path, "rt", encoding="utf-8-sig") as handle:
            yield handle
    except EOFError as error:
        raise InputFileError(f"{what} {path} is a truncated gzip file. Copy or download it again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputFileError(f"{what} {path} is a damaged gzip file ({error}). Download it again.") from error
    except UnicodeDecodeError as error:
        raise InputFileError(
            f"{what} {path} is no UTF-8 text: it holds the byte 0x{error.object[error.start]:02x}. "
            "Save it as UTF-8."
        ) from error


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def refuse_output(out: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]], *, force: bool) -> None:
    """Check an output file before any work.

    Raises
    ------
    OutputError
        If it exists (without ``force``), is a folder, a pipe or a device, or is one of the ``inputs``.
    """
    out = Path(out)
    if not out.exists():
        return
    if not out.is_file():
        raise OutputError(_no_file(out))
    if not force:
        raise OutputError(f"{out} exists. Give another --out, or --force to replace it.")
    for path in map(Path, inputs):
        if path.exists() and out.samefile(path):
            raise OutputError(f"{out} is an input of this command. Give another --out.")


def refuse_filled_folder(folder: str | os.PathLike[str], *, force: bool) -> None:
    """Check an output folder before any work; nothing is made.

    Raises
    ------
    OutputError
        If it is a file, or is not empty (without ``force``).
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} exists and is no folder. Give another --out.")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise OutputError(
            f"{folder} exists and is not empty. Give another --out, or --force to replace what is there."
        )


def prepare_output_folder(folder: str | os.PathLike[str], *, force: bool, own: Collection[str]) -> Path:
    """Make an output folder; one that holds something needs ``force``.

    With ``force`` the files named in ``own`` are removed from it, and what a kill left of them half
    written; anything else in it stays untouched.

    Raises
    ------
    OutputError
        If it is a file, is not empty (without ``force``), or cannot be made or written to.
    """
    refuse_filled_folder(folder, force=force)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        for name in own:
            (folder / name).unlink(missing_ok=True)
        clear_partials(folder / name for name in own)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror}.") from error
    return folder
