"""Finished parts of a long piece of work, beside its output, so that the same call goes on there after a kill."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from epidyn.errors import OutputError
from epidyn.files import prepare_output_folder, write_text


class Parts:
    """The folder ``OUT.partial`` with what one call has done so far; a subclass says whose it is.

    Parameters
    ----------
    out
        The output that is to be put together of the parts.
    origin
        All that the parts follow from, as plain values.
    force
        Drop what a call with another origin left.

    Attributes
    ----------
    folder
        Where the parts lie.

    Raises
    ------
    OutputError
        If a call with another origin left the folder, without ``force``; or it cannot be made.
    """

    command: ClassVar[str]
    settings: ClassVar[str]  # the file with the origin

    def __init__(self, out: str | os.PathLike[str], origin: Mapping[str, Any], *, force: bool) -> None:
        self.folder = Path(f"{os.fspath(out).rstrip('/')}.partial")
        text = json.dumps(origin, indent=2) + "\n"
        known = self.folder / self.settings
        if self._has_content() and not (known.is_file() and known.read_text(encoding="utf-8") == text):
            if not force:
                raise OutputError(
                    f"{self.folder} holds what another call of epidyn {self.command} left. Repeat that call to "
                    "finish it, give another --out, or --force to drop it."
                )
            shutil.rmtree(self.folder)
        if not known.is_file():
            prepare_output_folder(self.folder, force=True, own=())
            write_text(known, text)

    def _has_content(self) -> bool:
        """Tell whether there is more than what a kill leaves before the settings are written: hidden files."""
        return self.folder.is_dir() and any(not path.name.startswith(".") for path in self.folder.iterdir())

    def remove(self) -> None:
        """Remove the folder; the settings last, so that after a kill meanwhile it is known whose the rest is."""
        for path in self.folder.glob("[!.]*"):
            if path.name != self.settings:
                path.unlink()
        shutil.rmtree(self.folder)

    def path(self, number: int) -> Path:
        """Return where a part lies, from 0."""
        return self.folder / f"{number:06d}.tsv.gz"
