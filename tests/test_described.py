from __future__ import annotations

from epidyn.described import aligned, html_table, plain


def test_columns_are_aligned():
    assert aligned([("a", "1"), ("long name", "2")]) == "a          1\nlong name  2"
    assert aligned([]) == ""


def test_html_is_escaped():
    shown = html_table("<i>", [("<b>", '"&"')])
    assert "<i>" not in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert "&quot;&amp;&quot;" in shown


def test_values_in_words():
    assert plain(0.123456) == "0.1235"
    assert plain({"kind": "loco", "sizes": {"train": 3}}) == "kind loco, sizes (train 3)"
    assert plain([{"a": 1}, {"a": 2}]) == "a 1; a 2"
    assert plain(None) == "None"
