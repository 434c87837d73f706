"""What a release says of itself, in one voice."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import epidyn

ROOT = Path(__file__).parents[1]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == epidyn.__version__
    assert citation["references"][0]["doi"] == "10.3389/fgene.2025.1614222"


def test_the_version_is_semantic_and_the_changelog_knows_it():
    assert re.fullmatch(r"\d+\.\d+\.\d+", epidyn.__version__)
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert epidyn.__version__ in headings
