"""MEDS: the standard's own schemas accept what we write, and every event is in it once, under its person."""

import json
from pathlib import Path

import meds
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.records import meds as writer
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.meds import write_meds

from .small_emr import DIABETES, HBA1C, STROKE, SYSTOLIC, write_small_emr

KEY = ["subject_id", "time", "code", "numeric_value", "text_value", "unit", "recorded_at"]


def files(folder: Path) -> dict[str, pa.Table]:
    """The data files of a dataset, by name, as pyarrow reads them."""
    return {
        path.relative_to(folder).as_posix(): pq.read_table(path, partitioning=None)
        for path in sorted((folder / "data").glob("**/*.parquet"))
    }


def measurements(folder: Path) -> pd.DataFrame:
    """All rows of a dataset, with their file, in the order they are in."""
    frames = [table.to_pandas().assign(file=name) for name, table in files(folder).items()]
    return pd.concat(frames, ignore_index=True)


def metadata(folder: Path, name: str) -> pd.DataFrame:
    return pq.read_table(folder / "metadata" / f"{name}.parquet").to_pandas()


def of(folder: Path, subject: int) -> list[tuple]:
    """Time and code of a person's rows, in their order."""
    rows = measurements(folder).query("subject_id == @subject")
    times = rows.time.dt.strftime("%Y-%m-%d %H:%M").astype(object).where(rows.time.notna(), None)
    return list(zip(times, rows.code, strict=True))


@pytest.fixture
def small(small_emr, tmp_path):
    write_meds(small_emr, tmp_path / "meds")
    return tmp_path / "meds"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hospital")
    return Hospital(folder, patients=300, seed=1, start="2014-01-01", workers=1).advance("2016-01-01")


@pytest.fixture(scope="module")
def written(hospital, tmp_path_factory):
    """The hospital in files of at most 50 people."""
    folder = tmp_path_factory.mktemp("meds")
    write_meds(hospital, folder, shard_size=50)
    return folder


# The form


def assert_valid(folder: Path) -> None:
    """What the standard says of every file, checked by its own package."""
    for table in files(folder).values():
        meds.DataSchema.validate(table)
    meds.CodeMetadataSchema.validate(pq.read_table(folder / meds.code_metadata_filepath))
    meds.SubjectSplitSchema.validate(pq.read_table(folder / meds.subject_splits_filepath))
    description = json.loads((folder / meds.dataset_metadata_filepath).read_text())
    meds.DatasetMetadataSchema.validate(description)
    ours = set(measurements(folder)) - {"file"} - set(meds.DataSchema.schema().names)
    assert ours == {*description["code_modifier_columns"], *description["other_extension_columns"]}


def test_the_schemas_of_the_standard_accept_every_file(small, written):
    assert_valid(small)
    assert_valid(written)


def test_the_version_said_is_the_one_tested():
    assert writer.MEDS_VERSION.split(".")[:2] == meds.__version__.split(".")[:2]
    assert (writer.DATA.names[:5], writer.CODES, writer.SPLITS) == (
        meds.DataSchema.schema().names,
        meds.CodeMetadataSchema.schema(),
        meds.SubjectSplitSchema.schema(),
    )


def test_a_person_is_in_one_file_in_one_piece_in_order_of_time(written):
    rows = measurements(written)
    assert rows.groupby("subject_id").file.nunique().max() == 1
    pieces = (rows.subject_id != rows.subject_id.shift()).sum()
    assert pieces == rows.subject_id.nunique()
    ordered = rows.sort_values(["file", "subject_id", "time"], na_position="first", kind="stable")
    assert ordered.index.equals(rows.index)


def test_files_hold_at_most_the_people_asked_for_and_lie_in_the_folder_of_their_split(written):
    rows = measurements(written)
    people = rows.groupby("file").subject_id.nunique()
    assert people.max() == 50 and len(people) > 6
    split = metadata(written, "subject_splits").set_index("subject_id").split
    assert rows.file.str.split("/").str[1].to_list() == split[rows.subject_id].to_list()
    assert sorted(split.index) == sorted(rows.subject_id.unique())


def test_splits_are_eight_to_one_to_one(written):
    share = metadata(written, "subject_splits").split.value_counts(normalize=True)
    assert share[meds.train_split] == pytest.approx(0.8, abs=0.06)
    assert share[meds.tuning_split] == pytest.approx(share[meds.held_out_split], abs=0.06)


def test_nobody_changes_split_when_the_record_grows_or_is_cut_in_other_files(hospital, written, tmp_path):
    write_meds(hospital.as_of("2014-06-01"), tmp_path / "meds")
    both = metadata(written, "subject_splits").merge(
        metadata(tmp_path / "meds", "subject_splits"), on="subject_id", suffixes=("", "_before")
    )
    assert len(both) >= 300 and (both.split == both.split_before).all()


# The content


FACTS = r"(?:SEX|RACE|ETHNICITY|EDUCATION|INSURANCE|SITE)//|MEDS_BIRTH|REGISTERED"


def events(emr: EMR) -> pd.DataFrame:
    """The events of a record, with the columns and codes that they have in MEDS."""
    rows = emr.events.execute().astype({"code": object, "value": "float32"})
    rows.loc[rows.kind == "death", "code"] = meds.death_code
    rows.loc[rows.kind == "left", "code"] = "LEFT"
    rows.loc[rows.kind.isin(["condition_end", "medication_stop"]), "code"] += "//END"
    names = {"patient_id": "subject_id", "value": "numeric_value", "text": "text_value"}
    return rows.rename(columns=names)[KEY]


def test_every_event_is_written_once_and_nothing_else_but_facts(hospital, written, small_emr, small):
    for emr, folder in ((hospital, written), (small_emr, small)):
        rows, kept = measurements(folder), events(emr)
        pd.testing.assert_frame_equal(
            rows.loc[~rows.code.str.match(FACTS), KEY].sort_values(KEY, ignore_index=True),
            kept.sort_values(KEY, ignore_index=True),
            check_dtype=False,
        )


def test_everybody_has_a_birth_three_facts_without_a_time_and_three_at_each_registration(hospital, written):
    rows, people = measurements(written), len(hospital.people.execute())
    times = (hospital.patients.status.execute() == "registered").sum()
    assert (rows.code == meds.birth_code).sum() == people and rows.time.isna().sum() == 3 * people
    assert rows.code.str.match("EDUCATION|INSURANCE|SITE").sum() == 3 * times
    assert (rows.code == "REGISTERED").sum() == times


def test_the_counts_returned_are_those_of_the_files(hospital, tmp_path):
    counts = write_meds(hospital, tmp_path / "meds")
    for name, rows in counts.items():
        assert pq.read_metadata(tmp_path / "meds" / name).num_rows == rows
    assert {path.suffix for path in (tmp_path / "meds").glob("**/*") if path.is_file()} == {
        ".parquet",
        ".json",
    }


def test_a_person_begins_with_facts_without_a_time_then_birth_and_ends_with_death(small):
    assert of(small, 1) == [
        (None, "RACE//white"),
        (None, "SEX//female"),
        ("1950-05-05 00:00", "MEDS_BIRTH"),
        ("2015-01-01 00:00", "REGISTERED"),
        ("2015-01-01 00:00", "SITE//practice"),
        ("2016-04-04 09:00", "SNOMED:162673000"),
        ("2016-04-04 09:05", SYSTOLIC),
        ("2016-04-04 09:10", "SNOMED:38341003"),
        ("2018-03-01 22:00", STROKE),
        ("2018-03-01 22:00", "SNOMED:50849002"),
        ("2018-03-01 22:05", SYSTOLIC),
        ("2018-03-01 22:30", "SNOMED:303653007"),
        ("2018-06-10 04:00", "MEDS_DEATH"),
    ]


def test_birth_is_the_first_of_its_moment_death_the_last_and_equal_codes_are_in_order_of_value(tmp_path):
    def pressure(person, time, value):
        when = {"time": pd.Timestamp(time), "recorded_at": pd.Timestamp(time)}
        return {"patient_id": person, "code": SYSTOLIC, "value": value, "unit": "mm[Hg]"} | when

    end = pd.Timestamp("2018-06-10 04:00")
    given = {"patient_id": 1, "time": end, "recorded_at": end, "code": "RxNorm:860975", "status": "start"}
    planted = [pressure(5, "2018-08-08", 70.0), pressure(5, "2018-08-08", 60.0)]
    emr = EMR(write_small_emr(tmp_path / "emr", {"observations": planted, "medications": [given]}))
    write_meds(emr, tmp_path / "meds")
    newborn = measurements(tmp_path / "meds").query("subject_id == 5 and time.notna()")
    assert newborn.code.to_list()[:3] == ["MEDS_BIRTH", SYSTOLIC, SYSTOLIC]
    assert newborn.numeric_value.dropna().to_list() == [60, 70]
    assert of(tmp_path / "meds", 1)[-2:] == [
        ("2018-06-10 04:00", "RxNorm:860975"),
        ("2018-06-10 04:00", "MEDS_DEATH"),
    ]


def test_coming_going_and_coming_again_are_rows(small):
    codes = [code for _, code in of(small, 3) if code in ("REGISTERED", "LEFT")]
    assert codes == ["REGISTERED", "LEFT", "REGISTERED"]


def test_the_end_of_a_disease_is_not_the_disease_again(small):
    codes = [code for _, code in of(small, 4)]
    assert codes.count(DIABETES) == codes.count(f"{DIABETES}//END") == 1
    assert codes.count("RxNorm:860975") == codes.count("RxNorm:860975//END") == 1


def test_a_row_keeps_its_value_its_unit_and_when_it_was_known(small):
    rows = measurements(small)
    result = rows[rows.code == HBA1C].iloc[0]
    assert (result.numeric_value, result.unit) == (pytest.approx(7.9), "%")
    assert (result.time, result.recorded_at) == (
        pd.Timestamp("2017-06-06 11:05"),
        pd.Timestamp("2017-06-07 08:00"),
    )
    assert rows.text_value.dropna().to_list() == ["never"]
    facts = rows[rows.time.isna() | (rows.code == meds.birth_code)]
    assert (facts[facts.subject_id == 1].recorded_at == pd.Timestamp("2015-01-01")).all()


def test_what_was_not_known_yet_is_not_written(small_emr, tmp_path):
    write_meds(small_emr.as_of("2018-03-02"), tmp_path / "meds")
    rows = measurements(tmp_path / "meds")
    assert set(rows.subject_id) == {1, 2, 3, 4, 6}  # Eve is not born
    assert not rows.code.isin([STROKE, meds.death_code]).any()
    assert (rows.recorded_at <= pd.Timestamp("2018-03-02")).all()
    description = json.loads((tmp_path / "meds/metadata/dataset.json").read_text())
    assert description["dataset_version"].endswith("as known at 2018-03-02 00:00:00")


def test_the_codes_described_are_those_of_the_data(small, written):
    for folder in (small, written):
        codes = metadata(folder, "codes")
        assert codes.code.is_unique and set(codes.code) == set(measurements(folder).code)
        assert codes.description.notna().all()
    codes = metadata(small, "codes").set_index("code")
    assert codes.description[STROKE] == "Cerebrovascular accident"
    assert list(codes.parent_codes[STROKE]) == ["SNOMED/230690007"]
    assert codes.description[f"{DIABETES}//END"] == "Diabetes mellitus type 2 (end)"
    assert list(codes.parent_codes[f"{DIABETES}//END"]) == [DIABETES]


def test_it_says_that_it_is_synthetic(written):
    assert "Synthetic" in " ".join(json.loads((written / "metadata/dataset.json").read_text())["notes"])


def test_the_same_record_gives_the_same_bytes_on_one_core_and_on_two(hospital, tmp_path):
    for cores in (1, 2):
        emr = EMR(hospital.folder)
        emr.connection.raw_sql(f"SET threads = {cores}")
        write_meds(emr, tmp_path / str(cores))
    paths = [path for path in (tmp_path / "1").glob("**/*") if path.is_file()]
    assert len(paths) == 6
    for path in paths:
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(tmp_path / "1")).read_bytes()


# What goes wrong


def test_a_run_that_was_stopped_leaves_no_dataset_and_can_be_run_again(
    small_emr, small, tmp_path, monkeypatch
):
    target, copy = tmp_path / "stopped", writer._copy

    def stop(emr, query, path, schema):
        if path.name == "codes.parquet":
            raise KeyboardInterrupt
        return copy(emr, query, path, schema)

    monkeypatch.setattr(writer, "_copy", stop)
    with pytest.raises(KeyboardInterrupt):
        write_meds(small_emr, target)
    assert list(target.iterdir()) == []
    monkeypatch.undo()
    write_meds(small_emr, target)
    assert measurements(target).equals(measurements(small))


def test_an_event_without_a_time_is_refused_as_it_would_become_a_fact_for_life(tmp_path):
    undated = {"patient_id": 4, "code": STROKE, "status": "active", "recorded_at": pd.Timestamp("2018-01-01")}
    emr = EMR(write_small_emr(tmp_path / "emr", {"conditions": [undated]}))
    with pytest.raises(LHSError, match="1 events have no patient, no time or no code"):
        write_meds(emr, tmp_path / "meds")
    assert not (tmp_path / "meds").exists()


def test_what_can_not_be_written_gets_a_sentence(small_emr, tmp_path):
    with pytest.raises(LHSError, match="shard_size=0; expected is 1 person or more"):
        write_meds(small_emr, tmp_path / "meds", shard_size=0)
    with pytest.raises(LHSError, match="is not empty"):
        write_meds(small_emr, small_emr.folder)


def test_a_folder_may_have_any_name(small_emr, small, tmp_path):
    target = tmp_path / "it's [a] test, 100 % *"
    write_meds(small_emr, target)
    assert measurements(target).equals(measurements(small))
