"""What programs of a session find in their environment, where its job has one of its own."""

import os
from pathlib import Path

import pytest
from tests.contrib.atoll_cluster.conftest import Program
from tests.contrib.atoll_cluster.engines.test_documented import documented

SHELL = 'export LOADED=yes HOME=/nowhere POOL_A=changed && exec "$@"'
IMAGES = f"""
    def images(self):
        plain = Image(canonical="plain:1", language="python", argv=(sys.executable,))
        boxed = ("bash", "-c", {SHELL!r}, "bash")
        return [plain, Image(canonical="boxed:1", language="python", argv=(sys.executable,),
                             prefix=boxed),
                Image(canonical="lost:1", language="python", argv=("python3",),
                      prefix=("no-such-program", "exec"))]

    async def start("""
CODE = """
import os
print(*(os.environ.get(name) for name in ("POOL_A", "POOL_B", "OTHER", "LOADED")))
print(os.environ["HOME"] == os.getcwd(), "ATOLL_KEPT_VARIABLES" in os.environ)
"""


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    text = documented("atoll_pool.py").replace("\n    async def start(", IMAGES, 1)
    text = text.replace("listens=True", 'listens=True, keeps=("POOL_*", "TMPDIR")')
    text = text.replace(
        "    def images(self) -> Sequence[Image] | None:\n        return None\n", ""
    )
    (tmp_path / "atoll_pool.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    for name, value in (("POOL_A", "a"), ("POOL_B", "b"), ("OTHER", "o")):
        monkeypatch.setenv(name, value)
    program = Program(tmp_path / "data", ("--engine", "atoll_pool:launcher"))
    yield program.start()
    if program.process is not None:
        program.end()


def test_variables_that_the_engine_names_are_passed_on(pooled, http):
    client = pooled.client(http)
    client.create("s1", image="plain:1", config={"environ": {"POOL_B": "mine"}})
    assert client.console(client.run("s1", CODE)) == "a mine None None\nTrue False\n"


TEMPORARY = """
import os, tempfile
print(tempfile.gettempdir(), oct(os.stat(tempfile.gettempdir()).st_mode)[-3:])
"""


def test_each_session_has_a_temporary_folder_that_goes_with_it(pooled, http, tmp_path):
    """Or with the next session, if everything that would delete it was killed."""
    client, place, left = pooled.client(http), tmp_path / "tmp", None
    for name in ("s1", "s2"):
        client.create(name, image="plain:1")
        path, mode = client.console(client.run(name, TEMPORARY)).split()
        assert (Path(path).parent, mode) == (place, "700")
        if left is None:
            left = Path(f"{path[:-8]}leftover")
            (left / "deep").mkdir(parents=True)
            os.utime(left, (1, 1))
        client.ask("DELETE", f"/session/{name}")
        assert not Path(path).exists()
    assert not left.exists()


def test_the_variables_of_the_prefix_command_have_precedence(pooled, http):
    client = pooled.client(http)
    client.create("s1", image="boxed:1", config={"environ": {"POOL_B": "mine"}})
    assert client.console(client.run("s1", CODE)) == "changed mine None yes\nTrue False\n"


def test_a_missing_prefix_command_ends_the_session_with_its_name(pooled, http):
    client = pooled.client(http)
    created = client.create("s1", image="lost:1")
    assert created["status"] == "ERROR"
    assert created["statusInfo"] == (
        "the kernel ended while starting: cannot start no-such-program: No such file or directory"
    )
