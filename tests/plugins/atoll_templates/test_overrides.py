"""What a session from a template is asked to be."""

import pytest

from atoll import UsageError
from atoll_templates.api import Template
from atoll_templates.overrides import creation_body, given_config, own_config

TEMPLATE = Template(
    id="f" * 32,
    name="t",
    domain_name="default",
    group_name="lab",
    template={
        "metadata": {"tag": "mine"},
        "spec": {
            "session_type": "batch",
            "kernel": {
                "image": "python",
                "environ": {"A": "1"},
                "run": {"bootstrap": "echo hi", "startup_command": "make"},
            },
            "mounts": {"data": "", "code": "/home/work/c"},
            "resources": {"cpu": "1"},
        },
    },
)
NOTHING = {
    "name": "sess",
    "image": "python",
    "enqueue_only": False,
    "max_wait": 0,
    "no_reuse": False,
    "type": None,
    "domain": None,
    "group": None,
    "tag": None,
    "cluster_size": None,
    "starts_at": None,
    "startup_command": None,
    "owner": None,
    "priority": None,
    "timeout": None,
    "depends": (),
    "callback_url": None,
    "env": (),
    "resources": (),
    "mounts": (),
    "resource_opts": (),
    "scaling_group": None,
    "no_env": False,
    "no_mount": False,
    "no_resource": False,
}


def asked(**given):
    """The body that the options make."""
    options = {**NOTHING, **given}
    config = {**own_config(TEMPLATE), **given_config(options)}
    return creation_body(TEMPLATE, options, config)


def test_all_that_the_template_says_is_said():
    """Managers forget, or fail at, what is left out."""
    body = asked()
    assert body["config"] == {
        "mounts": ["data", "code"],
        "mount_map": {"code": "/home/work/c"},
        "environ": {"A": "1"},
        "resources": {"cpu": "1"},
        "resource_opts": {},
        "scalingGroup": None,
    }
    told = {key: body[key] for key in ("type", "domain", "group", "tag", "startupCommand")}
    assert told == {
        "type": "batch",
        "domain": "default",
        "group": "lab",
        "tag": "mine",
        "startupCommand": "make",
    }
    assert body["bootstrap_script"] == "echo hi"


def test_what_is_given_takes_its_place():
    """Whole parts are replaced, not added to."""
    body = asked(env=("B=2",), mounts=("other=/home/work/o",), resources=("mem=512",), tag="yours")
    assert body["config"]["environ"] == {"B": "2"}
    assert body["config"]["mounts"] == ["other"]
    assert body["config"]["mount_map"] == {"other": "/home/work/o"}
    assert body["config"]["resources"] == {"mem": "512m"}
    assert body["tag"] == "yours"


def test_parts_can_be_left_out():
    """No folders, no variables, no resources."""
    config = asked(no_mount=True, no_env=True, no_resource=True)["config"]
    assert [config[key] for key in ("mounts", "environ", "resources")] == [[], {}, {}]


def test_what_is_no_pair_is_refused():
    """Before anything is asked of the cluster."""
    with pytest.raises(UsageError):
        given_config({**NOTHING, "env": ("A",)})
