"""Ending a session in whatever status it is met."""

from types import SimpleNamespace

import pytest

from atoll import NotAuthorized
from atoll_sessions import termination


@pytest.fixture
def cluster(monkeypatch):
    """A cluster that refuses to end its session, which has one status after the other."""
    statuses, asked = [], []

    async def destroy(_api, _session, *, forced=False):
        asked.append("forced" if forced else "plain")
        if not forced and statuses:
            raise NotAuthorized("it can only be forced to end")

    async def find_session(_api, _session):
        return SimpleNamespace(status=statuses.pop(0))

    monkeypatch.setattr(termination, "destroy", destroy)
    monkeypatch.setattr(termination, "find_session", find_session)
    return SimpleNamespace(statuses=statuses, asked=asked)


@pytest.mark.parametrize(
    ("statuses", "asked"),
    [
        (["TERMINATING"], ["plain"]),
        (["PREPARING", "TERMINATING"], ["plain", "plain"]),
        (["CREATING", "ERROR"], ["plain", "plain", "forced"]),
        (["SCHEDULED"], ["plain", "plain"]),
    ],
)
async def test_what_is_starting_or_ending_is_left_to(cluster, statuses, asked):
    cluster.statuses += statuses
    await termination.terminate(None, "work")
    assert cluster.asked == asked


async def test_what_runs_is_not_the_user_s_to_end(cluster):
    cluster.statuses += ["RUNNING", "RUNNING"]
    with pytest.raises(NotAuthorized):
        await termination.terminate(None, "work")
