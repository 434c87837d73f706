"""Names and values that describe a thing: as plain text, and as a table for notebooks."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

Rows = list[tuple[str, str]]

# What a terminal obeys, what turns the direction of writing, and halves of characters, which no file may hold.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Return text with control characters spelled out, as ``\x1b``; tabs and ends of lines stay."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def aligned(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and values in two aligned columns, a line each."""
    width = max((len(name) for name, _ in rows), default=0)
    return visible("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


def html_table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return a table of HTML with a caption; all of it is text to show and never markup."""
    cells = "".join(
        f'<tr><th style="text-align: left">{html.escape(visible(name))}</th>'
        f'<td style="text-align: left">{html.escape(visible(value))}</td></tr>'
        for name, value in rows
    )
    return f'<table><caption style="text-align: left">{html.escape(title)}</caption><tbody>{cells}</tbody></table>'


def plain(value: object) -> str:
    """Return a value in words: numbers short, dictionaries as names and values, within others in brackets."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_nested(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(plain, value))
    return str(value)


def _nested(value: object) -> str:
    return f"({plain(value)})" if isinstance(value, dict) else plain(value)
