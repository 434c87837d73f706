from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator

import pytest

from epidyn import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Start = Callable[[], Terminal]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Call it in the test, not before: pytest sets its own stderr when a test begins."""
    for variable in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")

    def start() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    yield start
    progress.quiet(False)


def test_a_terminal_sees_label_share_and_note(terminal: Start):
    stderr = terminal()
    with progress.bar("Scoring pairs", 8) as advance:
        advance(1.5, "first")
        advance(0.5, "loss 0.25")
    shown = stderr.getvalue()
    assert "Scoring pairs" in shown
    assert "25%" in shown
    assert "loss 0.25" in shown


def test_what_the_block_prints_goes_to_stdout(terminal: Start, capsys: pytest.CaptureFixture[str]):
    stderr = terminal()
    with progress.bar("Scoring pairs", 8) as advance:
        advance(1)
        print("probability 0.625")
        advance(7)
    assert capsys.readouterr().out == "probability 0.625\n"
    assert "0.625" not in stderr.getvalue()


def test_the_total_may_be_unknown(terminal: Start):
    stderr = terminal()
    with progress.bar("indexing hg19.fa", None) as advance:
        advance(3)
    assert "indexing hg19.fa" in stderr.getvalue()


def test_what_is_no_terminal_sees_nothing(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8, "done")
    assert stream.getvalue() == ""


def test_quiet_hides_bars_until_it_is_taken_back(terminal: Start):
    stderr = terminal()
    progress.quiet()
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8)
    assert stderr.getvalue() == ""
    progress.quiet(False)
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8)
    assert "Scoring pairs" in stderr.getvalue()


def test_a_bar_within_a_bar_is_shown_below_it(terminal: Start):
    stderr = terminal()
    with progress.bar("Training", 5) as outer:
        with progress.bar("Reading sequences", 3) as inner:
            inner(3, "inner note")
        outer(4, "outer note")
    shown = stderr.getvalue()
    assert "Training" in shown
    assert "Reading sequences" in shown
    assert "inner note" in shown
    assert shown.index("inner note") < shown.index("outer note")
    assert "80%" in shown


def test_the_next_bar_is_shown_even_after_a_failure(terminal: Start):
    stderr = terminal()
    with pytest.raises(ZeroDivisionError), progress.bar("Training", 5):
        raise ZeroDivisionError
    with progress.bar("Scoring pairs", 8) as advance:
        advance(8)
    assert "Scoring pairs" in stderr.getvalue()
    assert sys.stderr is stderr
