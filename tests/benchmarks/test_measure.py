from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from benchmarks.measure import Figure, Section, Timing, Wanted, alternate, markdown_table, run_apart, write


def ticking(*durations: float) -> Callable[[], float]:
    """A clock on which the n-th measurement takes the n-th duration."""
    times = iter([value for duration in durations for value in (100.0, 100.0 + duration)])
    return lambda: next(times)


def test_subjects_take_turns():
    order: list[str] = []
    subjects = {"A": lambda: order.append("A"), "B": lambda: order.append("B")}
    alternate(subjects, 3)
    assert order == ["A", "B"] * 4  # once to warm up
    order.clear()
    alternate(subjects, 2, warm_up=False)
    assert order == ["A", "B"] * 2


def test_each_subject_gets_its_own_times_without_the_warm_up():
    clock = ticking(5, 1, 7, 2, 6, 9)
    times = alternate({"A": lambda: None, "B": lambda: None}, 3, clock=clock)
    assert times["A"].seconds == (5, 7, 6)
    assert times["B"].seconds == (1, 2, 9)
    assert times["A"].median == 6
    assert times["B"].median == 2


def test_short_subjects_are_repeated_until_enough_time_has_passed():
    clock = ticking(*[1, 2] * 9)
    times = alternate({"A": lambda: None, "B": lambda: None}, 2, at_least=10, clock=clock)
    assert times["A"].seconds == (1, 1, 1, 1)
    assert times["B"].seconds == (2, 2, 2, 2)


def test_spread_is_lowest_and_highest_in_the_unit():
    timing = Timing((2.0, 8.0, 4.0)).per(2)
    assert timing.median == 2
    assert timing.spread("s") == (1, 4)
    assert timing.spread("pairs/s") == (0.25, 1)
    assert timing.spread("ms/pair") == (1000, 4000)
    assert Timing((2.0,)).spread("s") is None


def test_ratio_is_that_of_the_medians():
    figure = Figure.against("speed", Timing((1.0, 2.0, 90.0)), Timing((30.0, 8.0, 2.0)), "pairs/s")
    assert figure.value == 0.5
    assert figure.twin == 0.125
    assert figure.ratio == 4
    assert figure.met is None


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ((Wanted("ratio", ">=", 4, aim=6),), True),
        ((Wanted("ratio", ">=", 4.1),), False),
        ((Wanted("value", "<=", 10),), True),
        ((Wanted("value", "<=", 9),), False),
        ((Wanted("value", "<=", 10), Wanted("ratio", ">=", 5)), False),
    ],
)
def test_thresholds(wanted: tuple[Wanted, ...], met: bool):
    assert Figure("a figure", 10.0, "s", ratio=4.0, wanted=wanted).met is met


def test_table_leaves_out_empty_columns():
    rows = [{"what": "x", "twin": "", "met": ""}, {"what": "y", "twin": "", "met": "yes"}]
    assert markdown_table(rows) == "| what | met |\n| --- | --- |\n| x |  |\n| y | yes |"


def test_report_holds_every_figure(tmp_path: Path):
    wanted = (Wanted("ratio", ">=", 4, aim=6),)
    fast = Figure("fast", 2.0, "s", (1.0, 3.0), 10.0, (9.0, 11.0), 5.0, wanted)
    sections = [Section("speed", [fast]), Section("size", [Figure("small", 1234.5, "MB")], "see elsewhere")]
    write(tmp_path / "new", "results", sections, "Title")
    written = json.loads((tmp_path / "new" / "results.json").read_text())
    assert written["machine"]["threads"] >= 1
    assert [figure["group"] for figure in written["figures"]] == ["speed", "size"]
    assert written["figures"][0] == {
        "group": "speed",
        "name": "fast",
        "value": 2.0,
        "unit": "s",
        "spread": [1.0, 3.0],
        "twin": 10.0,
        "twin_spread": [9.0, 11.0],
        "ratio": 5.0,
        "threshold": "ratio >= 4 (aim 6)",
        "met": True,
    }
    text = (tmp_path / "new" / "results.md").read_text()
    assert "| fast | 2 s | 1-3 | 10 | 9-11 | 5.00 | ratio >= 4 (aim 6) | yes |" in text
    assert "see elsewhere" in text
    assert "1,234" not in text


def hold(megabytes: int) -> int:
    return len(b"x" * (megabytes * 1_000_000))


def test_memory_is_that_of_the_process_alone():
    ballast = bytearray(300_000_000)
    small, large = (run_apart(hold, megabytes).peak_bytes for megabytes in (1, 101))
    assert 90e6 < large - small < 110e6
    assert small < len(ballast)


def test_what_is_raised_apart_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        run_apart(divmod, 1, 0)


def test_here_or_apart():
    numbers = count()
    assert run_apart(next, numbers, apart=False).result == 0
    assert run_apart(os.getpid, apart=False).result == os.getpid()
    assert run_apart(os.getpid).result != os.getpid()
