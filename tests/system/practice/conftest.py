"""A small hospital, two models of it as releases, and a real server that answers with them."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import urllib3
from asking import AT, JSON

from lhs_helpers.learning import (
    Task,
    calibration_table,
    cohort,
    evaluate,
    features,
    split_people,
    train,
    vocabulary,
)
from lhs_helpers.patients import Hospital
from lhs_helpers.system.fhir_writer import hook_requests
from lhs_helpers.system.release import release


@pytest.fixture(scope="session")
def emr(tmp_path_factory):
    hospital = Hospital(tmp_path_factory.mktemp("hospital"), patients=1_500, seed=3, workers=1)
    return hospital.advance("2019-01-01")


@pytest.fixture(scope="session")
def learned(emr):
    """Task, vocabulary, matrix and outcomes of a training cohort and of other people."""
    task = Task("Hypertension", ("SNOMED:59621000",), window_days=365, gap_days=30, min_age=30)
    people = cohort(emr, task, "2017-01-01")
    first, _ = split_people(people, 0.6, seed=0)
    mine = people["patient_id"].isin(first["patient_id"]).to_numpy()
    columns = vocabulary(emr, people[mine], task, min_share=0.05)
    X = features(emr, people, task, columns)
    y = people["label"].to_numpy()
    return SimpleNamespace(task=task, columns=columns, X=X[mine], y=y[mine], X_new=X[~mine], y_new=y[~mine])


@pytest.fixture(scope="session")
def make_release(learned):
    """Makes a release of an algorithm in a folder."""

    def make(folder, algorithm="logistic regression", **changed):
        model = train(learned.X, learned.y, algorithm)
        p = model.predict_proba(learned.X_new)[:, 1]
        parts = {
            "name": "Hypertension risk",
            "version": "1.0",
            "date": AT,
            "model": model,
            "algorithm": algorithm,
            "task": learned.task,
            "features": learned.columns,
            "threshold": 0.0,
            "metrics": evaluate(learned.y_new, p, threshold=0.02, bootstrap=50),
            "risk_groups": calibration_table(learned.y_new, p),
        }
        return release(folder, **(parts | changed))

    return make


@pytest.fixture(scope="session")
def released(make_release, tmp_path_factory):
    """The release of a logistic regression that alerts for everybody."""
    return make_release(tmp_path_factory.mktemp("release") / "first")


@pytest.fixture(scope="session")
def calls(emr, learned):
    """Valid calls by patient, for people whom the task concerns."""
    people = cohort(emr, learned.task, AT)["patient_id"].to_list()[:40]
    return hook_requests(emr, people, AT)


class Server:
    """`lhs serve` in a process of its own."""

    def __init__(
        self, source: Path, journal: Path, *options: str, at: str = AT, host: str = "127.0.0.1", **environment
    ):
        command = [sys.executable, "-m", "lhs_helpers.cli", "serve", str(source), "--journal", str(journal)]
        command += ["--port", "0", "--at", at, "--host", host, *options]
        self.journal, self.log = journal, journal.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment or None
            )
        line = self.process.stdout.readline()
        assert line.startswith("http://"), self.log.read_text()
        self.url = line.split("/cds-services")[0].replace("0.0.0.0", "127.0.0.1")
        self.pool = urllib3.PoolManager(retries=False, timeout=60)
        self.id = "hypertension"

    def get(self, path="/cds-services", method="GET", **more):
        answer = self.pool.request(method, self.url + path, **more)
        return answer.status, json.loads(answer.data)

    def post(self, body, path=None, headers=JSON):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.pool.request(
            "POST", self.url + (path or f"/cds-services/{self.id}"), body=content, headers=headers
        )
        return answer.status, json.loads(answer.data)

    def feedback(self, body, **more):
        return self.post(body, f"/cds-services/{self.id}/feedback", **more)

    def kill(self):
        """As kill -9 does it, workers too: nobody gets to finish anything."""
        family = psutil.Process(self.process.pid)
        for process in [family, *family.children(recursive=True)]:
            process.send_signal(signal.SIGKILL)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self.pool.clear()


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Starts servers and stops them at the end."""
    running = []

    def start(source, *options, journal=None, **more):
        journal = journal or tmp_path_factory.mktemp("journal") / "journal"
        server = Server(Path(source), journal, *options, **more)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def server(serve, released):
    return serve(released.folder)
