"""`lhs serve`, asked over HTTP as a clinical system would: CDS Hooks 2.0, and a 4xx with a sentence for the rest."""

import json
import os
import socket
import threading
import time
from copy import deepcopy
from uuid import uuid4

import numpy as np
import pytest
import urllib3
from asking import AT, JSON, accepted, overridden
from cds_hooks_models import Answer, Discovery
from fhir.resources.R4B.riskassessment import RiskAssessment
from typer.testing import CliRunner

from lhs_helpers.cli import app
from lhs_helpers.learning import cohort
from lhs_helpers.system.feedback import Journal, read_feedback, read_risks
from lhs_helpers.system.registry import Registry
from lhs_helpers.system.service import serving

TOKEN = "a-token-of-the-tests-only"


@pytest.fixture
def call(calls):
    return deepcopy(next(iter(calls.values())))


def test_discovery_conforms(server):
    status, found = server.get()
    assert status == 200
    (service,) = Discovery.model_validate(found).services
    assert (service.hook, service.id) == ("patient-view", "hypertension")
    assert "{{context.patientId}}" in service.prefetch["patient"]


def test_every_card_conforms_and_holds_the_risk_of_the_record(server, calls, emr, released):
    people = cohort(emr, released.task, AT).query("patient_id in @calls")
    risks = dict(zip(people["patient_id"], released.risks(emr.as_of(AT), people), strict=True))
    for patient, body in calls.items():
        status, found = server.post(body)
        assert status == 200, found
        (card,) = Answer.model_validate(found).cards
        (action,) = card.suggestions[0].actions
        assessment = RiskAssessment.model_validate(action.resource)
        assert assessment.subject.reference == f"Patient/{patient}"
        percent = float(assessment.prediction[0].probabilityDecimal)
        assert percent == pytest.approx(100 * risks[patient], abs=0.01)
        low, high, people_like = released.interval(risks[patient])
        assert f"Of {people_like:,} people" in card.detail and "What moved the risk most" in card.detail
        assert 0 <= low <= high <= 1
        assert card.source.label.startswith("Hypertension risk 1.0")


def test_nobody_is_alerted_below_the_threshold(serve, make_release, calls, tmp_path):
    server = serve(make_release(tmp_path / "r", threshold=0.03).folder)
    shown = [bool(server.post(body)[1]["cards"]) for body in calls.values()]
    given = read_risks(server.journal)
    assert 0 < sum(shown) < len(shown)
    assert (given["alert"] == (given["risk"] >= 0.03)).all()
    assert given["alert"].tolist() == shown
    assert given["card"].notna().tolist() == shown


def test_who_is_not_concerned_gets_no_card(server, call):
    child, sick = deepcopy(call), deepcopy(call)
    child["prefetch"]["patient"]["birthDate"] = "2010-05-05"
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "59621000"}]}
    subject = {"reference": f"Patient/{call['context']['patientId']}"}
    diagnosis = {
        "resourceType": "Condition",
        "code": code,
        "subject": subject,
        "onsetDateTime": "2016-01-01",
    }
    sick["prefetch"]["conditions"] = {"resourceType": "Bundle", "entry": [{"resource": diagnosis}]}
    dead = deepcopy(call)
    dead["prefetch"]["patient"]["deceasedBoolean"] = True
    for body in (child, sick, dead):
        assert server.post(body) == (200, {"cards": []})
    assert read_risks(server.journal)["because"].iloc[-3:].to_list() == [
        "is not aged 30 to 120",
        "has the outcome on record",
        "has died",
    ]


def without(call, *path):
    part = call
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return call


def put(call, value, *path):
    part = call
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return call


PATIENT = ("prefetch", "patient")
FIRST = ("prefetch", "observations", "entry", 0, "resource")
REFUSED = {
    "no JSON": (lambda c: b"{", 400, "Invalid JSON"),
    "not UTF-8": (lambda c: b'{"hook": "\xff"}', 400, "Invalid JSON"),
    "a list": (lambda c: [], 422, "the body"),
    "another hook": (lambda c: put(c, "order-sign", "hook"), 422, "hook: Input should be 'patient-view'"),
    "no hook instance": (lambda c: without(c, "hookInstance"), 422, "hookInstance: Field required"),
    "no context": (lambda c: without(c, "context"), 422, "context: Field required"),
    "no prefetch": (lambda c: without(c, "prefetch"), 412, "lacks 'patient'"),
    "no observations": (lambda c: without(c, "prefetch", "observations"), 412, "lacks 'observations'"),
    "unknown patient": (lambda c: put(c, None, *PATIENT), 404, "unknown to the client"),
    "another patient": (lambda c: put(c, "someone", *PATIENT, "id"), 422, "somebody else"),
    "another's result": (
        lambda c: put(c, {"reference": "Patient/someone"}, *FIRST, "subject"),
        422,
        "somebody else",
    ),
    "no birth date": (lambda c: without(c, *PATIENT, "birthDate"), 422, "birthDate"),
    "no sex": (lambda c: put(c, "unknown", *PATIENT, "gender"), 422, "gender"),
    "not a date": (lambda c: put(c, "yesterday", *FIRST, "effectiveDateTime"), 422, "effectiveDateTime"),
    "30 February": (lambda c: put(c, "2017-02-30", *FIRST, "effectiveDateTime"), 422, "30 February"),
    "words for a number": (lambda c: put(c, "high", *FIRST, "valueQuantity", "value"), 422, "valueQuantity"),
    "a number out of this world": (
        lambda c: put(c, 1e300, *FIRST, "valueQuantity", "value"),
        422,
        "less than or equal",
    ),
    "one page of several": (
        lambda c: put(c, [{"relation": "next", "url": "x"}], "prefetch", "observations", "link"),
        422,
        "one page of several",
    ),
    "a patient for a bundle": (
        lambda c: put(c, c["prefetch"]["patient"], "prefetch", "observations"),
        422,
        "Input should be 'Bundle'",
    ),
    "deep nesting": (lambda c: b"[" * 100_000, 400, "Invalid JSON"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_can_not_be_used_gets_a_4xx_with_a_sentence(server, call, what):
    change, expected, says = REFUSED[what]
    for resource in call["prefetch"]["observations"]["entry"]:
        if "valueQuantity" in resource["resource"]:
            call["prefetch"]["observations"]["entry"][0] = resource
            break
    status, found = server.post(change(call))
    assert status == expected, found
    assert says in found["error"] and found["error"][0].isupper() and len(found["error"]) < 600


def test_other_ways_in_get_a_4xx(server, call):
    assert server.post(call, "/cds-services/other")[0] == 404
    assert server.post({"feedback": []}, "/cds-services/other/feedback")[0] == 404
    assert server.get("/patients")[0] == server.get("/cds-services/")[0] == 404
    assert server.get("/cds-services", method="DELETE")[0] == 405
    assert server.get(f"/cds-services/{server.id}")[0] == 405
    assert server.post(call, headers={"Content-Type": "text/plain"})[0] == 415
    assert server.get("/cds-services", headers={"Host": "evil.example"})[0] == 400
    status, found = server.post(b" " * 6_000_000)
    assert status == 413 and "larger than 5,000,000 bytes" in found["error"]


def test_a_huge_body_without_a_length_is_cut_off(server):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        head = f"POST /cds-services/{server.id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        line.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        try:
            for _ in range(8):
                line.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            return  # cut off while it was still sending
        assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_a_token_is_needed_and_compared(serve, released, call):
    server = serve(released.folder, host="0.0.0.0", **(os.environ | {"LHS_TOKEN": TOKEN}))
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
    ):
        status, found = server.post(call, headers=JSON | headers)
        assert status == 401 and "token" in found["error"]
        assert server.get(headers=headers)[0] == 401
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert server.get(headers=right)[0] == server.get(headers={"Authorization": f"bearer {TOKEN}"})[0] == 200
    assert server.post(call, headers=JSON | right)[0] == 200


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--host", "0.0.0.0"], "needs a token"),
        (["--token", "short"], "fewer than 16"),
        (["--token", "ä" * 16], "not plain ASCII"),
        (["--at", "soon"], "at is 'soon'"),
        (["--host", "203.0.113.9", "--token", TOKEN], "Choose another host"),
    ],
)
def test_a_way_of_serving_that_can_not_be_meant_is_refused(released, tmp_path, options, says):
    journal = ["--journal", str(tmp_path / "j")]
    done = CliRunner().invoke(app, ["serve", str(released.folder), *journal, *options])
    assert done.exit_code == 2 and says in done.stderr and "Traceback" not in done.output


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_refused(released, tmp_path, workers):
    """Also by another service whose workers share it: callers would be dealt out between the two."""
    journal, workers = ["--journal", str(tmp_path / "j")], ["--workers", workers]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = ["--port", str(taken.getsockname()[1])]
        done = CliRunner().invoke(app, ["serve", str(released.folder), *journal, *workers, *port])
    assert done.exit_code == 2 and "Address already in use. Choose another port" in done.stderr


def test_an_altered_release_is_not_served(make_release, tmp_path):
    folder = make_release(tmp_path / "r").folder
    (folder / "task.json").write_bytes((folder / "task.json").read_bytes() + b" ")
    done = CliRunner().invoke(app, ["serve", str(folder), "--journal", str(tmp_path / "j")])
    assert done.exit_code == 2 and "task.json was altered" in done.stderr


def test_in_silence_risks_are_logged_and_no_card_is_shown(serve, released, calls):
    server = serve(released.folder, "--silent")
    for body in calls.values():
        assert server.post(body) == (200, {"cards": []})
    given = read_risks(server.journal)
    assert len(given) == len(calls) and given["card"].isna().all()
    assert (given["state"] == "silent").all() and given["alert"].all() and given["risk"].between(0, 1).all()


def test_the_registry_is_obeyed_at_the_next_patient(serve, released, call, tmp_path):
    registry, why = Registry(tmp_path / "registry"), {"date": AT, "why": "for the test"}
    registry.add(released, **why)
    registry.promote(**why)
    server = serve(registry.folder)
    assert server.post(call) == (200, {"cards": []}), "it starts silent"
    registry.set_state("live", **why)
    assert len(server.post(call)[1]["cards"]) == 1
    registry.set_state("off", **why)
    assert server.post(call) == (200, {"cards": []})
    assert server.get() == (200, {"services": []})
    assert read_risks(server.journal)["state"].to_list() == ["silent", "live"], "off: nothing is computed"


def test_what_is_damaged_under_a_running_service_is_not_served_on(serve, released, call, tmp_path):
    """Whether it was switched off can not be told any more; feedback on cards that were shown is still taken."""
    registry, why = Registry(tmp_path / "registry"), {"date": AT, "why": "for the test"}
    registry.add(released, **why)
    registry.promote(**why)
    registry.set_state("live", **why)
    server, file = serve(registry.folder), registry.folder / "registry.json"
    whole, card_file = file.read_bytes(), registry.folder / "releases" / released.version / "model_card.md"
    (card,) = server.post(call)[1]["cards"]
    for damage in (lambda: file.write_text("{"), file.unlink):
        damage()
        for status, found in (server.post(call), server.get()):
            assert (
                status == 503 and "registry of releases, or the release in use, is damaged" in found["error"]
            )
        assert server.feedback({"feedback": [accepted(card["uuid"])]}) == (200, {"received": 1})
        file.write_bytes(whole)
        assert len(server.post(call)[1]["cards"]) == 1, "restored, it goes on"
    card_file.write_text(card_file.read_text() + " ")
    os.utime(file)
    assert server.post(call)[0] == 503
    assert (read_feedback(server.journal)["version"] == released.version).all()
    assert "registry.json is damaged or can not be read" in server.log.read_text()
    assert "model_card.md was altered after the release" in server.log.read_text()


def test_a_person_in_the_journal_can_be_found_by_the_holder_of_the_key_only(server, call, tmp_path):
    server.post(call)
    person, patient = read_risks(server.journal)["person"].iloc[-1], call["context"]["patientId"]
    assert Journal(server.journal).person(patient) == person
    assert Journal(tmp_path / "another").person(patient) != person
    assert (server.journal / "person.key").stat().st_mode & 0o077 == 0


def test_feedback_comes_back_as_a_frame(serve, released, call):
    server = serve(released.folder)
    (card,) = server.post(call)[1]["cards"]
    body = {"feedback": [accepted(card["uuid"], card["suggestions"][0]["uuid"]), overridden(card["uuid"])]}
    assert server.feedback(body) == (200, {"received": 2})
    said = read_feedback(server.journal)
    assert said["outcome"].to_list() == ["accepted", "overridden"]
    assert said["reason"].iloc[1] == "known" and said["comment"].iloc[1] == "seen last week"
    assert str(said["at"].iloc[1]) == "2018-01-01 10:00:00+00:00"
    joined = said.merge(read_risks(server.journal), on="card")
    assert len(joined) == 2 and (joined["version_x"] == "1.0").all()


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "ignored"},
        {"card": "not a uuid"},
        {"acceptedSuggestions": []},
        {"outcomeTimestamp": "soon"},
        {"outcomeTimestamp": "0001-01-01T00:00:00+14:00"},
        {"overrideReason": {"userComment": "x" * 5_000}},
    ],
)
def test_feedback_that_can_not_be_meant_is_refused(server, change):
    status, found = server.feedback({"feedback": [accepted(str(uuid4())) | change]})
    assert status == 422 and found["error"]
    assert server.feedback({"feedback": []})[0] == 422


def test_killed_in_a_burst_of_feedback_nothing_acknowledged_is_lost(serve, released):
    server = serve(released.folder, "--workers", "2")
    sent, stop = [[] for _ in range(4)], threading.Event()

    def burst(mine):
        while not stop.is_set():
            cards = [str(uuid4()) for _ in range(3)]
            try:
                status, _ = server.feedback({"feedback": [overridden(card) for card in cards]})
            except urllib3.exceptions.HTTPError:
                # Not there yet, or gone: nothing was acknowledged.
                time.sleep(0.05)
                continue
            if status == 200:
                mine += cards

    threads = [threading.Thread(target=burst, args=(mine,)) for mine in sent]
    for thread in threads:
        thread.start()
    late = time.monotonic() + 60
    while sum(map(len, sent)) < 300 and time.monotonic() < late:
        time.sleep(0.01)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join(30)
    acknowledged = {card for mine in sent for card in mine}
    assert len(acknowledged) >= 300
    assert acknowledged <= set(read_feedback(server.journal)["card"])
    again = serve(released.folder)  # and a journal that was cut short takes new lines
    assert again.feedback({"feedback": [overridden(str(uuid4()))]})[0] == 200


def test_a_line_cut_short_is_counted_and_the_next_is_whole(tmp_path):
    entry = {
        "card": "a",
        "outcome": "accepted",
        "reason": None,
        "comment": None,
        "accepted": 1,
        "at": "2018-01-01T00:00:00+00:00",
        "received_at": "2018-01-01T00:00:00+00:00",
        "version": "1",
    }
    Journal(tmp_path).write_feedback([entry])
    path = tmp_path / "feedback.jsonl"
    path.write_bytes(path.read_bytes() + path.read_bytes()[:40])
    Journal(tmp_path).write_feedback([entry | {"card": "b"}])
    said = read_feedback(tmp_path)
    assert said["card"].to_list() == ["a", "b"] and said.attrs == {"unreadable": 1}


def test_a_journal_that_is_deleted_under_a_running_service_is_begun_anew(serve, released, call):
    server = serve(released.folder)
    first, second = (str(uuid4()) for _ in range(2))
    assert server.feedback({"feedback": [overridden(first)]})[0] == 200
    (server.journal / "feedback.jsonl").unlink()
    assert server.feedback({"feedback": [overridden(second)]})[0] == 200
    assert read_feedback(server.journal)["card"].to_list() == [second]
    for path in server.journal.iterdir():
        path.unlink()
    server.journal.rmdir()
    status, found = server.feedback({"feedback": [overridden(first)]})
    assert status == 503 and "could not be written down" in found["error"]


def test_a_disk_that_fails_is_not_acknowledged(tmp_path, monkeypatch):
    book = Journal(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lhs_helpers.system.feedback.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        book.write_feedback([{"card": "a"}])


def test_what_can_not_be_written_down_is_neither_shown_nor_acknowledged(
    released, call, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    with serving(released.folder, tmp_path / "journal", at=AT) as url:
        pool, path = urllib3.PoolManager(retries=False, timeout=30), f"{url}/cds-services/hypertension"
        monkeypatch.setattr(Journal, "_append", full)
        told = {"feedback": [accepted(str(uuid4()))]}
        answers = [pool.request("POST", path, json=call), pool.request("POST", f"{path}/feedback", json=told)]
    for answer in answers:
        assert answer.status == 503 and "could not be written down" in answer.json()["error"]


def test_no_patient_reaches_the_log(serve, released, call):
    server, mark = serve(released.folder), "Zyxwv"
    call["context"]["patientId"] = call["prefetch"]["patient"]["id"] = mark
    call["prefetch"]["patient"]["name"] = [{"family": mark}]
    for bundle in call["prefetch"].values():
        for entry in (bundle or {}).get("entry", ()):
            owner = "patient" if entry["resource"]["resourceType"] == "Immunization" else "subject"
            entry["resource"][owner] = {"reference": f"Patient/{mark}"}
    assert server.post(call)[0] == 200
    server.post(put(deepcopy(call), mark, "hook"))
    server.post(put(deepcopy(call), mark, *PATIENT, "birthDate"))
    server.post(call, f"/cds-services/{mark}?patient={mark}")
    server.get(f"/cds-services?patient={mark}", headers={"X-Patient": mark})
    server.feedback({"feedback": [{"card": mark}]})
    server.stop()
    written = [server.log, *(path for path in server.journal.iterdir())]
    assert len(server.log.read_text().splitlines()) >= 6, "something was logged"
    for path in written:
        assert mark.encode() not in path.read_bytes(), path.name


def test_the_interval_is_that_of_people_with_a_risk_like_it(released):
    groups = released.risk_groups
    for group in groups.itertuples():
        assert released.interval(group.predicted) == (group.low, group.high, group.people)
    assert released.interval(0.0)[0] == groups["low"].iloc[0]
    assert np.isfinite(released.interval(1.0)).all()


def test_the_schema_that_is_served_is_json(server):
    status, schema = server.get("/openapi.json")
    assert status == 200 and "/cds-services/{service_id}" in json.dumps(schema)


def test_a_page_can_try_the_service_in_a_thread_of_its_own(released, call, tmp_path):
    with serving(released.folder, tmp_path / "journal", at=AT) as url:
        pool = urllib3.PoolManager(retries=False, timeout=30)
        answer = pool.request("POST", f"{url}/cds-services/hypertension", json=call)
        assert answer.status == 200 and len(answer.json()["cards"]) == 1
    assert len(read_risks(tmp_path / "journal")) == 1
    with pytest.raises(urllib3.exceptions.HTTPError):
        pool.request("GET", f"{url}/cds-services")
