"""Requests that official clients made of Backend.AI clusters, made of this one.

`tests/recorded/` has them, each with the answer that it got: what clients find in answers of such
a cluster, they must find in ours.
"""

import json
import re
from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[2] / "recorded"
RELEASES = ["23.09", "26.4"]
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|TOKEN")
OTHERS = {
    "errors": "managers of 26.x tell that there are none",
    **{
        f"servicePorts[].{name}": "26.x mixes both shapes where a session is used again"
        for name in ("host_ports", "container_ports", "is_inference")
    },
    "items[].mode": "a number since 24.03, with which clients of 23.09 could do nothing",
    "stats.net_rx": "the network is the machine's",
    "stats.net_tx": "the network is the machine's",
}
"""What another cluster tells, and this one has no word for, or another."""


def lacks(theirs, ours, where=""):
    """Yield what an answer of ours has not, or in another shape, of one that was recorded."""
    if theirs is None or ours is None or where in OTHERS:
        return
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name, value in theirs.items():
            inner = f"{where}.{name}".lstrip(".")
            if name in ours:
                yield from lacks(value, ours[name], inner)
            elif inner not in OTHERS:
                yield f"{inner} is missing"
    elif isinstance(theirs, list) and isinstance(ours, list):
        if theirs and ours:
            yield from lacks(theirs[0], ours[0], f"{where}[]")
    elif kind(theirs) is not kind(ours):
        yield f"{where}: {type(theirs).__name__} became {type(ours).__name__}"


def kind(value):
    """Return the type of a value as JSON knows it."""
    return float if type(value) is int else type(value)


def learn(theirs, ours, known):
    """Take down which ids of ours stand for which of those that were recorded."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in theirs.keys() & ours.keys():
            learn(theirs[name], ours[name], known)
    elif isinstance(theirs, list) and isinstance(ours, list):
        for pair in zip(theirs, ours, strict=False):
            learn(*pair, known)
    elif isinstance(theirs, str) and isinstance(ours, str) and _ID.fullmatch(theirs):
        known[theirs] = ours
        if "-" in theirs:
            known[theirs.replace("-", "")] = ours.replace("-", "")


def translated(value, known):
    """Return a part of a request with our ids in it."""
    text = json.dumps(value)
    for theirs, ours in known.items():
        text = text.replace(theirs, ours)
    return json.loads(text)


class Player:
    """Makes the requests of one client, one after the other."""

    def __init__(self, client, release):
        self.client = client
        self.known = {}
        self.storage = ""
        self.exchanges = json.loads((RECORDED / f"client-{release}.json").read_text())

    def play(self):
        """Yield each exchange with the status and the answer that it gets here."""
        for exchange in self.exchanges:
            target = translated(exchange["target"], self.known)
            if exchange["method"] == "WS":
                yield exchange, 101, self.converse(target, exchange["message"])
                continue
            status, answer = self.ask(exchange, target)
            learn(exchange.get("answer"), answer, self.known)
            if isinstance(answer, dict) and "url" in answer:
                self.storage = answer["url"].removeprefix(self.client.endpoint)
            yield exchange, status, answer

    def ask(self, exchange, target):
        content = exchange.get("raw", "")
        if "body" in exchange:
            content = json.dumps(translated(exchange["body"], self.known))
        if target.startswith(("/upload", "/download")):  # at the storage, which is elsewhere there
            target = self.storage + target[target.index("?") :]
        headers = {"Content-Type": exchange.get("content_type", "text/plain")}
        headers |= exchange.get("headers", {})
        answer = self.client.ask(exchange["method"], target, content=content, headers=headers)
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.status_code, answer.json() if is_json else None

    def converse(self, target, message):
        with self.client.stream(target.split("/")[3]) as socket:
            socket.send(json.dumps(message))
            return json.loads(socket.recv())


@pytest.fixture(scope="module", params=RELEASES)
def played(request, shared, http):
    """All exchanges of a client of one release, with what this cluster answers."""
    return list(Player(shared.client(http), request.param).play())


def test_recorded_requests_are_answered(played):
    """Whatever was refused there: a session that was gone, a folder that was there."""
    refused = [
        f"{one['command']}: {one['method']} {one['target']} {status} {answer}"
        for one, status, answer in played
        if one["status"] < 400 and status != one["status"]
    ]
    assert not refused


def test_nothing_is_missing_in_answers(played):
    missing = [
        f"{one['command']}: {one['method']} {one['target']}: {what}"
        for one, _, answer in played
        if one["status"] < 400
        for what in lacks(one.get("answer"), answer)
    ]
    assert not missing


def test_code_ran_and_a_file_came_and_went(played):
    answers = {(one["method"], one["command"].split()[0]): found for one, _, found in played}
    assert answers["WS", "run"]["console"] == [["stdout", "1\n"]]
    (listed,) = [
        found["items"] for one, _, found in played if one["target"].split("?")[0].endswith("/files")
        and "vfolder" in one["command"]
    ]  # fmt: skip
    assert [one["name"] for one in listed] == ["tiny.txt"]
