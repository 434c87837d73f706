"""A folder of effects that is damaged, foreign or of a later format is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from epidyn.errors import InputFileError
from epidyn.interpret.effects import EFFECTS, FORMAT_VERSION, PAIRS, SETTINGS, read_effects

HEADER = "pair\trole\tchrom\tstart\tend\toffset\teffect\tprobability_effect\n"
ROW = "4\tpromoter\tchr1\t10\t16\t3\t0.25\t0.125\n"


def make(folder: Path, *, effects: str = HEADER + ROW, settings: object = None) -> Path:
    (folder / SETTINGS).write_text(json.dumps(settings or {"format": FORMAT_VERSION, "method": "mask"}))
    (folder / PAIRS).write_text("pair\tnote\tlogit\tprobability\n4\tNA\t1.5\t0.8\n")
    (folder / EFFECTS).write_bytes(gzip.compress(effects.encode()))
    return folder


def test_reads_back(tmp_path: Path):
    folder = read_effects(make(tmp_path, effects=HEADER + 5 * ROW))
    assert folder.pairs.to_dict("list") == {"pair": [4], "note": ["NA"], "logit": [1.5], "probability": [0.8]}
    chunks = list(folder.effects(rows=2))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    assert chunks[0].iloc[0].tolist() == [4, "promoter", "chr1", 10, 16, 3, 0.25, 0.125]


@pytest.mark.parametrize("name", [SETTINGS, PAIRS, EFFECTS])
def test_refuses_a_folder_that_lacks_a_file(tmp_path: Path, name: str):
    (make(tmp_path) / name).unlink()
    with pytest.raises(InputFileError, match="does not exist"):
        read_effects(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [[1], {"some": "thing"}, {"format": FORMAT_VERSION + 1, "method": "mask"}, {"format": 1, "method": "x"}],
)
def test_refuses_settings(tmp_path: Path, settings: object):
    with pytest.raises(InputFileError, match=SETTINGS):
        read_effects(make(tmp_path, settings=settings))


@pytest.mark.parametrize(
    ("effects", "words"),
    [
        (HEADER + ROW + ROW.replace("promoter", "exon"), "row 1.*exon"),
        (HEADER + ROW.replace("0.25", "inf"), "row 0"),
        (HEADER + ROW.replace("0.25", "much"), "much"),
        (HEADER + ROW.replace("4", "5", 1), "row 0"),
        (HEADER.replace("offset", "off") + ROW, "lack the columns offset"),
        (HEADER + ROW + "4\tpromoter\tchr1\n", "cannot be read"),
    ],
)
def test_refuses_effects(tmp_path: Path, effects: str, words: str):
    with pytest.raises(InputFileError, match=f"(?s){words}"):
        list(read_effects(make(tmp_path, effects=effects)).effects())


def test_refuses_truncated_effects(tmp_path: Path):
    path = make(tmp_path, effects=HEADER + 500 * ROW) / EFFECTS
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputFileError, match="truncated gzip"):
        list(read_effects(tmp_path).effects())
