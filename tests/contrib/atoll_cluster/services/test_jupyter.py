"""JupyterLab in sessions: found, started when first wanted, and computing on their own Python."""

import pytest
from tests.notebook import DEADLINE, compute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from atoll_cluster.engine.services import own_python

pytestmark = pytest.mark.skipif(
    not own_python.has("jupyterlab"), reason="jupyterlab is not installed: pip install '.[apps]'"
)


@pytest.fixture(scope="module")
def session(shared, http):
    """Have one session for all, as JupyterLab takes its time to start."""
    shared.client(http).create("notebooks")
    return "notebooks"


def test_a_cell_is_computed_by_the_sessions_own_python(client, session, local, http):
    client.run(session, "open('number', 'w').write('42')")
    address = local(session, "jupyter")
    page = http.get(f"http://{address}/lab", timeout=DEADLINE)
    assert page.status_code == 200
    assert "JupyterLab" in page.text
    lines = (
        "import os, sys",
        "print(open('number').read(), os.environ['BACKENDAI_SESSION_NAME'], sys.executable)",
    )
    own = client.console(client.run(session, "import sys; print(sys.executable)"))
    assert compute(http, address, "\n".join(lines)) == f"42 {session} {own}"


def test_a_notebook_s_kernel_has_no_port(client, session, local, http):
    """What it shows could be read there by every account of the machine; also once it restarted."""
    address = local(session, "jupyter")
    headers = {"X-XSRFToken": "t", "Cookie": "_xsrf=t"}
    kernels = f"http://{address}/api/kernels"
    kernel = http.post(kernels, headers=headers, timeout=DEADLINE).json()["id"]
    again = http.post(f"{kernels}/{kernel}/restart", headers=headers, timeout=DEADLINE)
    assert again.status_code == 200
    found = f"glob.glob('/tmp/services-*/*.d/kernel-{kernel}.json')"
    tell = f"import glob, json; print(*(json.load(open(one))['transport'] for one in {found}))"
    assert client.console(client.run(session, tell)).split() == ["ipc"]
    http.delete(f"{kernels}/{kernel}", headers=headers, timeout=DEADLINE)


def test_both_names_are_one_server(session, local, http):
    addresses = [local(session, name) for name in ("jupyter", "jupyterlab")]
    answers = [http.get(f"http://{one}/api/status", timeout=DEADLINE) for one in addresses]
    first, second = (answer.json()["started"] for answer in answers)
    assert first == second


def test_pages_of_others_are_kept_out(session, local, http):
    address = local(session, "jupyter")
    stranger = {"Host": "evil.example"}
    assert http.get(f"http://{address}/lab", headers=stranger, timeout=DEADLINE).status_code == 403
    with pytest.raises(InvalidStatus):
        connect(f"ws://{address}/api/events/subscribe", origin="http://evil.example")


def test_it_is_shut_down_and_started_with_arguments(client, session, local, http, tunnels):
    body = {"service_name": "jupyterlab"}
    answer = client.ask("POST", f"/session/{session}/shutdown-service", json=body)
    assert answer.status_code == 204

    arguments = {"--ServerApp.root_dir": "/nowhere"}
    with pytest.raises(InvalidStatus) as failed:
        tunnels.open(session, "jupyter", query={"arguments": arguments}, open_timeout=DEADLINE)
    assert failed.value.response.status_code == 500
    assert "/nowhere" in failed.value.response.body.decode()

    arguments = {"--ServerApp.base_url": "/deep/"}
    address = local(session, "jupyter", arguments=arguments, envs={"TZ": "Asia/Seoul"})
    assert http.get(f"http://{address}/deep/lab", timeout=DEADLINE).status_code == 200


def test_the_first_connection_decides_the_options(client, session, local, http, tunnels):
    """The first connection chooses; one that chooses otherwise later is refused, not ignored."""
    body = {"service_name": "jupyter"}
    for number, secret in enumerate(("se-cret", "-begins like an option")):
        assert client.ask("POST", f"/session/{session}/shutdown-service", json=body).is_success
        token = {"--ServerApp.token": secret}
        addresses = [
            local(session, "jupyter", arguments=token),
            local(session, "jupyterlab", arguments=token),
            local(session, "jupyter"),
        ]
        url = f"http://{addresses[number]}/api/contents"
        assert http.get(url, timeout=DEADLINE).status_code == 403
        for tried, status in ((secret, 200), ("another", 403)):
            answer = http.get(url, params={"token": tried}, timeout=DEADLINE)
            assert answer.status_code == status
            http.cookies.clear()
        for other in ({"arguments": {"--ServerApp.token": "x"}}, {"envs": {"TZ": "Asia/Seoul"}}):
            with pytest.raises(InvalidStatus) as refused:
                tunnels.open(session, "jupyter", query=other, open_timeout=DEADLINE)
            assert "running with other options" in refused.value.response.body.decode()
    assert client.ask("POST", f"/session/{session}/shutdown-service", json=body).is_success


def test_jupyterlab_shows_and_requests_no_announcements(session, local, http):
    """Neither the user, nor the makers of JupyterLab."""
    page = http.get(f"http://{local(session, 'jupyter')}/lab", timeout=DEADLINE).text
    disabled = page.partition('"disabledExtensions": [')[2].partition("]")[0]
    assert "@jupyterlab/apputils-extension:announcements" in disabled


def test_it_is_described(client, session):
    apps = client.ask("GET", f"/stream/session/{session}/apps").json()
    (jupyter,) = [app for app in apps if app["name"] == "jupyter"]
    assert jupyter["protocol"] == "http"
    assert jupyter["url_template"].format(protocol="http", host="h", port=1) == "http://h:1/"
    assert "--ServerApp.base_url" in jupyter["allowed_arguments"]
    assert jupyter["allowed_envs"] == ["LANG", "TZ"]
