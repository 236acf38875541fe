"""What its README tells the author of a plugin to do works, line by line."""

import re
from pathlib import Path

import pytest
from tests.core.authoring import Author

ROOT = Path(__file__).parents[3]
README = ROOT / "contrib" / "plugin-template" / "README.md"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def author(tmp_path_factory):
    """Somebody who starts a plugin."""
    one = Author.make(tmp_path_factory.mktemp("author"))
    yield one
    one.run("atoll local down", one.home)


@pytest.fixture(scope="module")
def done(author):
    """What its lines have done, run in a checkout of atoll."""
    lines = re.findall(r"^    (.*)$", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert lines[0].startswith("cp -r ")
    return author.run("\n".join(lines), ROOT)


def test_the_lines_of_the_readme_run(done):
    """Its command among them, and its own tests."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_its_command_counts(author, done):
    counted = author.run("atoll start -t counted python\natoll census --output csv", author.home)
    assert counted.returncode == 0, done.stderr + counted.stderr
    assert counted.stdout.endswith("status,sessions\nRUNNING,1\n")


def test_it_takes_the_name_of_another_in_four_places(author, done):
    """As the README says: the package, and three lines of `pyproject.toml`."""
    renamed = author.run(
        "mv src/atoll_census src/atoll_mine\n"
        "sed -i 's/census/mine/' pyproject.toml\n"
        "sed -i 's/atoll_census/atoll_mine/' src/atoll_mine/*.py\n"
        "pip install -e .\natoll plugins --output csv",
        author.home / "atoll-mine",
    )
    assert renamed.returncode == 0, done.stderr + renamed.stderr
    assert "mine,atoll-mine,0.1.0" in renamed.stdout
