from __future__ import annotations

import inspect
import pickle

import pytest

from epidyn import errors
from epidyn.errors import MAX_ROWS_SHOWN, EpidynError, InputFileError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_each_is_an_epidyn_error_under_a_builtin_one(kind: type[EpidynError]):
    assert issubclass(kind, EpidynError)
    if kind is not EpidynError:
        assert issubclass(kind, ValueError | LookupError | OSError)


@every_kind
def test_text_is_the_headline_and_the_rows_indented(kind: type[EpidynError]):
    assert str(kind("no such thing")) == "no such thing"
    error = kind("bad rows:", ["row 3", "row 7"])
    assert str(error) == "bad rows:\n  row 3\n  row 7"
    assert (error.headline, error.rows) == ("bad rows:", ("row 3", "row 7"))


@pytest.mark.parametrize(("rows", "last"), [(20, "  row 19"), (21, "  ... and 1 more"), (93, "  ... and 73 more")])
def test_at_most_twenty_rows_are_shown_and_the_rest_counted(rows: int, last: str):
    assert MAX_ROWS_SHOWN == 20
    error = EpidynError("bad rows:", [f"row {number}" for number in range(rows)])
    lines = str(error).splitlines()
    assert lines[20] == "  row 19"
    assert lines[-1] == last
    assert len(lines) == 1 + min(rows, 21)
    assert len(error.rows) == rows


@every_kind
def test_a_worker_process_can_hand_it_on(kind: type[EpidynError]):
    error = pickle.loads(pickle.dumps(kind("bad rows:", ["row 3", "row 7"])))
    assert type(error) is kind
    assert str(error) == "bad rows:\n  row 3\n  row 7"


def test_an_os_error_of_ours_has_no_error_number():
    error = InputFileError("pairs.csv is empty.", ["row 3"])
    assert (error.errno, error.strerror, error.filename) == (None, None, None)
