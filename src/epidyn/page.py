"""One self-contained HTML page: a template of ours, its text escaped, its figures inside it."""

from __future__ import annotations

import base64
from importlib import resources
from pathlib import Path

from epidyn.described import visible


def embedded(path: Path) -> str:
    """Return a PNG file as the address of an image that needs no other file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def render(template: str, **content: object) -> str:
    """Fill ``template``, a file of ``epidyn/data``; a name that it uses and ``content`` lacks is an error.

    What ``content`` holds, names and values alike, is text to show and never markup; its control characters are
    spelled out.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = resources.files("epidyn") / "data" / template
    return visible(environment.from_string(source.read_text(encoding="utf-8")).render(**content))
