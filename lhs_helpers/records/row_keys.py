"""Rows that stand twice in a file, found without holding the file: their keys are on disk, compared in shares."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

SHARE = 1_000_000  # keys compared at a time
BLOCK = 1_000_000  # numbers read at a time
TYPES = {"a": np.uint64, "b": np.uint64, "line": np.int64}


class RowKeys:
    """What makes each row of a file the row it is, two hashes `a` and `b`, and the line where it stands."""

    def __init__(self, folder: Path):
        self.paths = {name: folder / f"{name}.keys" for name in TYPES}
        self.clear()

    def clear(self) -> None:
        """Forget all keys."""
        self.rows = 0
        for path in self.paths.values():
            path.write_bytes(b"")

    def add(self, keys: pa.Table) -> None:
        """Remember the rows of a chunk: columns a, b, line."""
        self.rows += len(keys)
        for name, path in self.paths.items():
            with path.open("ab") as file:
                keys[name].fill_null(0).to_numpy().astype(TYPES[name], copy=False).tofile(file)

    def twins(self) -> Iterator[pa.Table]:
        """The keys whose hash `b` stands more than once, a share of them at a time."""
        shares = self.rows // SHARE + 1
        for share in range(shares):
            hashes = np.concatenate([block["b"] for block in self._blocks(["b"], share, shares)])
            hashes.sort()
            twice = hashes[1:][hashes[1:] == hashes[:-1]]
            if len(twice):
                blocks = self._blocks(list(TYPES), share, shares)
                yield pa.concat_tables(
                    pa.table(block).filter(pa.array(np.isin(block["b"], twice))) for block in blocks
                )

    def _blocks(self, names: list[str], share: int, shares: int) -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, max(self.rows, 1), BLOCK):
            block = {
                name: np.fromfile(self.paths[name], TYPES[name], BLOCK, offset=8 * start) for name in names
            }
            ours = block["b"] % np.uint64(shares) == share
            yield {name: column[ours] for name, column in block.items()}
