"""Where data is born: a living hospital with an answer key."""

from lhs_helpers.patients import scenarios
from lhs_helpers.patients.cache import cached_hospital
from lhs_helpers.patients.hospital import Hospital
from lhs_helpers.patients.sites import Site
from lhs_helpers.patients.truth import Truth

__all__ = ["Hospital", "Site", "Truth", "cached_hospital", "scenarios"]
