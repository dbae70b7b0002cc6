"""Whom the rows of a chunk speak of: references repeat, so each is looked up once a chunk and not once a row."""

import numpy as np
import pyarrow as pa


def paired(chunk: pa.Table, names: list[str]) -> tuple[pa.Table, pa.Table]:
    """The chunk with a column `pair`, a number, and what stands together in the columns `names` for each number.

    Examples
    --------
    >>> chunk = pa.table({"PATIENT": ["p", "q", "p"], "ENCOUNTER": ["1", None, "1"]})
    >>> rows, pairs = paired(chunk, ["PATIENT", "ENCOUNTER"])
    >>> rows["pair"].to_pylist(), pairs.to_pylist()[1]
    ([0, 1, 0], {'pair': 1, 'PATIENT': 'q', 'ENCOUNTER': None})
    """
    together, words = np.zeros(len(chunk), np.int64), []
    for name in names:
        column = chunk[name]
        column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        column = column.unify_dictionaries().combine_chunks()
        # A word more than the dictionary has stands for nothing.
        words.append(pa.concat_arrays([column.dictionary, pa.nulls(1, column.dictionary.type)]))
        together = together * len(words[-1]) + column.indices.fill_null(len(words[-1]) - 1).to_numpy()
    number = pa.array(together).dictionary_encode()
    distinct = number.dictionary.to_numpy()
    columns = []
    for word in reversed(words):
        columns.append(word.take(pa.array(distinct % len(word))))
        distinct = distinct // len(word)
    pairs = pa.table([pa.array(np.arange(len(distinct))), *reversed(columns)], names=["pair", *names])
    return chunk.append_column("pair", number.indices), pairs
