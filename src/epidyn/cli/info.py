"""``epidyn info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Quiet
from epidyn.cli.tables import print_rows
from epidyn.described import Rows


def info(
    what: Annotated[str, typer.Argument(help="A model, a pair table, a scores table, or a genome.")],
    quiet: Quiet = False,
) -> None:
    """Say what a model, a pair table or a genome is."""
    print_rows(describe(what))


def describe(what: str) -> Rows:
    """Return names and values that describe a model, a genome or a pair table, told apart by content."""
    from epidyn.fetch import located
    from epidyn.files import require_file
    from epidyn.genome.opening import looks_like_genome
    from epidyn.pairs.parquet import is_parquet

    if what.startswith("random:"):
        return _genome(what)
    path = require_file(located(what), "file")
    with path.open("rb") as handle:
        start = handle.read(9)
    # A safetensors file begins with the length of its header, eight bytes, and the header's brace.
    if (start[8:9] == b"{" and not is_parquet(path)) or path.suffix == ".safetensors":
        return _model(path)
    return _genome(str(path)) if looks_like_genome(path) else _pairs(path)


def _model(path: Path) -> Rows:
    from epidyn.files import sha256
    from epidyn.model import Model

    return [("model", f"{path} (sha256 {sha256(path)})"), *Model.load(path).describe()]


def _genome(spec: str) -> Rows:
    from epidyn.genome import Genome

    with Genome.open(spec) as genome:
        sizes = genome.sizes
        shown = list(sizes.items())[:30]
        return [
            ("genome", genome.name),
            ("chromosomes", f"{len(sizes):,}"),
            ("bases", f"{sum(sizes.values()):,}"),
            ("digest", genome.digest()),
            *((name, f"{size:,}") for name, size in shown),
            *([("...", f"and {len(sizes) - len(shown):,} more")] if len(sizes) > len(shown) else []),
        ]


def _pairs(path: Path) -> Rows:
    from epidyn.pairs import read_pairs, summarise

    return [("pair table", str(path)), *summarise(read_pairs(path)).rows()]
