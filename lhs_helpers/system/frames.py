"""Frames and numbers as JSON and back, without losing a digit."""

import json
from typing import Any

import numpy as np
import pandas as pd


def as_plain(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame as lists: what is missing is null, numbers keep every digit."""
    index = frame.index.name
    table = frame if index is None else frame.reset_index()
    rows = [[_plain(value) for value in row] for row in table.itertuples(index=False, name=None)]
    return {"index": index, "columns": [str(column) for column in table.columns], "rows": rows}


def as_frame(plain: dict[str, Any]) -> pd.DataFrame:
    """The frame that `as_plain` made lists of."""
    frame = pd.DataFrame(plain["rows"], columns=plain["columns"])
    return frame if plain["index"] is None else frame.set_index(plain["index"])


def serialised(content: Any) -> bytes:
    """The one way in which a value is written here, so that equal values are equal bytes."""
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    return value if isinstance(value, (bool, int, float, str)) else str(value)
