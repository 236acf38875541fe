"""The map of the tree, docs/house.md, leads to files that are there and hold what it names; and the
tree has no circles.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "house.md"
ROW = re.compile(r"^\| (.+\?) \| (.+) \| \[(.+)\]\(\.\./(.+)\) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text())
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES = [one for one in SETTINGS["root_packages"] if one != "atoll_slurm"]
"""But for a distribution of its own, which may not be installed."""


@cache
def imports():
    """What imports what at run time."""
    grimp = pytest.importorskip("grimp")
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)


def test_the_page_answers_questions():
    assert len(ROWS) >= 12


@pytest.mark.parametrize(("_question", "answer", "shown", "path"), ROWS)
def test_each_answer_stands_on_names_in_the_file_that_it_leads_to(_question, answer, shown, path):
    assert shown == path
    text = (ROOT / path).read_text()
    missing = [name for name in re.findall(r"`([^`]+)`", answer) if name not in text]
    assert not missing


def test_links_of_the_page_and_of_the_glossary_lead_somewhere():
    for page in (PAGE, PAGE.with_name("glossary.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_packages_of_the_page_are_there():
    named = re.findall(r"^\| `(\w+/\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name / "__init__.py").exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_imports_in_a_circle(package):
    """Neither modules nor packages; imports for types alone are none at run time."""
    assert imports().nominate_cycle_breakers(package) == set()
