"""From knowledge to practice and back: the loop that collects, judges, learns, compares and decides."""

from lhs_helpers.system.loop import Loop, Version, clearly_better

__all__ = ["Loop", "Version", "clearly_better"]
