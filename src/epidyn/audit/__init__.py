"""What any split of a pair table gives to a model that reads no sequence. Needs no torch."""

from epidyn.audit.controls import check_controls, is_ours, run_controls, with_controls
from epidyn.audit.report import FILES, write_audit
from epidyn.audit.run import Audit, audit

__all__ = [
    "FILES",
    "Audit",
    "audit",
    "check_controls",
    "is_ours",
    "run_controls",
    "with_controls",
    "write_audit",
]
