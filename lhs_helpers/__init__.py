"""Helpers of the LHS Quick Guide: a living hospital, its records, models learned from them, and the loop."""

__version__ = "0.1.0"
