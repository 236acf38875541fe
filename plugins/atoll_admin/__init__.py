"""Administration of users, keypairs, policies, agents, and everything else in a cluster.

Most commands have two spellings: `admin users add`, and `admin user add` of newer clients.
"""

from collections.abc import Iterator, Sequence

from atoll import Background, Command, Completion, Example, hookimpl

_SERVICES = "atoll_admin.services"
_CHANGES = ("add", "update", "delete", "purge")
# Kinds of entities: the words for one and for several, the module, and the changes of one.
_KINDS = (
    ("user", "users", "users", _CHANGES),
    ("domain", "domains", "domains", _CHANGES),
    ("group", "groups", "groups", (*_CHANGES, "add-users", "remove-users")),
    ("keypair", "keypairs", "keypairs", (*_CHANGES[:3], "activate", "deactivate")),
    ("keypair-resource-policy", "keypair-resource-policies", "policies", _CHANGES[:3]),
    ("scaling-group", "scaling-groups", "scaling_groups", _CHANGES[:3]),
    ("agent", "agents", "agents", ()),
    ("storage", "storage-list", "storage", ()),
)
# Further commands, by module and attribute: a summary, and the names below `admin`.
_OTHERS = {
    "entities.groups:by_name": ("List the groups of a name", "groups-by-name"),
    "entities.scaling_groups:associate": (
        "Let a domain use a scaling group",
        "scaling-groups associate-scaling-group",
        "scaling-group associate-scaling-group",
        "scaling-group associate-scaling",
    ),
    "entities.scaling_groups:dissociate": (
        "Remove a scaling group from a domain",
        "scaling-groups dissociate-scaling-group",
        "scaling-group dissociate-scaling-group",
        "scaling-group dissociate-scaling",
    ),
    "entities.scaling_groups:available": (
        "List the scaling groups that a group may use",
        "list-scaling-groups",
        "scaling-group get-available",
    ),
    "entities.images:rows": ("List images", "images", "image list"),
    "entities.images:alias": ("Give an image another name", "alias-image", "image alias"),
    "entities.images:dealias": ("Remove an alias of an image", "dealias-image", "image dealias"),
    "entities.images:forget": ("Stop offering an image", "forget-image", "image forget"),
    "entities.images:rescan": ("Look for new images", "rescan-images", "image rescan"),
    "entities.folders:rows": ("List the folders of all users", "vfolders", "vfolder list"),
    "services.license:show_license": ("Show the license", "show-license", "license show"),
    "services.permissions:list_permissions": ("List permissions", "permission list"),
    "services.etcd:get": ("Show configuration", "etcd get"),
    "services.etcd:set_key": ("Change configuration", "etcd set"),
    "services.etcd:delete": ("Delete configuration", "etcd delete"),
    "services.watcher:status": ("Show the status of a watcher", "watcher status"),
    "services.watcher:start": ("Start an agent", "watcher agent-start"),
    "services.watcher:stop": ("Stop an agent", "watcher agent-stop"),
    "services.watcher:restart": ("Restart an agent", "watcher agent-restart"),
}
_FOLDERS = {
    "list-hosts": "List all hosts for folders",
    "perf-metric": "Show the load of a host",
    "get-fstab-contents": "Show an fstab file",
    "list-mounts": "List mounts",
    "mount-host": "Mount a host everywhere",
    "umount-host": "Unmount a host everywhere",
}
_SHARED_FOLDERS = {
    "list-shared-vfolders": "List shared folders",
    "shared-vfolder-info": "Show who shares a folder",
    "update-shared-vf-permission": "Change what a sharing user may do",
    "remove-shared-vf-permission": "Stop sharing a folder",
    "change-vfolder-ownership": "Change the owner of a folder",
}
_RESOURCES = {
    "docker-registries": "List the registries of images",
    "resource-slots": "List the kinds of slots",
    "vfolder-types": "List who may own folders",
    "recalculate-usage": "Recalculate what sessions occupy",
    "usage-per-month": "Show what groups used in a month",
    "usage-per-period": "Show what a group used in a period",
}
_DESTROYING = {
    "change_vfolder_ownership",
    "deactivate",
    "dealias",
    "delete",
    "dissociate",
    "exclude_agents",
    "forget",
    "freeze",
    "purge",
    "remove_shared_vf_permission",
    "remove_users",
    "restart",
    "set_key",
    "stop",
    "umount_host",
}
"""The names of functions whose commands take something away from users."""
_NEWER_RESOURCES = {
    "docker-registries": ("container-registries",),
    "resource-slots": ("query-slots",),
}
_NEWER_GROUPS = {
    "image": "images",
    "license": "the license",
    "permission": "permissions",
    "resource": "resources",
    "vfolder": "folders",
}
_MANAGER = {
    "status": "Show whether the cluster runs",
    "freeze": "Make the cluster refuse new work",
    "unfreeze": "Make the cluster accept new work again",
    "scheduler include-agents": "Schedule sessions on agents again",
    "scheduler exclude-agents": "Stop scheduling sessions on agents",
}
_ANNOUNCEMENT = {
    "get": "Show the announcement",
    "update": "Publish an announcement",
    "delete": "Remove the announcement",
    "dismiss": "Don't show the announcement again",
}


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """The commands of administrators; commands about sessions are in the plugin of sessions."""
    yield Command("admin", "Administration of the cluster")
    for one, many, module, verbs in _KINDS:
        yield from _about(one, many, f"atoll_admin.entities.{module}", verbs)
    for load, (summary, *names) in _OTHERS.items():
        for name in names:
            destroys = _destroys(load)
            yield Command(f"admin {name}", summary, f"atoll_admin.{load}", destroys=destroys)
    for above in ("admin vfolders", "admin vfolder"):
        yield from _below(above, _FOLDERS, "folder_hosts")
        yield from _below(above, _SHARED_FOLDERS, "folder_sharing")
    for above in ("admin resources", "admin resource"):
        yield from _below(above, _RESOURCES, "resources")
    for above in ("manager", "admin manager"):
        yield from _below(above, _MANAGER, "manager")
    for above in ("announcement", "admin announcement"):
        yield from _below(above, _ANNOUNCEMENT, "announcement")
    yield from _groups_of_commands()
    yield Command("server-logs list", "List errors", f"{_SERVICES}.server_logs:list_logs")
    account = f"{_SERVICES}.account"
    yield Command("login", "Log in to a web server", f"{account}:login", single=True)
    yield Command("logout", "Log out of a web server", f"{account}:logout")
    yield Command("whoami", "Show who you are logged in as", f"{account}:whoami")
    password = f"{_SERVICES}.password:update_password"
    yield Command("update-password", "Change your password", password, secret=True)
    yield Command(
        "update-password-no-auth",
        "Change a password that has expired",
        f"{_SERVICES}.password:update_password_no_auth",
        secret=True,
    )


def _about(one: str, many: str, module: str, verbs: Sequence[str]) -> Iterator[Command]:
    thing, things = one.replace("-", " "), many.replace("-list", "").replace("-", " ")
    for name in (many, f"{one} list"):
        yield Command(f"admin {name}", f"List {things}", f"{module}:rows")
    for name in (one, f"{one} info"):
        yield Command(f"admin {name}", f"Show one {thing}", f"{module}:show")
    for verb in verbs:
        what = verb.replace("-", " ").capitalize()
        summary = f"{what} of one {thing}" if "-" in verb else f"{what} one {thing}"
        load = f"{module}:{verb.replace('-', '_')}"
        aliases = ("create",) if verb == "add" else ()
        # These command lines may contain a password, so they are treated as secret.
        secret = one == "user" and verb in {"add", "update"}
        for above in (many, one):
            yield Command(
                f"admin {above} {verb}",
                summary,
                load,
                aliases,
                secret=secret,
                destroys=_destroys(load),
            )


def _destroys(load: str) -> bool:
    return load.rpartition(":")[2] in _DESTROYING


def _below(above: str, commands: dict[str, str], module: str) -> Iterator[Command]:
    for name, summary in commands.items():
        attribute = name.split()[-1].replace("-", "_")
        aliases = _NEWER_RESOURCES.get(name, ()) if module == "resources" else ()
        load = f"{_SERVICES}.{module}:{attribute}"
        yield Command(f"{above} {name}", summary, load, aliases, destroys=_destroys(load))


def _groups_of_commands() -> Iterator[Command]:
    yield Command("announcement", "Announcements to all users")
    yield Command("manager", "Whether the cluster accepts new work")
    yield Command("manager scheduler", "Which agents get sessions")
    yield Command("server-logs", "Errors in the cluster")
    yield Command("admin etcd", "The cluster's configuration")
    yield Command("admin resources", "Slots, registries and usage")
    yield Command("admin watcher", "The services that start and stop agents")
    for word, things in _NEWER_GROUPS.items():
        yield Command(f"admin {word}", f"Commands about {things}, under their newer names")
    for word in ("announcement", "manager"):
        yield Command(f"admin {word}", f"Same as atoll {word}")
    yield Command("admin manager scheduler", "Same as atoll manager scheduler")


_NAMES = {
    "user": "users",
    "keypair": "keypairs",
    "domain": "domains",
    "group": "groups",
    "keypair-resource-policy": "policies",
    "scaling-group": "scaling_groups",
    "agent": "agents",
    "storage-volume": "volumes",
}


@hookimpl
def atoll_completions() -> Iterator[Completion]:
    """Completes names of entities; an account is offered only names that it may see."""
    for kind, attribute in _NAMES.items():
        yield Completion(kind, f"atoll_admin.completions:{attribute}", ttl=120.0)


@hookimpl
def atoll_background() -> Iterator[Background]:
    """Shows announcements of administrators at the prompt."""
    yield Background("announcement", "atoll_admin.announcement_notice:tell")


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """How the commands are used."""
    from atoll_admin.examples import EXAMPLES

    yield from EXAMPLES
