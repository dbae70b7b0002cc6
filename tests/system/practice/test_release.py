"""A release: what another site can check, and what it refuses."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import ALGORITHMS, train
from lhs_helpers.system import release_files
from lhs_helpers.system.frames import as_frame, serialised
from lhs_helpers.system.release import load, recalibrated, same_but


@pytest.fixture
def copy(released, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(released.folder, folder)
    return folder


def signed_again(folder, **changed):
    """Change the manifest as a clever forger would: hashes and identity are made to fit."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes()) | changed
    for file in manifest["files"]:
        manifest["files"][file] = release_files.hashlib.sha256((folder / file).read_bytes()).hexdigest()
    manifest["identity"] = release_files._identity(manifest)
    path.write_bytes(serialised(manifest))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_comes_back_with_the_same_risks_and_without_pickle(
    make_release, learned, tmp_path, algorithm
):
    given = make_release(tmp_path / "r", algorithm)
    model = train(learned.X, learned.y, algorithm)
    expected = model.predict_proba(learned.X_new)[:, 1]
    np.testing.assert_allclose(load(given.folder).risk(learned.X_new), expected, atol=1e-6)
    file = given.folder / ("model.json" if algorithm == "gradient boosting" else "model.skops")
    assert file.is_file()
    assert file.read_bytes()[:1] == (b"{" if file.suffix == ".json" else b"P"), "JSON, or a zip of skops"


def test_what_was_given_is_what_is_read(released, learned):
    again = load(released.folder, identity=released.identity)
    assert again.task == learned.task
    assert list(again.features["name"]) == list(learned.X.columns)
    metrics = as_frame(json.loads((released.folder / "metrics.json").read_bytes()))
    pd.testing.assert_frame_equal(metrics, again.metrics)
    assert 0.4 < again.metrics.loc["AUROC", "estimate"] <= 1


def test_the_same_release_twice_has_the_same_identity(make_release, tmp_path):
    # Of the boosted trees: skops numbers what it writes by memory address, so its bytes are never the same twice.
    first, again, other = (
        make_release(tmp_path / name, "gradient boosting", threshold=threshold)
        for name, threshold in (("first", 0.1), ("again", 0.1), ("other", 0.2))
    )
    assert first.identity == again.identity
    assert first.identity != other.identity


def test_one_altered_byte_anywhere_is_refused(copy):
    draw = np.random.default_rng(0)
    for path in sorted(copy.iterdir()):
        content = path.read_bytes()
        places = draw.integers(0, len(content), 25)
        for place in [0, len(content) - 1, *places]:
            altered = bytearray(content)
            altered[place] ^= 1 << draw.integers(0, 8)
            path.write_bytes(altered)
            with pytest.raises(LHSError, match="altered|damaged|newer|update|expected"):
                load(copy)
        path.write_bytes(content)
    load(copy)


def test_a_file_too_many_or_too_few_is_refused(copy):
    (copy / "notes.txt").write_text("harmless")
    with pytest.raises(LHSError, match="notes.txt, which does not belong"):
        load(copy)
    (copy / "notes.txt").unlink()
    (copy / "task.json").unlink()
    with pytest.raises(LHSError, match="lacks the file task.json"):
        load(copy)


def test_what_is_no_release_at_all_says_what_it_is(copy, emr, tmp_path):
    places = {
        tmp_path / "nothing": "There is no folder",
        copy / "task.json": "is a file; give the folder",
        tmp_path: "is no release: it has no manifest.json",
        emr.folder: "holds records and no release",
    }
    for place, says in places.items():
        with pytest.raises(LHSError, match=says):
            load(place)
    (copy / "task.json").unlink()
    (copy / "task.json").mkdir()
    with pytest.raises(LHSError, match="task.json can not be read"):
        load(copy)


@pytest.mark.parametrize("library", ["lhs_helpers", "scikit-learn", "skops"])
def test_a_newer_version_is_refused(copy, library):
    manifest = json.loads((copy / "manifest.json").read_bytes())
    signed_again(copy, made_with=manifest["made_with"] | {library: "999.1"})
    with pytest.raises(LHSError, match=f"made with {library} 999.1, newer than the .* here; update"):
        load(copy)


def test_a_newer_form_is_refused(copy):
    signed_again(copy, format=2)
    with pytest.raises(LHSError, match="format 2, and this version reads 1"):
        load(copy)


def test_a_file_that_names_strange_types_is_refused_and_nothing_of_it_runs(copy, learned, tmp_path):
    ran = tmp_path / "ran"
    strange = make_pipeline(FunctionTransformer(shutil.rmtree, kw_args={"path": str(ran)}))
    (copy / "model.skops").write_bytes(skops.io.dumps(strange))
    signed_again(copy)
    with pytest.raises(LHSError, match="types that are not trusted: .*rmtree"):
        load(copy)


def test_a_strange_model_can_not_be_released(make_release, learned, tmp_path):
    with pytest.raises(LHSError, match="release a pipeline made by lhs_helpers.learning.train"):
        make_release(tmp_path / "r", model=make_pipeline(FunctionTransformer(np.log1p)))
    assert not (tmp_path / "r").exists()


def test_another_identity_than_the_maker_told_is_refused(copy):
    (copy / "task.json").write_bytes((copy / "task.json").read_bytes().replace(b"365", b"366"))
    signed_again(copy)
    forged = load(copy)  # hashes can not tell who made it...
    assert forged.task.window_days == 366
    with pytest.raises(LHSError, match="another release"):
        load(copy, identity="0" * 64)  # ...but the maker can


def test_a_model_that_gives_other_risks_is_refused(copy):
    risks = json.loads((copy / "probe.json").read_bytes())
    (copy / "probe.json").write_bytes(serialised([risk * 0.9 for risk in risks]))
    signed_again(copy)
    with pytest.raises(LHSError, match="gives other risks here"):
        load(copy)


class Site:
    """A record of which only the concepts matter."""

    def __init__(self, concepts):
        self.concepts = self
        self.execute = lambda: concepts


def test_a_feature_that_the_site_lacks_is_refused(released, emr):
    load(released.folder, site=emr)
    concepts = emr.concepts.execute()
    code = released.features.query("kind == 'observation'")["code"].iloc[0]
    with pytest.raises(LHSError, match=f"no code {code}, which the feature .* needs"):
        load(released.folder, site=Site(concepts[concepts["code"] != code]))
    measured = released.features.dropna(subset="unit")["code"].iloc[0]
    other = concepts.assign(unit=concepts["unit"].mask(concepts["code"] == measured, "mmol/L"))
    with pytest.raises(LHSError, match=f"measures {measured} in mmol/L"):
        load(released.folder, site=Site(other))


def test_a_folder_in_use_is_never_written_over(make_release, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(LHSError, match="not empty"):
        make_release(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_killed_write_leaves_nothing_under_the_name(make_release, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(release_files.os, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        make_release(tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("how", ["intercept", "intercept and slope"])
def test_recalibrating_at_a_site_undoes_a_known_shift(released, learned, how, tmp_path):
    draw = np.random.default_rng(1)
    people = draw.integers(
        0, len(learned.X_new), 1_000_000
    )  # so many that the estimate is far better than 0.2
    p = released.risk(learned.X_new)[people]
    logodds = np.log(p / (1 - p))
    slope = 1.0 if how == "intercept" else 0.6
    truth = 1 / (1 + np.exp(-(0.7 + slope * logodds)))
    y = draw.random(len(people)) < truth
    adjustment = recalibrated(released, y, p, how)
    assert adjustment == pytest.approx((0.7, slope), abs=0.2)
    local = same_but(released, tmp_path / "local", version="1.0-site", adjustment=adjustment)
    assert local.risk(learned.X_new)[people].mean() == pytest.approx(truth.mean(), rel=0.06)
    twice = recalibrated(local, y, local.risk(learned.X_new)[people], how)
    assert twice == pytest.approx(adjustment, abs=1e-4), "what is right already is left alone"


def test_the_model_card_has_every_element_of_the_chai_form(released):
    card = json.loads((released.folder / "model_card.json").read_bytes())
    required = {
        "BasicInfo": {"ModelName", "ModelDeveloper", "DeveloperContact"},
        "ReleaseInfo": {"ReleaseStage", "ReleaseDate", "ReleaseVersion", "GlobalAvailability"},
        "ModelSummary": {"Summary", "Keywords"},
        "UsesAndDirections": {
            "IntendedUseAndWorkflow",
            "PrimaryIntendedUsers",
            "HowToUse",
            "TargetedPatientPopulation",
            "CautionedOutOfScopeSettings",
        },
        "Warnings": {"KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel"},
        "TrustIngredients": {"AISystemFacts", "TransparencyInformation"},
        "KeyMetrics": {"UsefulnessUsabilityEfficacy", "FairnessEquity", "SafetyReliability"},
        "Resources": {"PeerReviewedPublications", "PatientConsentOrDisclosure"},
    }
    assert list(card) == [*required, "Bibliography"]
    for section, elements in required.items():
        assert elements <= set(card[section])
    auroc = card["KeyMetrics"]["UsefulnessUsabilityEfficacy"]["Results"][0]
    assert auroc["Label"] == "AUROC"
    assert f"{released.metrics.loc['AUROC', 'estimate']:.3g}" in auroc["Value"]
    page = (released.folder / "model_card.md").read_text()
    assert "**Funding source**: Not stated." in page and auroc["Value"] in page
    assert "**AI system facts**" in page or "AI system facts" in page


def test_a_card_takes_what_people_state_and_no_unknown_element(make_release, tmp_path):
    stated = make_release(tmp_path / "r", stated={"FundingSource": "none"})
    assert stated.card["TrustIngredients"]["TransparencyInformation"]["FundingSource"] == "none"
    with pytest.raises(LHSError, match="no element 'Funding'"):
        make_release(tmp_path / "s", stated={"Funding": "none"})


def test_plan_and_reporting_items_travel_with_the_release(make_release, tmp_path):
    items = pd.DataFrame({"item": ["1"], "where": ["title"]})
    folder = make_release(tmp_path / "r", plan={"may change": ["intercept"]}, tripod=items).folder
    assert json.loads((folder / "plan.json").read_bytes()) == {"may change": ["intercept"]}
    pd.testing.assert_frame_equal(as_frame(json.loads((folder / "tripod_ai.json").read_bytes())), items)
