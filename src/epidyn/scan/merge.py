"""Put the shards of a scan together."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epidyn.errors import InputFileError
from epidyn.files import refuse_output, require_file
from epidyn.scan.output import FORMAT_VERSION, header_bytes, join, refuse_name, settings_path
from epidyn.scan.plan import Shard

log = logging.getLogger("epidyn")

_SUMMED = ("pairs", "rows", "pairs_seen_in_training")
_APART = ("shard", *_SUMMED)


def merge(shards: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], *, force: bool = False) -> int:
    """Write the shards of one scan, given in any order, as that scan: the bytes that a run without shards writes.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    InputFileError
        If a shard is missing, given twice, damaged, or of another scan.
    OutputError
        If ``out`` has a wrong name, no folder, or exists without ``force``; or is a shard.
    """
    refuse_name(out)
    paths = [require_file(path, "shard") for path in shards]
    for path in (out, settings_path(out)):
        refuse_output(path, [*paths, *map(settings_path, paths)], force=force)
    settings = {path: read_settings(path) for path in paths}
    ordered = sorted(paths, key=lambda path: Shard.parse(settings[path]["shard"]).number)
    _refuse_incomplete(ordered, settings)
    first = settings[ordered[0]]
    counts = {name: sum(settings[path][name] for path in ordered) for name in _SUMMED}
    # The header of the first shard is that of all.
    pieces = [(path, 0 if path == ordered[0] else header_bytes(path)) for path in ordered]
    join(out, pieces, first | counts | {"shard": str(Shard())}, largest=first["genome"]["largest"])
    log.info("merged %s shards, %s rows: %s", len(ordered), f"{counts['rows']:,}", out)
    return int(counts["rows"])


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a scan says it came from.

    Raises
    ------
    InputFileError
        If it is missing or damaged, or of a later format.
    """
    beside = require_file(settings_path(path), "settings of a scan")
    try:
        settings = json.loads(beside.read_text(encoding="utf-8"))
        whole = isinstance(settings, dict) and {"format", "genome", *_APART} <= settings.keys()
    except (ValueError, RecursionError):  # no JSON, no text, or numbers or nesting without end
        whole = False
    if not whole:
        raise InputFileError(f"{beside} is not what `epidyn scan` writes beside a scan. Scan again.")
    if settings["format"] != FORMAT_VERSION:
        raise InputFileError(
            f"{beside}: its format is {settings['format']}, {FORMAT_VERSION} is needed. Scan again, or install "
            "a newer epidyn."
        )
    return dict(settings)


def _refuse_incomplete(paths: Sequence[Path], settings: dict[Path, dict[str, Any]]) -> None:
    """Check that shards in order are those of one scan, each once."""
    first = settings[paths[0]]
    for path in paths[1:]:
        other = settings[path]
        differing = [name for name in first.keys() | other.keys() if first.get(name) != other.get(name)]
        differing = sorted(set(differing) - set(_APART))
        if differing:
            raise InputFileError(
                f"{path} is of another scan than {paths[0]}: {', '.join(differing)} differ. Merge shards that "
                "were made with the same inputs and settings."
            )
    given = [settings[path]["shard"] for path in paths]
    count = Shard.parse(first["shard"]).count
    wanted = [str(Shard(number, count)) for number in range(1, count + 1)]
    if given != wanted:
        raise InputFileError(
            f"the shards {', '.join(given)} are given; {', '.join(wanted)} are needed, each once. Give the "
            "missing ones, and none twice."
        )
