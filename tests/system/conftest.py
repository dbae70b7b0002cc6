"""A small hospital and a common disease, so that a few thousand people hold enough events to judge a model by."""

import shutil

import pytest

from lhs_helpers.learning import Task
from lhs_helpers.patients import Hospital
from lhs_helpers.system import Loop

PATIENTS = 2_000


@pytest.fixture(scope="session")
def task():
    return Task("hypertension", ("SNOMED:59621000",), window_days=365, min_age=30)


@pytest.fixture(scope="session")
def in_february(tmp_path_factory):
    """The hospital as it stands on 1 February 2016, to copy: no loop has touched it."""
    folder = tmp_path_factory.mktemp("february") / "hospital"
    Hospital(folder, patients=PATIENTS, seed=3, workers=1).advance("2016-02-01")
    return folder


@pytest.fixture(scope="session")
def new_loop(tmp_path_factory, task, in_february):
    """Makes a loop in a hospital of its own, which stands at the beginning of 2014, or in February 2016."""

    def make(workers=1, from_2014=False, **changes):
        folder = tmp_path_factory.mktemp("loop") / "hospital"
        if not from_2014:
            shutil.copytree(in_february, folder)
        hospital = Hospital(folder, patients=PATIENTS, seed=3, workers=workers)
        settings = {
            "first_index": "2015-01-01",
            "threshold": 0.1,
            "algorithm": "logistic regression",
        } | changes
        return Loop(hospital, task, **settings)

    return make
