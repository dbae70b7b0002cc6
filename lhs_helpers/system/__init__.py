"""From knowledge to practice and back: the loop that collects, judges, learns, compares and decides."""

from lhs_helpers.system.loop import Loop, Version, clearly_better

# `release` and `registry`, `service` and `monitor` are imported by their own names, when they are needed:
# lhs_helpers.system.release.release, lhs_helpers.system.registry.Registry, lhs_helpers.system.monitor.data_drift.
__all__ = ["Loop", "Version", "clearly_better"]
