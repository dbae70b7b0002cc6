"""The exported task is read and run by ACES itself, over our MEDS export, and finds the same people and labels."""

from dataclasses import replace

import pandas as pd
import pytest

from lhs_helpers.learning import IndexRule, Task, cohort, to_aces
from lhs_helpers.records.meds import write_meds

aces_config = pytest.importorskip("aces.config", reason="es-aces, the judge of this export, is not installed")
polars = pytest.importorskip("polars", reason="es-aces brings polars, which is not installed")

STROKE, HYPERTENSION, ASPIRIN = "SNOMED:230690007", "SNOMED:59621000", "RxNorm:243670"
AT = "2016-01-15"
TASK = Task("Stroke", (STROKE,), window_days=365)
TASKS = {
    "plain": TASK,
    "gap": replace(TASK, gap_days=45),
    "washout": replace(TASK, washout_days=400),
    "any": replace(TASK, prior_outcome="allow", gap_days=30),
    "women of middle age": replace(TASK, sex="female", min_age=40, max_age=60),
    "with and without": replace(TASK, required=(HYPERTENSION,), excluded=(ASPIRIN,)),
    "history": replace(TASK, min_history_days=500),
    "death": Task("Death", ("death",), 365, target_kind="death"),
    "stroke or death": replace(TASK, if_died="outcome"),
}
OTHERS = {
    "visit": replace(TASK, index=IndexRule.visit("wellness")),
    "visits": replace(TASK, index=IndexRule.visit("wellness", "ambulatory")),
    "birthday": replace(TASK, index=IndexRule.age(50)),
    "diagnosis": replace(TASK, index=IndexRule.diagnosis(HYPERTENSION)),
    "followed": replace(TASK, if_left="exclude", if_died="exclude", required_follow_up_days=90),
}


def loaded(task, folder, at=None):
    path = folder / "task.yaml"
    path.write_text(to_aces(task, at), encoding="utf-8")
    return aces_config.TaskExtractorConfig.load(path)


@pytest.mark.parametrize("name", [*TASKS, *OTHERS])
def test_aces_loads_what_is_exported(name, tmp_path):
    task = (TASKS | OTHERS)[name]
    config = loaded(task, tmp_path)
    assert config.label_window == "prediction" and config.index_timestamp_window == "before"
    assert set(config.windows["before"].has) >= {"registered"}


@pytest.fixture(scope="module")
def dataset(prompt_ward, tmp_path_factory):
    """The record as MEDS rows, with one event per person that marks the index date."""
    emr, _ = prompt_ward
    folder = tmp_path_factory.mktemp("meds") / "meds"
    write_meds(emr, folder)
    rows = polars.concat([polars.read_parquet(path) for path in sorted(folder.glob("data/**/*.parquet"))])
    people = rows.select("subject_id").unique()
    index = people.with_columns(
        time=polars.lit(pd.Timestamp(AT)).cast(polars.Datetime("us")), code=polars.lit("INDEX_DATE")
    )
    return emr, polars.concat([rows, index], how="diagonal_relaxed")


@pytest.mark.parametrize("name", TASKS)
def test_aces_finds_the_same_people_and_labels(name, dataset, tmp_path):
    from aces.predicates import get_predicates_df
    from aces.query import query
    from omegaconf import DictConfig

    emr, rows = dataset
    rows.write_parquet(tmp_path / "data.parquet")
    task = TASKS[name]
    config = loaded(task, tmp_path, AT)
    predicates = get_predicates_df(
        config, DictConfig({"path": str(tmp_path / "data.parquet"), "standard": "meds", "ts_format": None})
    )
    found = query(config, predicates).to_pandas()
    ours = cohort(emr, task, AT)
    assert 0 < ours["label"].sum() < len(ours)
    theirs = found.set_index("subject_id")["label"].gt(0)
    pd.testing.assert_series_equal(
        theirs.sort_index(),
        ours.set_index("patient_id")["label"],
        check_names=False,
        check_dtype=False,
        check_index_type=False,
    )
    assert (found["index_timestamp"] == pd.Timestamp(AT)).all()
