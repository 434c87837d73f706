"""``epidyn fetch``."""

from __future__ import annotations

from typing import Annotated

import typer

from epidyn.cli.options import Quiet
from epidyn.cli.tables import print_rows


def fetch(
    what: Annotated[
        list[str],
        typer.Argument(
            help="targetfinder or bengi, maybe with the names of cell lines; dna2vec; hg19; or list, to see what "
            "there is."
        ),
    ],
    mirror: Annotated[
        str | None,
        typer.Option("--from", help="Address of a mirror, below which files lie as in the cache.", metavar="URL"),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Fetch public data into the cache (EPIDYN_CACHE), verified; a download that was cut goes on where it was.

    Afterwards a name works wherever a file does: --pairs targetfinder:GM12878 --genome hg19.
    """
    from epidyn.fetch import RESOURCES, cache_folder, is_itself, named
    from epidyn.fetch import fetch as library_fetch

    if what == ["list"]:
        rows = []
        for each in RESOURCES.values():
            path = cache_folder() / each.file
            state = "not fetched" if not path.is_file() else "here" if is_itself(path, each) else "damaged"
            rows.append((each.name, f"{state:<12} {each.about}"))
        print_rows(rows)
        print(f"\ncache: {cache_folder()}")
        return
    for each in named(*what):
        print(library_fetch(each, mirror=mirror))
