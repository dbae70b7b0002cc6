"""The one exception that readers of the guide meet."""


class LHSError(Exception):
    """A sentence for the person at the keyboard: what was found, where, what was expected, what to do."""
