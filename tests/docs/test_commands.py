"""Every command that the documentation shows is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from epidyn.cli import app
from tests.docs.pages import PAGES, ROOT, commands

CALLS = [(page.relative_to(ROOT), words) for page in PAGES for words in commands(page)]


def test_there_are_calls():
    assert len(CALLS) > 60
    assert {words[0] for _, words in CALLS if words} >= {"train", "predict", "scan", "explain", "tune", "kmers"}


@pytest.mark.parametrize(
    ("page", "words"), CALLS, ids=lambda value: " ".join(value) if isinstance(value, list) else None
)
def test_a_command_that_is_shown_takes_these_options(page: Path, words: list[str]):
    group = typer.main.get_command(app)
    with group.make_context("epidyn", [], resilient_parsing=True) as context:
        if words[0].startswith("-"):
            group.make_parser(context).parse_args(args=words)
            return
        command = group.get_command(context, words[0])
        assert command is not None, f"{page}: there is no command {words[0]}"
        with command.make_context(words[0], [], parent=context, resilient_parsing=True) as inner:
            _, rest, _ = command.make_parser(inner).parse_args(args=[word for word in words[1:] if word != "..."])
        assert not rest, f"{page}: {rest} are too many"
