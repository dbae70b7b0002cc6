"""Where data is born: a living hospital with an answer key."""

from lhs_helpers.patients.cache import cached_hospital
from lhs_helpers.patients.hospital import Hospital
from lhs_helpers.patients.truth import Truth

__all__ = ["Hospital", "Truth", "cached_hospital"]
