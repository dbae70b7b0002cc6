"""Words of a record as Arrow dictionaries: codes, names, units."""

from functools import cache

import numpy as np
import pyarrow as pa

from lhs_helpers.patients.calendar import timestamps
from lhs_helpers.patients.scenarios import CodeReplaced
from lhs_helpers.patients.world import World


@cache
def _dictionary(words: tuple[str, ...]) -> pa.Array:
    return pa.array(words, pa.string())


def as_words(words, index: np.ndarray) -> pa.DictionaryArray:
    """Indices into a list of words as an Arrow dictionary; an index below 0 is null.

    A word that stands twice in the list is stored once: Parquet gives up on dictionaries with doubles.
    """
    index, unique = np.asarray(index).astype(np.int32), tuple(dict.fromkeys(words))
    if len(unique) < len(words):
        index = np.where(index < 0, -1, np.array([unique.index(w) for w in words], np.int32)[index])
    missing = index < 0
    index = pa.array(index, mask=missing) if missing.any() else pa.array(index)
    return pa.DictionaryArray.from_arrays(index, _dictionary(unique))


def as_codes(world: World, words: list[str], code: np.ndarray, when: np.ndarray) -> pa.DictionaryArray:
    """Codes by their index in `words`; from a scenario's day on another code stands for the old one."""
    words = list(words)
    for change in world.scenarios:
        if isinstance(change, CodeReplaced) and change.old in words:
            replaced = (code == words.index(change.old)) & (when >= timestamps(np.array(change.begins), 0))
            code, words = np.where(replaced, len(words), code), [*words, change.new]
    return as_words(words, code)
