"""Docstrings say what signatures and bodies say; read by griffe, as the API reference is."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import griffe
import pytest

from epidyn import errors
from tests.docs.pages import ROOT

PACKAGE = griffe.load("epidyn", search_paths=[ROOT / "src"], docstring_parser="numpy", allow_inspection=False)
ERRORS = {name: each for name, each in vars(errors).items() if isinstance(each, type)}


def _functions(where: griffe.Module | griffe.Class) -> Iterator[griffe.Function]:
    for member in where.members.values():
        if member.is_alias or (member.name.startswith("_") and member.name != "__init__"):
            continue
        if isinstance(member, griffe.Function):
            yield member
        elif isinstance(member, griffe.Module | griffe.Class):
            yield from _functions(member)


FUNCTIONS = {function.path: function for function in _functions(PACKAGE)}


def sections(item: griffe.Function | griffe.Class) -> dict[griffe.DocstringSectionKind, griffe.DocstringSection]:
    return {section.kind: section for section in item.docstring.parsed} if item.docstring else {}


def taken(function: griffe.Function) -> list[str]:
    return [each.name for each in function.parameters if each.name not in ("self", "cls")]


def documented(function: griffe.Function) -> list[str] | None:
    """Return the parameters of the docstring, of a class's for ``__init__``; None without a section of them."""
    item = function.parent if function.name == "__init__" else function
    assert item is not None
    section = sections(item).get(griffe.DocstringSectionKind.parameters)
    # One entry may name several, as in ``start, end``.
    return section and [name.strip(" *") for each in section.value for name in each.name.split(",")]


def raised(function: griffe.Function) -> set[str]:
    """Return the names of our errors that the body raises itself."""
    source = ast.parse(textwrap.dedent(function.source))
    names = {
        node.exc.func.id
        for node in ast.walk(source)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    return names & ERRORS.keys()


def test_functions_are_found():
    assert len(FUNCTIONS) > 400
    assert "epidyn.model.Model.predict" in FUNCTIONS


@pytest.mark.parametrize("path", [path for path, each in FUNCTIONS.items() if documented(each) is not None])
def test_documented_parameters_are_those_of_the_signature(path: str):
    assert sorted(documented(FUNCTIONS[path]) or ()) == sorted(taken(FUNCTIONS[path]))


# Where one line says what a function does, nothing is listed.
@pytest.mark.parametrize(
    "path", [path for path, each in FUNCTIONS.items() if raised(each) and len(sections(each)) > 1]
)
def test_what_is_raised_is_documented(path: str):
    function = FUNCTIONS[path]
    section = sections(function).get(griffe.DocstringSectionKind.raises)
    words = " ".join(str(each.annotation) for each in section.value) if section else ""
    known = [ERRORS[name] for name in re.findall(r"\w+", words) if name in ERRORS]
    for name in raised(function):
        assert any(issubclass(ERRORS[name], each) for each in known), f"{name} is not in Raises"


def test_the_reference_shows_functions_with_their_parameters():
    shown = re.findall(r"^::: (\S+)", Path(ROOT / "docs" / "api.md").read_text(), flags=re.MULTILINE)
    assert len(shown) > 20
    for path in shown:
        item = PACKAGE[path.removeprefix("epidyn.")]
        item = item.final_target if item.is_alias else item
        assert item.docstring, f"{path} has no docstring"
        if isinstance(item, griffe.Function):
            assert not raised(item) or griffe.DocstringSectionKind.raises in sections(item), path
        if isinstance(item, griffe.Function) and len(taken(item)) > 1:
            assert documented(item), f"{path} does not say what its parameters are"
