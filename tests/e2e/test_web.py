"""Backend.AI's own web page, through `web`, in a real browser."""

import json
import re
import time
from contextlib import contextmanager

import httpx
import pytest
from tests.e2e.browser import browser

DEADLINE = 60.0
# The page is made of elements that hide what they are made of.
EVERYWHERE = """window.everywhere ??= (selector, root = document) => [
    ...root.querySelectorAll(selector),
    ...[...root.querySelectorAll("*")].flatMap(
        (one) => one.shadowRoot ? everywhere(selector, one.shadowRoot) : []),
]; window.shown ??= (selector) => everywhere(selector).filter(
    (one) => one.getBoundingClientRect().width > 0);"""
# The first click skips to the last step, the second asks whether no folder is meant.
LAUNCH = """(() => {
    if (everywhere("#launch-confirmation-dialog").some((one) => one.open)) return true;
    shown("#launch-button")[0]?.click();
})()"""
UP_AND_DOWN = """(async () => {
    const file = new File(["hello"], "hello.txt"), folders = backendaiclient.vfolder;
    const up = await folders.create_upload_session("hello.txt", file, "data");
    const headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0",
                     "Content-Type": "application/offset+octet-stream"};
    const sent = await fetch(up, {method: "PATCH", headers, body: file});
    const {url, token} = await folders.request_download_token("hello.txt", "data", false);
    return [sent.status, await (await fetch(`${url}?token=${token}`)).text()];
})()"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("chromium"),
]


@pytest.fixture(scope="module")
def address(shared):
    """The address of the page, whose cluster has a session and a folder."""
    assert shared.run("start", "-t", "lab", "-r", "cpu=0.5", "python").returncode == 0
    assert shared.run("vfolder", "create", "data").returncode == 0
    words = ("web", "--install", "--no-open", "-p", "0", "--output", "jsonl")
    with shared.start(*words) as process:
        try:
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def page(address, tmp_path_factory):
    """The page, open in a browser that tells of faults."""
    with browser(tmp_path_factory.mktemp("browser") / "profile") as go:
        page = go("about:blank")
        for domain in ("Runtime", "Log", "Network", "Page"):
            page.call(f"{domain}.enable")
        go(address)
        yield page


@pytest.fixture
def view(page, address):
    """Return the function that goes to a view of the page and waits for something there."""

    def go(name, selector):
        page.call("Page.navigate", url=f"{address}/{name}")
        page.wait_for("document.readyState == 'complete'")
        page.evaluate(EVERYWHERE)
        page.wait_for(f"shown({selector!r}).length")
        page.screenshot(f"web-{name}")

    return go


def click(page, condition, selector="mwc-icon-button, mwc-button"):
    """Click the first thing that is shown and fits."""
    found = f"shown({selector!r}).find((one) => {condition})"
    page.wait_for(found)
    page.evaluate(f"{found}.click()")


def faults(page, address):
    """Return what the browser had to complain of, as far as it is about this page."""
    page.evaluate("1")
    found = []
    for event in page.events:
        told = event["params"]
        if event["method"] == "Runtime.exceptionThrown":
            found.append(told["exceptionDetails"])
        if event["method"] == "Runtime.consoleAPICalled" and told["type"] == "error":
            found.append(told["args"])
        if event["method"] == "Log.entryAdded" and told["entry"]["level"] == "error":
            found.append(told["entry"])
    # The page looks for a newer release of itself, on a machine of its makers.
    return [one for one in found if "version.json" not in str(one)]


@contextmanager
def window(page, address, part=""):
    """Wait for a window of another address than the page's, and with a text in it, which is told;
    it is closed in the end.
    """
    end = time.monotonic() + DEADLINE
    while True:
        targets = page.call("Target.getTargets")["targetInfos"]
        found = [one for one in targets if one["type"] == "page" and part in one["url"]]
        found = [one for one in found if one["url"].startswith("http://localhost")]
        found = [one for one in found if not one["url"].startswith(address)]
        if found:
            break
        assert time.monotonic() < end, targets
        time.sleep(0.1)
    yield found[0]["url"]
    page.call("Target.closeTarget", targetId=found[0]["targetId"])


def test_views_open_without_a_login_and_without_faults(page, view, address):
    view("summary", "backend-ai-summary-view")
    view("job", "[id='0-terminal']")
    view("data", "backend-ai-data-view")
    view("credential", "backend-ai-user-list")
    view("settings", "backend-ai-settings-view")
    view("usersettings", "backend-ai-usersettings-general-list")
    page.wait_for("globalThis.backendaiclient?.email == 'admin@atoll.local'")
    assert faults(page, address) == []


def test_a_session_starts_from_the_form(page, view, shared, address):
    view("job", "#launch-session")
    # The form is made of the images that the page knows when it is opened.
    page.wait_for("everywhere('backend-ai-session-launcher').some((one) => one.languages?.length)")
    click(page, "one.id == 'launch-session'")
    page.wait_for("shown('#session-name').length")
    page.evaluate("shown('#session-name')[0].value = 'from-the-page'")
    page.wait_for(LAUNCH)
    click(page, "one.id == 'launch-confirmation-button'")
    end = time.monotonic() + DEADLINE
    listing = ("ps", "--output", "csv", "-f", "name,image")
    while "from-the-page" not in (listed := shared.run(*listing).stdout):
        assert time.monotonic() < end
    assert re.search(r"^from-the-page,.*python", listed, re.MULTILINE)
    assert shared.run("rm", "from-the-page").returncode == 0
    assert faults(page, address) == []


def test_logs_a_terminal_and_a_notebook_open(page, view, address):
    view("job", "[id='0-terminal']")
    page.evaluate("localStorage.setItem('backendaiwebui.terminalguide', 'false')")
    click(page, "one.id == '0-assignment'")
    page.wait_for("everywhere('#work-dialog').some((one) => one.open)")
    page.evaluate("everywhere('#work-dialog').forEach((one) => one.hide())")
    click(page, "one.id == '0-terminal'")
    with window(page, address) as url:
        assert "ttyd" in httpx.get(url).text
    click(page, "one.id == '0-apps'")
    click(page, "one['app-name'] == 'jupyterlab'")
    with window(page, address, "/lab"):
        pass
    assert faults(page, address) == []


def test_files_go_up_and_come_down_by_the_address_of_the_page(page, view, shared, address):
    view("data", "backend-ai-data-view")
    page.wait_for("globalThis.backendaiclient?.ready")
    assert page.evaluate(UP_AND_DOWN) == [204, "hello"]
    assert "hello.txt" in shared.run("vfolder", "ls", "data").stdout
    assert faults(page, address) == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {"Host": "evil.example"}, 403),
        ("/func/folders", {"Origin": "http://evil.example"}, 403),
        ("/server/login-check", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/app-proxy/redirect?port=22&redirect=/x", {}, 404),
        ("/app-proxy/nothing", {}, 404),
        ("/func/session/nope", {}, 404),
    ],
)
def test_others_pages_and_unknown_places_are_refused(address, path, headers, status):
    assert httpx.get(address + path, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/../config.yaml", "/%2e%2e/%2e%2e/log", "/.hidden", "/a%00b"])
def test_paths_that_climb_lead_to_the_page_itself(address, path):
    assert "<title>Backend.AI" in httpx.get(address + path).text


def test_without_its_files_it_says_how_to_get_them(atoll):
    done = atoll.run("web", "--no-open", "-p", "0")
    assert (done.returncode, done.stdout) == (5, "")
    assert "atoll web --install" in done.stderr
