"""One home on several machines: which of them serves it."""

import json
import threading

import pytest

from atoll_cluster import claim
from atoll_cluster.claim import Claim, Lost
from atoll_cluster.paths import DataDir, StartError


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder that other machines see; they are believed dead after a moment."""
    monkeypatch.setattr(claim, "is_networked", lambda _path: True)
    monkeypatch.setattr(claim, "EXPIRY", 1.0)
    monkeypatch.setattr(claim, "RENEWAL", 0.0)
    return DataDir.prepare(tmp_path / "data")


@pytest.fixture
def elsewhere(monkeypatch):
    """Make claims as a program of another machine."""

    def take(data):
        with monkeypatch.context() as there:
            there.setattr("socket.gethostname", lambda: "login2")
            return Claim.take(data)

    return take


def host(data):
    return json.loads((data.root / "claim.json").read_text())["host"]


def test_a_folder_claimed_by_another_machine_is_refused(data, elsewhere):
    other = elsewhere(data)
    stop = threading.Event()

    def renew():
        while not stop.wait(0.1):
            other.renew()

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        with pytest.raises(StartError, match="has the same home"):
            Claim.take(data)
    finally:
        stop.set()
        renewing.join()


def test_a_claim_that_is_not_renewed_expires(data, elsewhere):
    other = elsewhere(data)
    ours = Claim.take(data)
    assert host(data) != "login2"
    with pytest.raises(Lost):
        other.renew()
    ours.renew()
    other.close()
    assert host(data) != "login2"


def test_a_program_that_ends_in_order_leaves_no_claim(data, elsewhere):
    elsewhere(data).close()
    assert not (data.root / "claim.json").exists()


def test_a_claim_of_this_machine_is_replaced(data, monkeypatch):
    """The lock tells whether that program still runs."""
    Claim.take(data)
    monkeypatch.setattr(claim, "EXPIRY", 60.0)
    Claim.take(data).renew()


def test_on_a_disk_of_one_machine_nothing_is_claimed(tmp_path):
    data = DataDir.prepare(tmp_path / "data")
    assert Claim.take(data) is None
    assert not (data.root / "claim.json").exists()
