"""What is given to each command, in the order in which they are run.

Names in braces are learned on the way: `{x}` begins the names of what the walk makes, `{image}` is
an image, `{folder_id}` and the like are asked for when they are needed. What follows `//` is given
to a program whose command takes no arguments, what follows `<<` is typed into it, a word a line.
Signs before a name:

    ~  the command goes on until it is stopped
    !  it would disturb others who use the cluster: it is left out where there may be any
    @  the user whom the walk has made runs it
    $  it runs at a terminal
    +  atoll itself runs it, to prepare what follows; it stands in no table

A command that several lines try has what the first of them came to.
"""

from attrs import frozen

_WALK = """
admin domain add: {x}d
admin domain list:
admin domain info: {x}d // -n {x}d
admin domain update: {x}d --description other
admin group add: default {x}g
admin group list:
admin groups-by-name: {x}g
admin group info: {gid}
admin group update: {gid} --description other
admin user add: default {x}u@example.org s3cret-Pass1
admin user list:
admin user info: -e {x}u@example.org
admin user update: {x}u@example.org -n Other
admin group add-users: {gid} {uuid}
admin keypair add: {x}u@example.org default
admin keypair list:
admin keypair info:
admin keypair update: {key} --rate-limit 100 --is-active true --resource-policy default
admin keypair deactivate: {key}
admin keypair activate: {key}
admin keypair delete: {key}
admin keypair-resource-policy add: {x}p
admin keypair-resource-policy list:
admin keypair-resource-policy info: {x}p // -n {x}p
admin keypair-resource-policy update: {x}p --max-concurrent-sessions 3
admin keypair-resource-policy delete: {x}p
admin scaling-group add: {x}s --driver static --scheduler fifo
admin scaling-group list:
admin scaling-group info: {x}s // -n {x}s
admin scaling-group update: {x}s -d other
admin scaling-group associate-scaling-group: {x}s {x}d
admin scaling-group dissociate-scaling-group: {x}s {x}d
admin scaling-group get-available: default
admin scaling-group delete: {x}s
admin image list:
admin image alias: {x}i {image}
admin image dealias: {x}i
!admin image rescan:
image list:
admin agent list:
admin agent info: {agent}
admin storage list:
admin storage info: {host}
admin etcd set: {x}k blue
admin etcd get: {x}k
admin etcd delete: {x}k
admin license show:
admin permission list:
admin resource query-slots:
admin resource resource-slots:
admin resource docker-registries:
admin resource container-registries:
admin resource vfolder-types:
!admin resource recalculate-usage:
admin resource usage-per-month: 202611
admin resource usage-per-period: default 20261120 20261123
admin session list:
admin vfolder list:
admin vfolder list-hosts:
admin vfolder list-mounts:
admin vfolder get-fstab-contents:
admin vfolder perf-metric: {host}
!admin vfolder mount-host: nowhere:/x {x}m
!admin vfolder umount-host: {x}m
admin quota-scope get: {host} {x}u@example.org
admin quota-scope set: {host} {x}u@example.org 1g
admin quota-scope unset: {host} {x}u@example.org
admin watcher status: {agent}
!admin watcher agent-stop: {agent}
!admin watcher agent-start: {agent}
!admin watcher agent-restart: {agent}
admin manager status:
!admin manager freeze:
!admin manager unfreeze:
!admin manager scheduler exclude-agents: {agent}
!admin manager scheduler include-agents: {agent}
admin announcement update: -m hello
admin announcement get:
admin announcement dismiss:
admin announcement delete:
admin server-logs list:
config:
@update-password: s3cret-Pass1 s3cret-Pass2 s3cret-Pass2
+admin user update {x}u@example.org --need-password-change
update-password-no-auth: default {x}u@example.org s3cret-Pass2 s3cret-Pass3
vfolder create: {x}f {host}
vfolder list:
vfolder list-own:
vfolder list-hosts:
vfolder list-allowed-types:
vfolder info: {x}f
vfolder mkdir: {x}f sub
vfolder upload: {x}f note.txt
+vfolder upload {x}f spare.txt
vfolder ls: {x}f
vfolder rename-file: {x}f note.txt other.txt
vfolder download: {x}f other.txt
vfolder request-download: {x}f other.txt
vfolder cp: {x}f:other.txt copied.txt
vfolder mv: {x}f other.txt sub/other.txt
vfolder rm: {x}f spare.txt
vfolder update-options: {x}f -p rw --set-cloneable true
vfolder clone: {x}f {x}k {host}
+vfolder delete -y {x}k
vfolder invite: {x}f {x}u@example.org
@vfolder invitations: << 1 a
+@vfolder invitations --accept {x}f
@vfolder list-invited:
@vfolder leave: {x}f
+admin group add-users {default_gid} {uuid}
+vfolder create -g default {x}g {host}
vfolder list-project:
vfolder share: {x}g {x}u@example.org
admin vfolder list-shared-vfolders:
admin vfolder shared-vfolder-info: {shared_id}
admin vfolder update-shared-vf-permission: {shared_id} {uuid} -p ro
vfolder unshare: {x}g {x}u@example.org
+vfolder share {x}g {x}u@example.org
admin vfolder remove-shared-vf-permission: {shared_id} {uuid}
+vfolder create {x}o {host}
admin vfolder change-vfolder-ownership: {folder_id} {x}u@example.org
vfolder rename: {x}f {x}r
+vfolder create {x}c {host}
vfolder delete: {x}c
vfolder restore: {x}c
vfolder delete: {x}c
vfolder recover: {x}c
vfolder delete: {x}c
vfolder purge: {x}c
+vfolder create {x}e {host}
vfolder delete: {x}e
vfolder delete-trash: {x}e
+vfolder delete -y {x}g
model create: {x}m {host}
model list:
model info: {x}m
model upload: {x}m note.txt 1
model download: {x}m note.txt 1
model rm: {x}m
dotfile create: -f note.txt --perm 644 .{x}note
dotfile list:
dotfile get: .{x}note
dotfile update: -f note.txt --perm 600 .{x}note
dotfile delete: -f .{x}note
session-template create: -f template.yaml
session-template list:
session-template check: template.yaml
session-template get: {template}
session-template update: -f template.yaml {template}
session create-from-template: --enqueue-only {template}
session-template delete: -f {template}
+vfolder create .logs {host}
+run --rm -v {x}r --env-range X=case:0,1 -e 'X=$X' --exec 'python3 case.py' {image} case.py
sweep list:
sweep status: {sweep}
sweep logs: {sweep} 1
sweep results: {sweep} --metric 'loss=(\\S+)'
sweep plot: {sweep} --metric 'loss=(\\S+)' -x X -y loss
+vfolder mkdir {x}r go
sweep resume: {sweep}
+vfolder rm -r -y {x}r go
+run --rm -v {x}r --env-range X=case:0,1 -e 'X=$X' --exec 'python3 case.py' {image} case.py
+vfolder mkdir {x}r go
sweep retry-failed: {sweep}
sweep rm: {sweep}
+run --rm --detach --exec-range X=case:8,9 --exec 'sleep $X$X' {image} note.txt
sweep cancel: {sweep}
+sweep cancel {sweep}
session create: -t {x}-a -r cpu=1 -r mem=512m {image}
session list:
session info: {session_id}
admin session info: {session_id}
session run: -t {x}-a -c 'print(6*7)' {image}
session logs: {x}-a
task-logs: {task}
session upload: {x}-a note.txt
session ls: {x}-a
session download: {x}-a note.txt
session status-history: {x}-a
session abuse-history: {x}-a
session show-graph: {x}-a
session set-priority: {session_id} 5
session wait: {x}-a
~session events: {x}-a
~session watch: {x}-a
~session app: {x}-a jupyter
session apps: {x}-a
~proxy: -p 0
session ssh: {x}-a true
session scp: {x}-a -r note.txt work@localhost:/home/work/
~$shell: {x}-a
sftp: {x}-a -b /dev/null
~connect: {x}-a sshd
speedtest: {x}-a
ssh-config: -F config
session commit: {x}-a
session convert-to-image: {x}-a {x}image
image forget: {made_image} --arch {arch}
+session convert-to-image {x}-a {x}image
image purge: {made_image} --arch {arch}
session restart: {x}-a
session rename: {x}-a {x}b
session destroy: -f {session_id}
service list:
service info: {x}nowhere
service create: {image} {x}r 1
service try-start: {image} {x}r
service get-endpoint: {x}nowhere
service generate-token: {x}nowhere 1h
service scale: {x}nowhere 1
service sync: {x}nowhere
service update-traffic-ratio: {x}nowhere {uuid} 1
service downscale-route: {x}nowhere {uuid} 1
service rm: {x}nowhere
+vfolder delete -y .logs
+vfolder delete -y {x}r
admin group remove-users: {gid} {uuid}
admin user delete: {x}u@example.org
admin user purge: {x}u@example.org
admin group delete: {gid}
admin group purge: {gid}
admin domain delete: {x}d
admin domain purge: {x}d
"""


@frozen
class Step:
    """One line of the walk."""

    name: str
    given: str
    otherwise: str | None
    typed: str
    signs: str

    @property
    def goes_on(self) -> bool:
        """Whether the command ends only when it is stopped."""
        return "~" in self.signs

    @property
    def disturbs(self) -> bool:
        """Whether others who use the cluster would notice."""
        return "!" in self.signs

    @property
    def is_of_user(self) -> bool:
        """Whether the user whom the walk has made runs it."""
        return "@" in self.signs

    @property
    def needs_terminal(self) -> bool:
        """Whether it runs at a terminal."""
        return "$" in self.signs

    @property
    def prepares(self) -> bool:
        """Whether atoll itself runs it, for the steps that follow."""
        return "+" in self.signs

    def arguments(self, *, takes_arguments: bool) -> str:
        """Return what is given to a command."""
        spare = self.otherwise is not None and not takes_arguments
        return (self.otherwise or "") if spare else self.given


_SIGNS = "~!@$+"


def _step(line: str) -> Step:
    bare = line.lstrip(_SIGNS)
    signs = line.removesuffix(bare)
    name, _, given = ("", "", bare) if "+" in signs else bare.partition(":")
    given, _, typed = given.partition("<<")
    given, _, otherwise = given.partition("//")
    return Step(
        name=name,
        given=given.strip(),
        otherwise=otherwise.strip() or None,
        typed="\n".join([*(typed.split() or "y"), ""]),
        signs=signs,
    )


STEPS = [_step(line) for line in _WALK.strip().splitlines()]
