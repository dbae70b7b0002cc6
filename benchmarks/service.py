"""How fast `lhs serve` answers: requests a second and the time nearly all of them take, with a real HTTP client.

The target is 150 requests a second and 60 ms for 95 of 100, on two cores that server and client share. The ratio
is to the same number of calls of discovery, which computes nothing. On a machine that does other things as well,
read the processor time a call: it hardly changes, and 1,000 divided by it is what one core could answer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import urllib3

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

AT = "2018-01-01"
HEADERS = {"Content-Type": "application/json"}


def prepare(folder: Path, patients: int, algorithm: str) -> list[bytes]:
    """A release in `folder`, and the bodies of the calls: real patients with all of their last years."""
    emr = Hospital(folder / "hospital", patients=patients, seed=7, workers=2).advance("2019-01-01")
    task = Task("Hypertension", ("SNOMED:59621000",), window_days=365, gap_days=30, min_age=30)
    people = cohort(emr, task, "2017-01-01")
    first, _ = split_people(people, 0.6, seed=0)
    mine = people["patient_id"].isin(first["patient_id"]).to_numpy()
    columns = vocabulary(emr, people[mine], task)
    X, y = features(emr, people, task, columns), people["label"].to_numpy()
    model = train(X[mine], y[mine], algorithm)
    p = model.predict_proba(X[~mine])[:, 1]
    parts = {"model": model, "algorithm": algorithm, "task": task, "features": columns, "threshold": 0.0}
    parts |= {
        "metrics": evaluate(y[~mine], p, bootstrap=20),
        "risk_groups": calibration_table(y[~mine], p),
    }
    release(folder / "release", name="Hypertension risk", version="1.0", date=AT, **parts)
    calls = hook_requests(emr, cohort(emr, task, AT)["patient_id"].to_list()[:200], AT)
    bodies = [json.dumps(call).encode() for call in calls.values()]
    size = np.mean([len(body) for body in bodies]) / 1000
    print(f"{len(columns)} features; calls of {size:.0f} kB on average")
    return bodies


def measure(url: str, bodies: list[bytes], seconds: float, clients: int, path: str) -> tuple[float, float]:
    """Requests a second, and the 95th percentile of their time in milliseconds."""
    pool = urllib3.PoolManager(maxsize=clients, timeout=30)
    times: list[list[float]] = [[] for _ in range(clients)]
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        while time.perf_counter() < end:
            began = time.perf_counter()
            if path.endswith("hypertension"):
                body = bodies[(number + clients * len(times[number])) % len(bodies)]
                answer = pool.request("POST", url + path, body=body, headers=HEADERS)
                assert answer.status == 200 and b'"summary"' in answer.data, answer.data[:300]
            else:
                assert pool.request("GET", url + path).status == 200
            times[number].append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = np.concatenate(times)
    return len(took) / (time.perf_counter() - began), 1000 * np.percentile(took, 95)


def processor_ms(process: psutil.Process) -> float:
    """Processor time used so far by a process and its children, in milliseconds."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return 1000 * sum(time.user + time.system for time in times)


def wait_for(url: str) -> None:
    """Return when the service answers; its workers start after its address is known."""
    pool, late = urllib3.PoolManager(retries=False, timeout=30), time.perf_counter() + 60
    while True:
        try:
            pool.request("GET", url + "/cds-services")
            return
        except urllib3.exceptions.HTTPError:
            if time.perf_counter() > late:
                raise
            time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=5_000)
    parser.add_argument("--algorithm", default="logistic regression")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bodies = prepare(folder, given.patients, given.algorithm)
        command = [sys.executable, "-m", "lhs_helpers.cli", "serve", str(folder / "release"), "--port", "0"]
        command += ["--at", AT, "--workers", str(given.workers), "--journal", str(folder / "journal")]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,
        ):
            try:
                url = server.stdout.readline().split("/cds-services")[0]
                path = "/cds-services/hypertension"
                wait_for(url)
                measure(url, bodies, 6, given.clients, path)  # until every worker has come up
                serving = psutil.Process(server.pid)
                began = np.array([processor_ms(serving), 1000 * time.process_time()])
                rate, late = measure(url, bodies, given.seconds, given.clients, path)
                used = np.array([processor_ms(serving), 1000 * time.process_time()]) - began
                bare, _ = measure(url, bodies, given.seconds / 3, given.clients, "/cds-services")
            finally:
                server.terminate()
    print(f"{given.algorithm}, {given.workers} workers, {given.clients} clients")
    print(f"{rate:.0f} requests a second; 95 of 100 within {late:.0f} ms")
    server_ms, client_ms = used / (rate * given.seconds)
    print(f"processor time a call: server {server_ms:.1f} ms, client {client_ms:.1f} ms")
    print(f"discovery: {bare:.0f} a second; ratio {bare / rate:.1f}")


if __name__ == "__main__":
    main()
