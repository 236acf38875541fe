"""What the API tells of a session's services."""

import json

import pytest

from atoll_cluster.engine.services.installed import Installed


def test_a_preopened_port_is_an_app(client, session, port):
    answer = client.ask("GET", f"/stream/session/{session}/apps")
    assert {"name": str(port), "protocol": "preopen", "ports": [port]} in answer.json()


def test_a_session_that_has_ended_serves_nothing(client, session):
    client.ask("DELETE", f"/session/{session}", params={"forced": "true"})
    assert client.ask("GET", f"/stream/session/{session}/apps").status_code == 404


def test_service_ports_are_returned_as_by_real_clusters(client, session, port):
    own = {"name": str(port), "protocol": "preopen", "ports": [port]}
    raw = {
        "name": str(port),
        "protocol": "preopen",
        "container_ports": [port],
        "host_ports": [port],
        "is_inference": False,
    }
    again = client.create(session)
    assert own in again["servicePorts"]
    assert raw in again["service_ports"]
    query = "{ compute_session_list(limit: 9, offset: 0) { items { name service_ports } } }"
    items = client.gql(query)["data"]["compute_session_list"]["items"]
    found = {item["name"]: json.loads(item["service_ports"]) for item in items}
    assert raw in found[session]


def test_a_missing_app_proxy_is_reported(client, session, port):
    answer = client.ask("POST", f"/session/{session}/start-service", json={"app": str(port)})
    assert (answer.status_code, answer.json()["type"][-19:]) == (503, "service-unavailable")


@pytest.mark.parametrize("route", ["start-service", "shutdown-service"])
def test_unknown_services_are_reported(client, session, route):
    body = {"app": "nothing", "service_name": "nothing"}
    answer = client.ask("POST", f"/session/{session}/{route}", json=body)
    assert (answer.status_code, answer.json()["title"]) == (404, "No such app service.")


def test_stopping_a_service_that_does_not_run_is_allowed(client, session, port):
    answer = client.ask(
        "POST", f"/session/{session}/shutdown-service", json={"service_name": str(port)}
    )
    assert answer.status_code == 204


def test_missing_programs_are_reported_with_a_hint():
    missing = Installed(asyncssh=True).missing()
    assert missing.keys() == {"jupyter", "jupyterlab", "ttyd"}
    assert all("pip install 'atoll[apps]'" in hint for hint in missing.values())
    assert "openssh-server" in Installed().missing()["sshd"]
