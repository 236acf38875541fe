"""Calls of the official SDK, in an order in which each finds what it is about.

A call is a name, and a function of a session of the SDK and of the :class:`Facts` of this run. What
it returns may be awaited; it is kept in `facts.results` under the name. All that is made has the
run's token in its name and is removed again, so that the table can be run against any cluster.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NOBODY = str(uuid.UUID(int=0))


class Facts:
    """What the calls of one run need to know."""

    def __init__(self, image: str, folder: Path) -> None:
        self.image = image
        self.folder = folder
        self.token = uuid.uuid4().hex[:8]
        self.results: dict[str, Any] = {}
        (folder / "sent.txt").write_text("sent")
        (folder / "got" / "inner").mkdir(parents=True)  # where the SDK makes no folders

    def name(self, kind: str) -> str:
        """Return the name of a thing of this run."""
        return f"sdk-{kind}-{self.token}"

    def mail(self, who: str) -> str:
        """Return the address of a user of this run."""
        return f"{who}-{self.token}@example.com"

    def found(self, call: str, *path: Any) -> Any:
        """Return a part of what a call has returned."""
        value = self.results[call]
        for step in path:
            value = value[step]
        return value


Call = Callable[[Any, Facts], Any]


def own(s: Any, f: Facts) -> Any:
    """Return the session that most calls are about."""
    return s.ComputeSession(f.name("run"))


def folder(s: Any, f: Facts) -> Any:
    """Return the folder that most calls are about."""
    return s.VFolder(f.name("files"))


def group(f: Facts) -> str:
    """Return the id of the group `default`."""
    return str(next(one["id"] for one in f.found("group list") if one["name"] == "default"))


SYSTEM: Mapping[str, Call] = {
    "versions": lambda s, f: s.System.get_versions(),
    "manager version": lambda s, f: s.System.get_manager_version(),
    "api version": lambda s, f: s.System.get_api_version(),
    "hello": lambda s, f: s.ComputeSession.hello(),
    "manager status": lambda s, f: s.Manager.status(),
    "announcement": lambda s, f: s.Manager.get_announcement(),
    "permission list": lambda s, f: s.Permission.list(),
    "query": lambda s, f: s.Admin.query("query { keypair { access_key } }"),
    "query with variables": lambda s, f: s.Admin.query(
        "query($name: String) { domain(name: $name) { name is_active } }", {"name": "default"}
    ),
    "query that is wrong": lambda s, f: s.Admin.query("query { nothing }"),
    "server log list": lambda s, f: s.ServerLog.list(),
    "server log list marked": lambda s, f: s.ServerLog.list(mark_read=True, page_size=5, page_no=1),
}
PEOPLE: Mapping[str, Call] = {
    "keypair own": lambda s, f: s.KeyPair(s.config.access_key).info(),
    "keypair list": lambda s, f: s.KeyPair.list(),
    "keypair list active": lambda s, f: s.KeyPair.list(is_active=True),
    "keypair page": lambda s, f: s.KeyPair.paginated_list(),
    "keypair page ordered": lambda s, f: s.KeyPair.paginated_list(order="-created_at"),
    "keypair page filtered": lambda s, f: s.KeyPair.paginated_list(filter="is_active is true"),
    "keypair page bad filter": lambda s, f: s.KeyPair.paginated_list(filter='nothing == "x"'),
    "domain list": lambda s, f: s.Domain.list(),
    "domain detail": lambda s, f: s.Domain.detail("default"),
    "domain create": lambda s, f: s.Domain.create(f.name("domain"), description="of a test"),
    "domain update": lambda s, f: s.Domain.update(f.name("domain"), description="changed"),
    "domain deactivate": lambda s, f: s.Domain.update(f.name("domain"), is_active=False),
    "group list": lambda s, f: s.Group.list("default"),
    "group detail": lambda s, f: s.Group.detail(group(f)),
    "group from name": lambda s, f: s.Group.from_name("default"),
    "group create": lambda s, f: s.Group.create(
        "default", f.name("group"), total_resource_slots="{}", allowed_vfolder_hosts="{}"
    ),
    "group update": lambda s, f: s.Group.update(
        f.found("group create", "group", "id"), description="changed"
    ),
    "user list": lambda s, f: s.User.list(),
    "user page": lambda s, f: s.User.paginated_list(),
    "user page ordered": lambda s, f: s.User.paginated_list(order="email"),
    "user page filtered": lambda s, f: s.User.paginated_list(filter='role == "superadmin"'),
    "user own": lambda s, f: s.User.detail(),
    "user own by uuid": lambda s, f: s.User.detail_by_uuid(f.found("user own", "uuid")),
    "user create": lambda s, f: s.User.create(
        "default", f.mail("one"), "Secret!123", username=f.name("one"), full_name="One Test"
    ),
    "user create again": lambda s, f: s.User.create("default", f.mail("one"), "Secret!123"),
    "user detail": lambda s, f: s.User.detail(f.mail("one")),
    "user update": lambda s, f: s.User.update(f.mail("one"), full_name="One Other"),
    "user authorize": lambda s, f: s.User.authorize(f.mail("one"), "Secret!123"),
    "user authorize wrongly": lambda s, f: s.User.authorize(f.mail("one"), "wrong"),
    "group add users": lambda s, f: s.Group.add_users(
        f.found("group create", "group", "id"), [f.found("user detail", "uuid")]
    ),
    "group remove users": lambda s, f: s.Group.remove_users(
        f.found("group create", "group", "id"), [f.found("user detail", "uuid")]
    ),
    "keypair create": lambda s, f: s.KeyPair.create(
        f.mail("one"), resource_policy="default", rate_limit=1000
    ),
    "keypair update": lambda s, f: s.KeyPair.update(
        f.found("keypair create", "keypair", "access_key"), rate_limit=2000
    ),
    "keypair deactivate": lambda s, f: s.KeyPair.deactivate(
        f.found("keypair create", "keypair", "access_key")
    ),
    "keypair activate": lambda s, f: s.KeyPair.activate(
        f.found("keypair create", "keypair", "access_key")
    ),
    "keypair delete": lambda s, f: s.KeyPair.delete(
        f.found("keypair create", "keypair", "access_key")
    ),
}
POLICY = {
    "default_for_unspecified": "UNLIMITED",
    "total_resource_slots": "{}",
    "max_session_lifetime": 0,
    "max_concurrent_sessions": 3,
    "max_concurrent_sftp_sessions": 1,
    "max_containers_per_session": 1,
    "idle_timeout": 600,
    "vfolder_host_perms": "{}",
}
POLICIES: Mapping[str, Call] = {
    "policy list": lambda s, f: s.KeypairResourcePolicy.list(),
    "policy own": lambda s, f: s.KeypairResourcePolicy(s.config.access_key).info("default"),
    "policy create": lambda s, f: s.KeypairResourcePolicy.create(f.name("policy"), **POLICY),
    "policy update": lambda s, f: s.KeypairResourcePolicy.update(
        f.name("policy"), max_concurrent_sessions=4
    ),
    "policy delete": lambda s, f: s.KeypairResourcePolicy.delete(f.name("policy")),
    "scaling group available": lambda s, f: s.ScalingGroup.list_available("default"),
    "scaling group list": lambda s, f: s.ScalingGroup.list(),
    "scaling group detail": lambda s, f: s.ScalingGroup.detail("default"),
    "scaling group create": lambda s, f: s.ScalingGroup.create(
        f.name("sgroup"), description="a test", driver="static", scheduler="fifo"
    ),
    "scaling group update": lambda s, f: s.ScalingGroup.update(
        f.name("sgroup"), description="changed", scheduler="lifo"
    ),
    "scaling group to domain": lambda s, f: s.ScalingGroup.associate_domain(
        f.name("sgroup"), "default"
    ),
    "scaling group from domain": lambda s, f: s.ScalingGroup.dissociate_domain(
        f.name("sgroup"), "default"
    ),
    "scaling group to group": lambda s, f: s.ScalingGroup.associate_group(
        f.name("sgroup"), f.found("group create", "group", "id")
    ),
    "scaling group from group": lambda s, f: s.ScalingGroup.dissociate_group(
        f.name("sgroup"), f.found("group create", "group", "id")
    ),
    "scaling group from all of a domain": lambda s, f: s.ScalingGroup.dissociate_all_domain(
        f.name("domain")
    ),
    "scaling group from all of a group": lambda s, f: s.ScalingGroup.dissociate_all_group(
        f.found("group create", "group", "id")
    ),
    "scaling group delete": lambda s, f: s.ScalingGroup.delete(f.name("sgroup")),
}
MACHINE: Mapping[str, Call] = {
    "agent list": lambda s, f: s.Agent.paginated_list(),
    "agent list ordered": lambda s, f: s.Agent.paginated_list(order="id"),
    "agent list filtered": lambda s, f: s.Agent.paginated_list(filter='status == "ALIVE"'),
    "agent detail": lambda s, f: s.Agent.detail(f.found("agent list").items[0]["id"]),
    "storage list": lambda s, f: s.Storage.paginated_list(),
    "storage detail": lambda s, f: s.Storage.detail(f.found("storage list").items[0]["id"]),
    "presets": lambda s, f: s.Resource.list(),
    "check presets": lambda s, f: s.Resource.check_presets(),
    "registries": lambda s, f: s.Resource.get_docker_registries(),
    "usage of a month": lambda s, f: s.Resource.usage_per_month("202611", [group(f)]),
    "usage of a period": lambda s, f: s.Resource.usage_per_period(group(f), "20261101", "20261130"),
    "usage of too long a period": lambda s, f: s.Resource.usage_per_period(
        group(f), "20250101", "20261130"
    ),
    "slots": lambda s, f: s.Resource.get_resource_slots(),
    "types of folders": lambda s, f: s.Resource.get_vfolder_types(),
    "recalculate usage": lambda s, f: s.Resource.recalculate_usage(),
    "own stats": lambda s, f: s.Resource.user_monthly_stats(),
    "all stats": lambda s, f: s.Resource.admin_monthly_stats(),
    "image list": lambda s, f: s.Image.list(),
    "image list for operators": lambda s, f: s.Image.list(operation=True),
    "image alias": lambda s, f: s.Image.alias_image(f.name("alias"), f.image),
    "image dealias": lambda s, f: s.Image.dealias_image(f.name("alias")),
    "image import form": lambda s, f: s.Image.get_image_import_form(),
    "etcd set": lambda s, f: s.EtcdConfig.set(f"sdk/{f.token}/key", "value"),
    "etcd get": lambda s, f: s.EtcdConfig.get(f"sdk/{f.token}/key"),
    "etcd get tree": lambda s, f: s.EtcdConfig.get(f"sdk/{f.token}", prefix=True),
    "etcd get an empty part": lambda s, f: s.EtcdConfig.get(f"sdk//{f.token}", prefix=True),
    "etcd delete": lambda s, f: s.EtcdConfig.delete(f"sdk/{f.token}", prefix=True),
    "service list": lambda s, f: s.Service.list(),
    "service page": lambda s, f: s.Service.paginated_list(),
    "service info": lambda s, f: s.Service(uuid.UUID(NOBODY)).info(),
    "model page": lambda s, f: s.Model.paginated_list(),
}
FILES: Mapping[str, Call] = {
    "folder hosts": lambda s, f: s.VFolder.list_hosts(),
    "folder all hosts": lambda s, f: s.VFolder.list_all_hosts(),
    "folder types": lambda s, f: s.VFolder.list_allowed_types(),
    "folder mounts": lambda s, f: s.VFolder.list_mounts(),
    "folder fstab": lambda s, f: s.VFolder.get_fstab_contents(),
    "folder mount host": lambda s, f: s.VFolder.mount_host(f.name("host"), "127.0.0.1:/x"),
    "folder performance": lambda s, f: s.VFolder.get_performance_metric(
        f.found("folder hosts", "default")
    ),
    "folder create": lambda s, f: s.VFolder.create(f.name("files"), cloneable=True),
    "folder create again": lambda s, f: s.VFolder.create(f.name("files")),
    "folder list": lambda s, f: s.VFolder.list(),
    "folder page": lambda s, f: s.VFolder.paginated_list(),
    "folder page own": lambda s, f: s.VFolder.paginated_own_list(),
    "folder page invited": lambda s, f: s.VFolder.paginated_invited_list(),
    "folder page of projects": lambda s, f: s.VFolder.paginated_project_list(),
    "folder info": lambda s, f: folder(s, f).info(),
    "folder mkdir": lambda s, f: folder(s, f).mkdir("inner/most", parents=True),
    "folder upload": lambda s, f: folder(s, f).upload([f.folder / "sent.txt"], basedir=f.folder),
    "folder ls": lambda s, f: folder(s, f).list_files("."),
    "folder ls inner": lambda s, f: folder(s, f).list_files("inner"),
    "folder rename file": lambda s, f: folder(s, f).rename_file("sent.txt", "named.txt"),
    "folder move file": lambda s, f: folder(s, f).move_file("named.txt", "inner/moved.txt"),
    "folder download": lambda s, f: folder(s, f).download(
        ["inner/moved.txt"], basedir=f.folder / "got"
    ),
    "folder delete files": lambda s, f: folder(s, f).delete_files(["inner"], recursive=True),
    "folder delete no file": lambda s, f: folder(s, f).delete_files(["nowhere"]),
    "folder options": lambda s, f: folder(s, f).update_options(f.name("files"), permission="rw"),
    "folder invite": lambda s, f: folder(s, f).invite("ro", [f.mail("one")]),
    "folder invitations": lambda s, f: s.VFolder.invitations(),
    "folder accept none": lambda s, f: s.VFolder.accept_invitation(NOBODY),
    "folder shared list": lambda s, f: s.VFolder.list_shared_vfolders(),
    "folder shared info": lambda s, f: s.VFolder.shared_vfolder_info(f.found("folder info", "id")),
    "folder clone": lambda s, f: folder(s, f).clone(f.name("copy")),
    "folder rename": lambda s, f: s.VFolder(f.name("files")).rename(f.name("named")),
    "folder delete": lambda s, f: s.VFolder(f.name("named")).delete(),
    "folder info of none": lambda s, f: s.VFolder(f.name("nowhere")).info(),
    "dotfile create": lambda s, f: s.Dotfile.create("set nu\n", f".{f.token}rc", "644"),
    "dotfile create again": lambda s, f: s.Dotfile.create("set nu\n", f".{f.token}rc", "644"),
    "dotfile list": lambda s, f: s.Dotfile.list_dotfiles(),
    "dotfile get": lambda s, f: s.Dotfile(f".{f.token}rc").get(),
    "dotfile update": lambda s, f: s.Dotfile(f".{f.token}rc").update("set nonu\n", "600"),
    "dotfile delete": lambda s, f: s.Dotfile(f".{f.token}rc").delete(),
    "dotfile get none": lambda s, f: s.Dotfile(f".{f.token}rc").get(),
}


def template(f: Facts) -> str:
    """Return a template of a session, as JSON, which is YAML, too."""
    kernel = {"image": f.image, "environ": {}, "run": None, "git": None}
    spec = {"kernel": kernel, "session_type": "interactive", "mounts": {}, "environ": {}}
    spec["resources"] = {"cpu": "1", "mem": "512m"}
    head = {"api_version": "v1", "kind": "taskTemplate", "metadata": {"name": f.name("tpl")}}
    return json.dumps([{"template": {**head, "spec": spec}, "name": f.name("tpl")}])


def create(s: Any, f: Facts, **more: Any) -> Any:
    """Have a session created, or used again."""
    return s.ComputeSession.get_or_create(
        f.image,
        name=f.name("run"),
        resources={"cpu": "1", "mem": "512m"},
        envs={"GREETING": "hello"},
        tag="a test",
        **more,
    )


SESSIONS: Mapping[str, Call] = {
    "session create": create,
    "session create again": create,
    "session create without reuse": lambda s, f: create(s, f, no_reuse=True),
    "session create of no image": lambda s, f: s.ComputeSession.get_or_create(
        "nothing:1.0", name=f.name("none")
    ),
    "session create of a bad name": lambda s, f: s.ComputeSession.get_or_create(
        f.image, name="a b"
    ),
    "session create of no slot": lambda s, f: s.ComputeSession.get_or_create(
        f.image, name=f.name("none"), resources={"nothing.device": "1"}
    ),
    "session info": lambda s, f: own(s, f).get_info(),
    "session page": lambda s, f: s.ComputeSession.paginated_list(),
    "session page running": lambda s, f: s.ComputeSession.paginated_list(status="RUNNING"),
    "session page filtered": lambda s, f: s.ComputeSession.paginated_list(
        filter=f'name == "{f.name("run")}"'
    ),
    "session page ordered": lambda s, f: s.ComputeSession.paginated_list(order="-created_at"),
    "session execute": lambda s, f: own(s, f).execute(f.token, code="print(6 * 7)"),
    "session execute goes on": lambda s, f: own(s, f).execute(f.token, mode="continue", code=""),
    "session execute batch": lambda s, f: own(s, f).execute(
        mode="batch", code="", opts={"clean": None, "build": "true", "exec": "echo done"}
    ),
    "session execute badly": lambda s, f: own(s, f).execute(mode="nothing", code="1"),
    "session complete": lambda s, f: own(s, f).complete("pri", {"row": 0, "col": 3}),
    "session upload": lambda s, f: own(s, f).upload([f.folder / "sent.txt"], f.folder),
    "session ls": lambda s, f: own(s, f).list_files("."),
    "session download": lambda s, f: own(s, f).download(["sent.txt"], f.folder / "got"),
    "session download nothing": lambda s, f: own(s, f).download(["nowhere"], f.folder / "got"),
    "session logs": lambda s, f: own(s, f).get_logs(),
    "session apps": lambda s, f: own(s, f).stream_app_info(),
    "session dependency graph": lambda s, f: own(s, f).get_dependency_graph(),
    "session status history": lambda s, f: own(s, f).get_status_history(),
    "session abusing report": lambda s, f: own(s, f).get_abusing_report(),
    "session task logs": lambda s, f: s.ComputeSession.get_task_logs(NOBODY),
    "session interrupt": lambda s, f: own(s, f).interrupt(),
    "session commit": lambda s, f: own(s, f).commit(),
    "session rename": lambda s, f: own(s, f).rename(f.name("new")),
    "session rename back": lambda s, f: s.ComputeSession(f.name("new")).rename(f.name("run")),
    "session restart": lambda s, f: own(s, f).restart(),
    "session info after": lambda s, f: own(s, f).get_info(),
    "session info of none": lambda s, f: s.ComputeSession(f.name("none")).get_info(),
    "template create": lambda s, f: s.SessionTemplate.create(template(f)),
    "template list": lambda s, f: s.SessionTemplate.list_templates(),
    "template get": lambda s, f: f.found("template create").get(),
    "template get as JSON": lambda s, f: f.found("template create").get("json"),
    "template put": lambda s, f: f.found("template create").put(template(f)),
    "template delete": lambda s, f: f.found("template create").delete(),
    "session destroy": lambda s, f: own(s, f).destroy(),
    "session destroy again": lambda s, f: own(s, f).destroy(),
    "session logs after": lambda s, f: own(s, f).get_logs(),
}
END: Mapping[str, Call] = {
    "folder delete clone": lambda s, f: s.VFolder(f.name("copy")).delete(),  # now it is there
    "user delete": lambda s, f: s.User.delete(f.mail("one")),
    "user purge": lambda s, f: s.User.purge(f.mail("one")),
    "user purge again": lambda s, f: s.User.purge(f.mail("one")),
    "group delete": lambda s, f: s.Group.delete(f.found("group create", "group", "id")),
    "group purge": lambda s, f: s.Group.purge(f.found("group create", "group", "id")),
    "domain delete": lambda s, f: s.Domain.delete(f.name("domain")),
    "domain purge": lambda s, f: s.Domain.purge(f.name("domain")),
}
CALLS: Mapping[str, Call] = {
    **SYSTEM, **PEOPLE, **POLICIES, **MACHINE, **FILES, **SESSIONS, **END,
}  # fmt: skip
REFUSED = frozenset({
    "query that is wrong",
    "keypair page bad filter",
    "user create again",
    "user authorize wrongly",
    "usage of too long a period",
    "service info",
    "folder create again",
    "folder delete no file",
    "folder accept none",
    "folder info of none",
    "dotfile create again",
    "dotfile get none",
    "session create without reuse",
    "session create of no image",
    "session create of a bad name",
    "session create of no slot",
    "session execute badly",
    "session download nothing",
    "session info of none",
    "session destroy again",
})  # fmt: skip
"""Calls that every cluster should refuse, or the SDK itself."""
