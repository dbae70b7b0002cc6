"""Requests that no client should send: whatever comes, the answer is a card, no card, or a 4xx with a sentence.

A few hundred requests here; `LHS_FUZZ=10000` sends as many.
"""

import json
import os
import random
from copy import deepcopy

import pytest
from cds_hooks_models import Answer

REQUESTS = int(os.environ.get("LHS_FUZZ", 300))
JUNK = [
    *(None, True, False, 0, -1, 2**63, 10**400, 1e308, -1e308, 1e-320, float("nan"), float("inf")),
    *("", " ", "x", "\x00", "é", "\ud800", "\U0001f600", "x" * 20_000, "2018-02-30", "9999-12-31", "0000"),
    *(
        "2018-01-01T00:00:60Z",
        "2018-01-01T25:00:00Z",
        "Patient/x",
        "../../etc/passwd",
        "{{context.patientId}}",
    ),
    *([], {}, [[]], [None], {"": None}, [{}] * 50, {"resourceType": "Patient"}, {"resourceType": 1}),
    *(
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Bundle"}}]},
        "Bundle",
        "Observation",
    ),
]


def small(call):
    """The call with at most four resources of a kind, so that most of it is near what is read."""
    for bundle in call["prefetch"].values():
        if bundle is not None and "entry" in bundle:
            bundle["entry"] = bundle["entry"][:4]
    return call


def places(value, path=()):
    """Every path in a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += places(value[key], (*path, key))
    return found


def mutated(body, draw):
    """The body with one to four things wrong."""
    body = deepcopy(body)
    for _ in range(draw.choice([0, 1, 1, 1, 2, 4])):
        everywhere = places(body)
        if not everywhere:
            break
        *path, last = draw.choice(everywhere)
        part = body
        for key in path:
            part = part[key]
        what = draw.randrange(5)
        if what == 0:
            del part[last]
        elif what == 1 and isinstance(part, dict):
            part[draw.choice(["value", "hook", "resource", "x", "code"])] = part.pop(last)
        elif what == 2:
            other = draw.choice(everywhere)
            copied = body
            try:
                for key in other:
                    copied = copied[key]
            except (KeyError, IndexError, TypeError):
                copied = None
            part[last] = deepcopy(copied)
        else:
            part[last] = deepcopy(draw.choice(JUNK))
    return body


def sent(body, draw):
    """The bytes of a body: as JSON, or JSON that something happened to."""
    content = json.dumps(body).encode()
    if draw.random() < 0.1 and content:
        content = bytearray(content)
        for _ in range(draw.randrange(1, 6)):
            content[draw.randrange(len(content))] = draw.randrange(256)
    elif draw.random() < 0.05:
        content = content[: draw.randrange(len(content) + 1)]
    return bytes(content)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_whatever_is_sent_the_service_stands(serve, released, calls):
    server, draw = serve(released.folder), random.Random(20180101)
    valid = [small(deepcopy(call)) for call in list(calls.values())[:10]]
    reason = {"reason": {"code": "known"}, "userComment": "x"}
    told = {"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719", "outcome": "overridden", "overrideReason": reason}
    told["outcomeTimestamp"] = "2018-01-01T10:00:00Z"
    seen = dict.fromkeys(range(200, 600), 0)
    for _ in range(REQUESTS):
        path = f"/cds-services/{server.id}"
        if draw.random() < 0.2:
            path, body = path + "/feedback", {"feedback": [told]}
        else:
            body = draw.choice(valid)
        if draw.random() < 0.03:
            path = draw.choice(["/", "/cds-services", "/cds-services/%00", "/cds-services//feedback", "/%ff"])
        headers = {"Content-Type": draw.choice(["application/json"] * 20 + ["text/plain", ""])}
        content = sent(mutated(body, draw), draw)
        status, found = server.post(content, path, headers)
        seen[status] += 1
        assert status < 500, (status, content[:2_000])
        if status == 200 and "cards" in found:
            Answer.model_validate(found)
        elif status != 200:
            assert status >= 400 and isinstance(found["error"], str) and found["error"].endswith((".", ")"))
    assert sum(seen.values()) == REQUESTS
    assert seen[200] > REQUESTS / 20 and seen[422] > REQUESTS / 20, "neither all refused nor all taken"
    assert server.post(valid[0])[0] == 200, "and it still answers"
    assert "failed" not in server.log.read_text()
