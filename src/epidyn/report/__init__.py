"""The article's tables and figures from finished runs, ours beside the published numbers."""

from epidyn.report.write import FIGURES, MARKDOWN, PAGE, TABLE, write_report

__all__ = ["FIGURES", "MARKDOWN", "PAGE", "TABLE", "write_report"]
