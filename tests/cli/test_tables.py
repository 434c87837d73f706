from __future__ import annotations

import pytest

from epidyn.cli.tables import print_rows


def test_values_stand_in_one_column(capsys: pytest.CaptureFixture[str]):
    print_rows([("a", "1"), ("longer name", "two words"), ("bc", "3")])
    assert capsys.readouterr().out.splitlines() == [
        "a            1",
        "longer name  two words",
        "bc           3",
    ]
