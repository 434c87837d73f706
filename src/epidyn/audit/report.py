"""An audit as files: JSON, figures, and one page that needs no other file."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from epidyn.audit.figures import draw_baselines, draw_distances, draw_model, draw_purity
from epidyn.audit.run import Audit
from epidyn.files import prepare_output_folder, write_json, write_text
from epidyn.page import embedded, render

JSON, PAGE = "audit.json", "audit.html"
FIGURES = ("baselines.png", "purity.png", "distances.png", "model.png")
FILES = (JSON, PAGE, *FIGURES)


def write_audit(audit: Audit, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write ``audit.json``, the figures and ``audit.html``, which holds them; return the page's path.

    Parameters
    ----------
    audit
        As :func:`epidyn.audit.audit` returns it.
    folder
        Made if it is not there.
    force
        Replace an earlier audit there.

    Raises
    ------
    OutputError
        If ``folder`` is not empty, without ``force``, or cannot be written to.
    """
    out = prepare_output_folder(folder, force=force, own=FILES)
    write_json(out / JSON, asdict(audit))
    draw_baselines(audit.baselines, audit.facts.prevalence, out / FIGURES[0])
    draw_purity(audit.facts, out / FIGURES[1])
    draw_distances(audit.facts.distances, out / FIGURES[2])
    if audit.model is not None:
        draw_model(audit.model, out / FIGURES[3])
    figures = {path.stem: embedded(path) for path in map(out.joinpath, FIGURES) if path.exists()}
    write_text(out / PAGE, render("audit.html.jinja", audit=audit, figures=figures))
    return out / PAGE
