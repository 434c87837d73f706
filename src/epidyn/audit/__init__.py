"""What any split of a pair table gives to a model that reads no sequence. Needs no torch."""

from epidyn.audit.controls import Training, control_run, is_ours, run_controls, with_controls
from epidyn.audit.report import FILES, write_audit
from epidyn.audit.run import Audit, audit

__all__ = [
    "FILES",
    "Audit",
    "Training",
    "audit",
    "control_run",
    "is_ours",
    "run_controls",
    "with_controls",
    "write_audit",
]
