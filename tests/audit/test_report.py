from __future__ import annotations

import base64
import json
import re
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from epidyn.audit import FILES, Audit, audit, figures, write_audit
from epidyn.errors import OutputError
from epidyn.scores import with_scores
from tests.audit.tables import propensity, scattered, table

PNG = b"\x89PNG\r\n\x1a\n"
HOSTILE = "<script>alert('1')</script>\"&<img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def page(folder: Path) -> Page:
    parsed = Page((folder / "audit.html").read_text(encoding="utf-8"))
    assert parsed.open == []
    return parsed


def with_model(pairs: pd.DataFrame, source: str = "scores.tsv") -> Audit:
    test = np.arange(0, len(pairs), 5)
    values = np.random.default_rng(1).random(len(test))
    scores = with_scores(pairs.iloc[test].reset_index(drop=True), values, values)
    scores.attrs["source"] = source
    return audit(pairs, scores=scores, draws=50)


@pytest.fixture(scope="module")
def found() -> Audit:
    return with_model(propensity(1).assign(cell_line="K562"))


def test_everything_is_written(found: Audit, tmp_path: Path):
    out = tmp_path / "new" / "folder"
    assert write_audit(found, out) == out / "audit.html"
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    for path in out.glob("*.png"):
        assert path.read_bytes().startswith(PNG)
    assert json.loads((out / "audit.json").read_text()) == json.loads(json.dumps(asdict(found)))


def test_the_legend_of_a_model_s_figure_names_model_and_baselines(
    found: Audit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    kept: list[Figure] = []
    monkeypatch.setattr(figures, "save", lambda figure, _: kept.append(figure))
    assert found.model is not None
    figures.draw_model(found.model, tmp_path / "model.png")
    (legend,) = kept[0].legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "chance",
        "model (interval)",
        "baselines (interval)",
    ]
    kept[0].canvas.draw()
    assert not any(legend.get_window_extent().overlaps(axes.get_window_extent()) for axes in kept[0].axes)


def test_the_page_needs_no_other_file(found: Audit, tmp_path: Path):
    parsed = page(write_audit(found, tmp_path / "out").parent)
    images = [attributes["src"] for tag, attributes in parsed.tags if tag == "img"]
    written = [path.read_bytes() for path in sorted((tmp_path / "out").glob("*.png"))]
    assert sorted(base64.b64decode(str(src).removeprefix("data:image/png;base64,")) for src in images) == sorted(
        written
    )
    assert all(attributes["alt"] for tag, attributes in parsed.tags if tag == "img")
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in parsed.tags}
    html = (tmp_path / "out" / "audit.html").read_text()
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", html)


def test_the_page_says_verdict_numbers_and_names(found: Audit, tmp_path: Path):
    text = page(write_audit(found, tmp_path / "out").parent).text
    for sentence in found.verdict.sentences:
        assert sentence in text
    identity = found.baselines[0]
    assert f"{identity.random.auroc.mean:.3f} ± {identity.random.auroc.sd:.3f}" in text
    assert "0.500 (0.500 to 0.500)" in text
    assert "the pair table: 480 pairs" not in text
    assert "480 pairs, 160 positive (prevalence 0.3333), 4 chromosomes, K562" in text
    assert found.model is not None
    aupr = found.model.scores["aupr"]
    assert f"{aupr.value:.3f} ({aupr.low:.3f} to {aupr.high:.3f})" in text
    assert "whole chromosomes (4)" in text
    for chromosome in found.facts.chromosomes:
        assert chromosome.name in text


def test_what_a_table_holds_is_text_and_never_markup(tmp_path: Path):
    pairs = propensity(2)
    names = {name: f"{HOSTILE}{name}" for name in pairs["promoter_chrom"].unique()}
    hostile = pairs.assign(
        cell_line=HOSTILE,
        **{f"{role}_chrom": pairs[f"{role}_chrom"].map(names) for role in ("enhancer", "promoter")},
    )
    hostile.attrs["source"] = f"{HOSTILE}.csv"
    plain = [
        tag
        for tag, _ in page(write_audit(with_model(pairs.assign(cell_line="x")), tmp_path / "plain").parent).tags
    ]
    parsed = page(write_audit(with_model(hostile, f"{HOSTILE}.tsv"), tmp_path / "hostile").parent)
    assert [tag for tag, _ in parsed.tags] == plain
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    for shown in (f"{HOSTILE}.csv", f"{HOSTILE}.tsv", f"{HOSTILE}chr3", f"chromosomes, {HOSTILE}"):
        assert shown in parsed.text


def test_one_chromosome_without_a_model(tmp_path: Path):
    found = audit(propensity(3, chromosomes=1), draws=50)
    parsed = page(write_audit(found, tmp_path / "out").parent)
    assert "All pairs lie on chr1, so no chromosome can be held out." in parsed.text
    assert "1 chromosome." in parsed.text
    assert "A model beside them" not in parsed.text
    assert not (tmp_path / "out" / "model.png").exists()
    written = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert written["model"] is None
    assert [each["held_out"] for each in written["baselines"]] == [None] * 3


def test_chromosomes_of_one_label_have_no_score_of_their_own(tmp_path: Path):
    rows = [
        (f"chr{chrom}", 10_000 * number, 900_000 + 20_000 * number, chrom % 2)
        for chrom in range(1, 5)
        for number in range(20)
    ]
    parsed = page(write_audit(audit(table(rows), draws=50), tmp_path / "out").parent)
    assert re.search(r"chr2\s*20\s*0\s*–\s*–\s*–", parsed.text)


def test_tables_without_shared_elements_are_drawn(tmp_path: Path):
    parsed = page(write_audit(audit(scattered(4, 120), draws=50), tmp_path / "out").parent)
    assert "with two pairs or more00" in "".join(parsed.text.split("\n")).replace(" ", " ")


def test_a_folder_that_is_filled_is_kept(found: Audit, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        write_audit(found, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_force_replaces_an_audit_and_nothing_else(found: Audit, tmp_path: Path):
    write_audit(found, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    without = audit(propensity(5), draws=50)
    write_audit(without, tmp_path / "out", force=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        {*FILES, "notes.txt"} - {"model.png"}
    )
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
