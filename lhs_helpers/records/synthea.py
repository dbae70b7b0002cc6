"""Synthea's CSV export: read into a record, and written from one."""

from lhs_helpers.records.synthea_reader import read_synthea
from lhs_helpers.records.synthea_writer import write_synthea

__all__ = ["read_synthea", "write_synthea"]
