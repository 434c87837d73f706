from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from epidyn import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A stderr that is a terminal, and one that rich draws on."""
    for variable in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    yield stream
    progress.quiet(False)


def test_a_terminal_sees_label_share_and_note(terminal: Terminal):
    with progress.bar("Scoring pairs", 8) as advance:
        advance(1.5, "first")
        advance(0.5, "loss 0.25")
    shown = terminal.getvalue()
    assert "Scoring pairs" in shown
    assert "25%" in shown
    assert "loss 0.25" in shown


def test_nothing_goes_to_stdout(terminal: Terminal, capsys: pytest.CaptureFixture[str]):
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8)
    assert capsys.readouterr().out == ""


def test_the_total_may_be_unknown(terminal: Terminal):
    with progress.bar("indexing hg19.fa", None) as advance:
        advance(3)
    assert "indexing hg19.fa" in terminal.getvalue()


def test_what_is_no_terminal_sees_nothing(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8, "done")
    assert stream.getvalue() == ""


def test_quiet_hides_bars_until_it_is_taken_back(terminal: Terminal):
    progress.quiet()
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8)
    assert terminal.getvalue() == ""
    progress.quiet(False)
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8)
    assert "Scoring pairs" in terminal.getvalue()


def test_a_bar_within_a_bar_is_not_shown(terminal: Terminal):
    with progress.bar("Training", 5) as outer:
        with progress.bar("Reading sequences", 3) as inner:
            inner(3, "inner note")
        with progress.bar("Reading sequences", 3) as inner:
            inner(3)
        outer(5)
    assert "Training" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert "Reading" not in terminal.getvalue()
    assert "inner note" not in terminal.getvalue()


def test_the_next_bar_is_shown_even_after_a_failure(terminal: Terminal):
    with pytest.raises(ZeroDivisionError), progress.bar("Training", 5):
        raise ZeroDivisionError
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8)
    assert "Scoring pairs" in terminal.getvalue()
    assert sys.stderr is terminal
