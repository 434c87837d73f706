"""The slow, obvious twin of validation: one row after another, one cell after another."""

from __future__ import annotations

import json
import re

import pandas as pd

NUMBER = re.compile(r"[ \t\n]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n]*", re.ASCII)


def whole(text: str) -> int | None:
    if not NUMBER.fullmatch(text):
        return None
    number = float(text)
    if number < 0 or number >= 2**53 or number != int(number):
        return None
    return int(number)


def shown(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text.strip() else "empty"


def complaints(row: dict[str, str]) -> list[str]:
    """Return what is wrong with one row of texts."""
    found = []
    for role in ("enhancer", "promoter"):
        if not row[f"{role}_chrom"].strip():
            found.append(f"{role}_chrom is empty; a chromosome is needed")
        for side in ("start", "end"):
            text = row[f"{role}_{side}"]
            if whole(text) is None:
                found.append(f"{role}_{side} is {shown(text)}; a whole number from 0 is needed")
        start, end = whole(row[f"{role}_start"]), whole(row[f"{role}_end"])
        if start is not None and end is not None and start >= end:
            found.append(f"{role}_start is {start}, {role}_end is {end}; start below end is needed")
    enhancer, promoter = row["enhancer_chrom"].strip(), row["promoter_chrom"].strip()
    if enhancer and promoter and enhancer.removeprefix("chr") != promoter.removeprefix("chr"):
        found.append(
            f"enhancer_chrom is {shown(enhancer)}, promoter_chrom is {shown(promoter)}; one chromosome is needed"
        )
    if "label" in row and whole(row["label"]) not in (0, 1):
        found.append(f"label is {shown(row['label'])}; 0 or 1 is needed")
    if "tss" in row and row["tss"].strip() and whole(row["tss"]) is None:
        found.append(f"tss is {shown(row['tss'])}; a whole number from 0 or nothing is needed")
    return found


def validate(table: pd.DataFrame, lines: list[int]) -> list[str]:
    """Return the complaints of a table of texts, in the order of its rows."""
    rows = table.to_dict("records")
    return [f"line {line}: {text}" for line, row in zip(lines, rows, strict=True) for text in complaints(row)]
