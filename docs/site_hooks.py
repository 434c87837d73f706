"""What MkDocs adds to the pages of this folder: the commands, from themselves, and texts that lie beside it."""

from __future__ import annotations

import re
from pathlib import Path

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

from epidyn.cli import app

ROOT = Path(__file__).parents[1]
# Texts of the repository that are pages, too.
BESIDE = {
    "README.md": "index.md",
    "workflow/README.md": "workflow.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in this folder."""
    for source, page in BESIDE.items():
        files.append(File.generated(config, page, content=beside(source)))
    files.append(File.generated(config, "commands.md", content=commands()))
    return files


def beside(source: str) -> str:
    """Return a text of the repository with its links as they are seen from the site."""
    folder = Path(source).parent

    def as_page(link: re.Match[str]) -> str:
        target = (ROOT / folder / link[1]).resolve().relative_to(ROOT).as_posix()
        return f"]({BESIDE.get(target, target.removeprefix('docs/'))}"

    return _LINK.sub(as_page, (ROOT / source).read_text(encoding="utf-8"))


def commands() -> str:
    """Return the reference of all commands, as their own help has it."""
    command = typer.main.get_command(app)
    with command.make_context("epidyn", [], resilient_parsing=True) as context:
        return get_docs_for_click(obj=command, ctx=context, name="epidyn", title="Commands")
