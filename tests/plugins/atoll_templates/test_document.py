"""Templates as people write them: every spelling, and what is wrong by line and column."""

import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from atoll_templates.api import readable
from atoll_templates.document import read

DOCUMENTED = (Path(__file__).parents[2] / "manual-template.yaml").read_text()
SMALL = """\
{api}: v1
kind: {kind}
metadata: {{name: t}}
spec:
  {type}: batch
  kernel:
    image: python
    run: {{{startup}: make}}
    git: {{repository: r, branch: 19.09, {place}: /home/work/r}}
"""
SENT = {
    "api_version": "v1",
    "metadata": {"name": "t"},
    "spec": {
        "session_type": "batch",
        "kernel": {
            "image": "python",
            "run": {"startup_command": "make"},
            "git": {"repository": "r", "branch": "19.09", "destination_dir": "/home/work/r"},
        },
    },
}


def test_the_documented_template_is_sound():
    """And is sent in one spelling, what is mounted nowhere in particular at the empty path."""
    document = read(DOCUMENTED)
    assert document.flaws == []
    (sent,) = document.templates
    assert sent["template"]["spec"]["mounts"] == {
        "hostpath-test": "/home/work/hostDesktop",
        "test-vfolder": "",
    }
    assert sent["template"]["spec"]["session_type"] == "interactive"
    assert document.names == ["template1234"]


@pytest.mark.parametrize("api", ["api_version", "apiVersion"])
@pytest.mark.parametrize("kind", ["taskTemplate", "task_template"])
@pytest.mark.parametrize("type", ["type", "sessionType", "session_type"])
@pytest.mark.parametrize("startup", ["startup", "startup_command", "startupCommand", "stratup"])
@pytest.mark.parametrize("place", ["destination_dir", "destinationDir", "dest_dir"])
def test_every_spelling_means_the_same(api, kind, type, startup, place):
    """A number that is a branch stays the text that it is."""
    text = SMALL.format(api=api, kind=kind, type=type, startup=startup, place=place)
    document = read(text)
    assert document.flaws == []
    assert document.templates == [{"template": {**SENT, "kind": kind}}]


def test_templates_may_be_wrapped_listed_or_follow_one_another():
    """What one of the newer clients takes is taken, too."""
    bare = yaml.safe_load(DOCUMENTED)
    several = yaml.safe_dump_all([[{"template": bare, "name": "other"}, bare], bare])
    document = read(several)
    assert document.flaws == []
    assert len(document.templates) == 3
    assert document.templates[0]["name"] == "other"


@pytest.mark.parametrize(
    ("replaced", "by", "place", "problem"),
    [
        ("kind: taskTemplate", "kind: task", (3, 7), "should be taskTemplate or task_template"),
        ("api_version: v1\n", "", (2, 1), "api_version or apiVersion is missing"),
        ("  name: template1234\n", "", (5, 3), "name is missing"),
        ("    image: python", "    imgae: python", (16, 5), "did you mean image?"),
        ("      MYCONFIG: XXX", "      - XXX", (10, 7), "should be a mapping"),
        ("MYCONFIG: XXX", "MYCONFIG: [1]", (10, 17), "should be text"),
        ("interactive", "interactiv", (23, 16), "should be interactive or batch"),
        ("  sessionType: ", "  type: batch\n  sessionType: ", (24, 3), "is the same as type"),
        ("  resources:", "  mounts: {}\n  resources:", (21, 3), "is given twice"),
        ("repository:", "repo:", (12, 7), "repository is missing"),
        ("  name: template1234", "  name:", (5, 8), "is empty"),
        ("metadata:", "metadata: [", (6, 6), "expected"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column(replaced, by, place, problem):
    """Counted from one, as editors do."""
    assert replaced in DOCUMENTED
    flaws = read(DOCUMENTED.replace(replaced, by)).flaws
    assert [flaw for flaw in flaws if (flaw.line, flaw.column) == place and problem in str(flaw)], [
        str(flaw) for flaw in flaws
    ]


@given(st.text(alphabet=string.printable + "ü☃", max_size=60))
def test_no_text_is_too_odd_to_be_judged(text):
    """Whatever it is, it is a template or has a flaw, and reading it raises nothing."""
    document = read(text)
    assert document.flaws or all(document.names)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda below: (
            st.lists(below)
            | st.dictionaries(
                st.sampled_from(["spec", "kernel", "git", "template", "metadata", "x"]), below
            )
        ),
    )
)
def test_no_shape_is_too_odd_to_be_judged(content):
    """Nor is what is YAML, and no template."""
    assert read(yaml.safe_dump(content)).flaws


def test_what_a_cluster_gives_back_is_taken_again():
    """Without what was never said, and without the password."""
    stored = {
        "spec": {
            "kernel": {
                "run": None,
                "image": "python",
                "environ": {},
                "git": {
                    "repository": "r",
                    "commit": None,
                    "dest_dir": "/x",
                    "credential": {"username": "me", "password": "secret"},
                },
            },
            "agent_list": None,
        },
        "kind": "taskTemplate",
        "metadata": {"name": "t", "tag": None},
        "api_version": "v1",
    }
    shown = readable(stored)
    assert list(shown) == ["api_version", "kind", "metadata", "spec"]
    assert "secret" not in str(shown)
    again = read(yaml.safe_dump(shown))
    assert again.flaws == []
    assert again.templates[0]["template"]["spec"]["kernel"]["git"]["destination_dir"] == "/x"
    assert stored["spec"]["kernel"]["git"]["credential"]["password"] == "secret"


SMALL_SPEC = """\
api_version: v1
kind: task_template
metadata: {{name: t}}
spec: {{kernel: {kernel}}}
"""


@pytest.mark.parametrize(
    ("kernel", "read_as"),
    [
        ("{<<: {image: python}}", {"image": "python"}),
        ("{<<: {image: python}, image: r}", {"image": "r"}),
        ("{image: r, <<: {image: python}}", {"image": "r"}),
        ("{<<: [{image: a}, {image: b}]}", {"image": "a"}),
        (
            "{<<: {<<: {image: a, environ: {A: b}}, image: c}}",
            {"image": "c", "environ": {"A": "b"}},
        ),
        (
            "{image: a, environ: {<<: {A: x, B: y}, A: z}}",
            {"image": "a", "environ": {"A": "z", "B": "y"}},
        ),
        ('{image: a, environ: {"<<": x}}', {"image": "a", "environ": {"<<": "x"}}),
    ],
)
def test_merge_keys_are_merged(kernel, read_as):
    document = read(SMALL_SPEC.format(kernel=kernel))
    assert document.flaws == []
    assert document.templates[0]["template"]["spec"]["kernel"] == read_as


@pytest.mark.parametrize(
    ("kernel", "problem"),
    [
        ("{<<: 5, image: a}", "spec.kernel.<<: should be a mapping"),
        ("{<<: [{}, x], image: a}", "spec.kernel.<<: should be a mapping"),
        ("&a {<<: *a, image: a}", "merges itself"),
        ("{<<: {image: a, nothing: b}}", "spec.kernel.nothing: is not a key here"),
    ],
)
def test_merge_keys_of_no_use(kernel, problem):
    document = read(SMALL_SPEC.format(kernel=kernel))
    assert any(problem in str(flaw) for flaw in document.flaws)


def test_merges_of_merges_take_no_time():
    lines = ["a0: &a0 {A: b}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 15)]
    text = SMALL_SPEC.format(kernel="{image: a, environ: {<<: *a14}}")
    document = read("\n".join(lines) + "\n" + text)
    assert document.templates[0]["template"]["spec"]["kernel"]["environ"] == {"A": "b"}
