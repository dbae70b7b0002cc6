"""The answer key: what really happened and how likely it was. Kept beside the records, never among them.

Pages, graders and the monitors of a simulation open it; nothing that learns does.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from lhs_helpers.errors import LHSError
from lhs_helpers.patients.calendar import NEVER, day_number, iso
from lhs_helpers.patients.moment import Moment
from lhs_helpers.patients.people import People
from lhs_helpers.patients.world import World


def hazards(world: World, people: People, day: int) -> pa.Table:
    """True yearly hazard of each disease for those present on a day: patient_id, time, one column a disease.

    A marker, such as obesity, has none: it is a value, not a chance.
    """
    now, there = Moment(world, people, day), people.present(day)
    every = now.hazards()[:, there].astype(np.float32)
    columns = {disease.key: every[k] for k, disease in enumerate(world.diseases) if disease.incidence}
    time = np.full(there.sum(), np.datetime64(day, "D")).astype("M8[us]")
    return pa.table({"patient_id": people.id[there], "time": time} | columns)


def write_hazards(folder: Path, name: str, yearly: pa.Table) -> None:
    """Write a period's hazards."""
    _write(folder / "truth" / "hazards" / name, yearly)


def write_lives(folder: Path, shard: str, world: World, people: People) -> None:
    """Write the lives and deaths of a shard as they stand."""
    seen = people.entry < np.minimum(people.death, people.left)
    disease, who = np.nonzero((people.onset < NEVER) & seen)
    lives = pa.table({
        "patient_id": people.id[who],
        "disease": pa.DictionaryArray.from_arrays(disease.astype(np.int32), pa.array([d.key for d in world.diseases])),
        "onset": _dates(people.onset[disease, who]), "shows_itself": _dates(people.surfaces[disease, who]),
        "diagnosed": _dates(people.diagnosed[disease, who]),
    })  # fmt: skip
    dead = np.flatnonzero(seen & (people.death < NEVER))
    causes = np.array([d.key for d in world.diseases] + ["other"])
    deaths = pa.table(
        {
            "patient_id": people.id[dead],
            "death": _dates(people.death[dead]),
            "cause": causes[people.cause[dead]],
        }
    )
    for table, data in (("lives", lives), ("deaths", deaths)):
        _write(folder / "truth" / table / f"{shard}.parquet", data)


def _write(path: Path, data: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hazards hardly repeat: a dictionary of them takes three times as long to write, and half as much room again.
    pq.write_table(data, path.with_suffix(".tmp"), compression="zstd", use_dictionary=False)
    os.replace(path.with_suffix(".tmp"), path)


def _dates(days: np.ndarray) -> pa.Array:
    return pa.array(days.astype("M8[D]").astype("M8[us]"), mask=days >= NEVER)


class Truth:
    """The answer key of a hospital's folder."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder) / "truth"
        if not self.folder.is_dir():
            raise LHSError(
                f"{folder} has no answer key (no folder 'truth'): only simulated hospitals have one."
            )

    def lives(self) -> pd.DataFrame:
        """Who has which disease: patient_id, disease, onset, shows_itself (hidden until then), diagnosed."""
        return self._read("lives")

    def deaths(self) -> pd.DataFrame:
        """Deaths: patient_id, death, cause (a disease or 'other')."""
        return self._read("deaths")

    def hazards(self, at: str) -> pd.DataFrame:
        """True yearly hazards on the 1 January on or before `at`: index patient_id, one column a disease."""
        day = np.datetime64(iso(day_number(at)), "Y").astype("M8[us]")
        table = self._read("hazards", ds.field("time") == pa.scalar(day))
        if table.empty:
            raise LHSError(
                f"The answer key has no hazards for {str(day)[:4]}: the hospital was not advanced through that year."
            )
        return table.drop(columns="time").set_index("patient_id").sort_index()

    def risk(self, disease: str, at: str, years: float, patients: pd.Series | np.ndarray) -> np.ndarray:
        """True probability of onset within `years` at constant hazard, for these patients, in their order (0 to 1)."""
        table = self.hazards(at)
        if disease not in table:
            raise LHSError(
                f"The answer key knows no disease '{disease}'; it knows {', '.join(table.columns)}."
            )
        return -np.expm1(-table[disease].reindex(patients).to_numpy() * years)

    def _read(self, table: str, rows: ds.Expression | None = None) -> pd.DataFrame:
        return ds.dataset(self.folder / table, format="parquet").to_table(filter=rows).to_pandas()
