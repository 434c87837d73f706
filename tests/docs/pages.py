"""What stands in code blocks of the documentation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "workflow" / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return language and text of each fenced block, in order."""
    return [(language, text) for language, text in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words after `epidyn` of each command in fenced and indented blocks."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    for line in text.splitlines():
        if line.startswith(("    epidyn ", "epidyn ")):
            for call in line.strip().split("&&"):
                yield shlex.split(call, comments=True)[1:]
