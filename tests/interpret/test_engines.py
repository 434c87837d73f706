"""The program MEME, played by a script that writes what MEME writes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from epidyn.errors import ConfigError
from epidyn.genome import encode
from epidyn.interpret.engines import builtin, meme

SEQUENCES = [encode("ACGTGACTCATACG"), encode("TTTGACTCATGGAA"), encode("CCATGAGTCACCAA")]
BACKGROUND = np.array([0.3, 0.2, 0.2, 0.3])
ANSWER = """MEME version 5.5.7
ALPHABET= ACGT
object function=           em   distance:              0.001
width:  minw=            6    maxw=           12
nsites: minsites=        2    maxsites=        3    wnsites=       0.8
MOTIF GAC MEME-1\twidth =   3  sites =   2  llr = 12  E-value = 1.0e-003
letter-probability matrix: alength= 4 w= 3 nsites= 3 E= 1.0e-003
 0.000000  0.000000  1.000000  0.000000
 0.900000  0.100000  0.000000  0.000000
 0.000000  1.000000  0.000000  0.000000
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = folder / "meme"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_meme_is_asked_and_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    body = f"open({str(tmp_path / 'asked')!r}, 'w').write('\\n'.join(sys.argv[2:]) + open(sys.argv[1]).read())"
    body += f"\nopen({str(tmp_path / 'bfile')!r}, 'w').write(open(sys.argv[-1]).read())\nprint({ANSWER!r})"
    install(tmp_path, monkeypatch, body)
    found = meme(SEQUENCES, BACKGROUND, (6, 12))
    assert found is not None
    assert found.frequencies.tolist() == [[0, 0, 1, 0], [0.9, 0.1, 0, 0], [0, 1, 0, 0]]
    assert found.sites == 3
    asked = (tmp_path / "asked").read_text()
    assert "-mod\nzoops" in asked
    assert "-revcomp" in asked
    assert "-minw\n6\n-maxw\n12" in asked
    assert ">0\nACGTGACTCATACG\n>1\n" in asked
    assert (tmp_path / "bfile").read_text().split() == [
        "A",
        "0.300000",
        "C",
        "0.200000",
        "G",
        "0.200000",
        "T",
        "0.300000",
    ]


def test_meme_that_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(tmp_path, monkeypatch, "print('MEME version 5.5.7')")
    assert meme(SEQUENCES, BACKGROUND, (6, 12)) is None


def test_meme_that_fails_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(tmp_path, monkeypatch, "print('sequences too short', file=sys.stderr); sys.exit(1)")
    with pytest.raises(ConfigError, match=r"meme failed \(sequences too short\)"):
        meme(SEQUENCES, BACKGROUND, (6, 12))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="--engine meme needs the program meme"):
        meme(SEQUENCES, BACKGROUND, (6, 12))


def test_the_builtin_engine_counts_its_sites():
    found = builtin(SEQUENCES * 3, BACKGROUND, (7, 7))
    assert found is not None
    assert found.frequencies.shape == (7, 4)
    assert 6 <= found.sites <= 9
