"""Official clients administer the embedded cluster: each kind is added, listed, changed, gone."""

import re
from collections.abc import Sequence

import pytest
from attrs import frozen

pytestmark = pytest.mark.interop


@frozen
class Kind:
    """How a kind is called since 23.09 and was before, and what is done to one, `{name}`.

    `shown` is what the list shows once it was changed. The list is empty of it when `gone`; what is
    only made inactive stays in it.
    """

    noun: str
    plural: str
    add: Sequence[str]
    update: Sequence[str]
    remove: Sequence[Sequence[str]]
    shown: str

    def __str__(self) -> str:
        return self.noun


USER = "{name}@example.com"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KINDS = [
    Kind(
        "user",
        "users",
        add=("add", "default", USER, "secret", "-u", "{name}"),
        update=("update", USER, "-n", "Changed {name}"),
        remove=(("delete", USER), ("purge", USER)),
        shown="Changed {name}",
    ),
    Kind(
        "domain",
        "domains",
        add=("add", "{name}"),
        update=("update", "{name}", "--description", "changed-{name}"),
        remove=(("delete", "{name}"), ("purge", "{name}")),
        shown="changed-{name}",
    ),
    Kind(
        "keypair-resource-policy",
        "keypair-resource-policies",
        add=("add", "{name}", "--total-resource-slots", '{{"cpu": 3}}'),
        update=("update", "{name}", "--max-concurrent-sessions", "4321"),
        remove=(("delete", "{name}"),),
        shown="4321",
    ),
    Kind(
        "scaling-group",
        "scaling-groups",
        add=("add", "{name}", "-d", "made"),
        update=("update", "{name}", "-d", "changed-{name}"),
        remove=(("delete", "{name}"),),
        shown="changed-{name}",
    ),
]


KEYPAIR = Kind("keypair", "keypairs", add=(), update=(), remove=(), shown="")
GROUP = Kind("group", "groups", add=(), update=(), remove=(), shown="")


@pytest.fixture
def admin(official, client):
    """Return the function that runs `admin` commands of a kind, which must succeed."""
    is_old = client.release.startswith("21.")

    def run(kind, *words, name=""):
        noun = (kind.plural,) if is_old else (kind.noun,)
        given = [word.format(name=name) for word in words]
        if is_old and given == ["list"]:
            given = []
        done = official("admin", *noun, *given, stdin="y\n")
        assert done.code == 0, f"{given}: {done.out}{done.err}"
        return done.out

    return run


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_kind_from_beginning_to_end(admin, kind, name):
    admin(kind, *kind.add, name=name)
    assert name in admin(kind, "list")
    admin(kind, *kind.update, name=name)
    assert kind.shown.format(name=name) in admin(kind, "list")
    for words in kind.remove:
        admin(kind, *words, name=name)
    assert name not in admin(kind, "list")


def test_keypairs(admin, name):
    user = KINDS[0]
    admin(user, *user.add, name=name)
    admin(KEYPAIR, "add", USER, "default", "-r", "77", name=name)
    # The newest comes first.
    second, first = re.findall(rf"{name}\S* .*?(AKIA\w{{16}})", admin(KEYPAIR, "list"))
    admin(KEYPAIR, "update", second, "-r", "76543")
    admin(KEYPAIR, "deactivate", second)
    (line,) = [one for one in admin(KEYPAIR, "list").splitlines() if second in one]
    assert "False" in line
    admin(KEYPAIR, "activate", second)
    admin(KEYPAIR, "delete", second)
    keypairs = admin(KEYPAIR, "list")
    assert first in keypairs
    assert second not in keypairs
    admin(user, "purge", USER, name=name)


def test_groups(admin, name):
    user = KINDS[0]
    admin(user, *user.add, name=name)
    admin(GROUP, "add", "default", "{name}", name=name)

    def line_of(kind, words=("list",)):
        (line,) = [one for one in admin(kind, *words).splitlines() if name in one]
        return line

    group_id, user_id = (UUID.search(line_of(kind))[0] for kind in (GROUP, user))
    admin(GROUP, "add-users", group_id, user_id)
    assert line_of(user).count(name) == 3  # The user's name and mail address, and the group's.
    admin(GROUP, "remove-users", group_id, user_id)
    assert line_of(user).count(name) == 2
    admin(GROUP, "update", group_id, "-n", "{name}-new", name=name)
    assert f"{name}-new" in line_of(GROUP)
    admin(GROUP, "delete", group_id)
    admin(GROUP, "purge", group_id)
    assert name not in admin(GROUP, "list")
    admin(user, "purge", USER, name=name)
