"""From knowledge to practice and back: the loop that collects, judges, learns, compares and decides."""

from lhs_helpers.system.history import as_proposed, clearly_better
from lhs_helpers.system.loop import Loop
from lhs_helpers.system.loop_state import Version

# `release` and `registry`, `service` and `monitor` are imported by their own names, when they are needed:
# lhs_helpers.system.release.release, lhs_helpers.system.registry.Registry, lhs_helpers.system.monitor.data_drift.
__all__ = ["Loop", "Version", "as_proposed", "clearly_better"]
