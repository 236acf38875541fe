"""What is given to each command, in the order in which they are run.

Names in braces are learned on the way: `{x}` begins the names of what the walk makes, `{image}` is
an image, `{folder_id}` and the like are asked for when they are needed. What follows `//` is given
to a program whose command takes no arguments. A line that begins with `~` goes on until it is
stopped, and one with `!` would disturb others who use the cluster: on a cluster that is not the
embedded one it is left out.
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
admin group remove-users: {gid} {uuid}
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
image forget: {x}nowhere
image purge: {x}nowhere
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
admin quota-scope get: {host} user:{uuid}
admin quota-scope set: {host} user:{uuid} 1g
admin quota-scope unset: {host} user:{uuid}
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
update-password: wrong s3cret-Pass1 s3cret-Pass1
update-password-no-auth: default nobody@example.org wrong s3cret-Pass1
vfolder create: {x}f {host}
vfolder list:
vfolder list-own:
vfolder list-invited:
vfolder list-project:
vfolder list-hosts:
vfolder list-allowed-types:
vfolder info: {x}f
vfolder mkdir: {x}f sub
vfolder upload: {x}f note.txt spare.txt
vfolder ls: {x}f
vfolder rename-file: {x}f note.txt other.txt
vfolder download: {x}f other.txt
vfolder request-download: {x}f other.txt
vfolder cp: {x}f:other.txt copied.txt
vfolder mv: {x}f other.txt sub/other.txt
vfolder rm: {x}f spare.txt
vfolder update-options: {x}f -p rw --set-cloneable true
vfolder clone: {x}f {x}c {host}
vfolder invite: {x}f {x}u@example.org
vfolder invitations:
vfolder share: {x}f {x}u@example.org
vfolder unshare: {x}f {x}u@example.org
admin vfolder list-shared-vfolders:
admin vfolder shared-vfolder-info: {folder_id}
admin vfolder update-shared-vf-permission: {folder_id} {uuid} -p ro
admin vfolder remove-shared-vf-permission: {folder_id} {uuid}
admin vfolder change-vfolder-ownership: {folder_id} admin@nowhere.example
vfolder leave: {x}f
vfolder rename: {x}f {x}r
vfolder delete: {x}c
vfolder restore: {x}c
vfolder recover: {x}c
vfolder purge: {x}c
vfolder delete-trash: {x}c
model create: {x}m {host}
model list:
model info: {x}m
model upload: {x}m 1 note.txt
model download: {x}m 1 note.txt
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
session create: -t {x}a -r cpu=1 -r mem=512m {image}
session list:
session info: {session_id}
admin session info: {session_id}
session run: -t {x}a -c 'print(6*7)' {image}
session logs: {x}a
task-logs: {task}
session upload: {x}a note.txt
session ls: {x}a
session download: {x}a note.txt
session status-history: {x}a
session abuse-history: {x}a
session show-graph: {x}a
session set-priority: {x}a 5
session wait: {x}a
~session events: {x}a
~session watch: {x}a
~session app: {x}a jupyter
session apps: {x}a
~proxy: -p 0
session ssh: {x}a true
session scp: {x}a -r note.txt work@localhost:/home/work/
~shell: {x}a
sftp: {x}a -b /dev/null
~connect: {x}a sshd
speedtest: {x}a
ssh-config: -F config
session commit: {x}a
session convert-to-image: {x}a {x}image
session restart: {x}a
session rename: {x}a {x}b
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
sweep list:
sweep status: nowhere
sweep logs: nowhere 1
sweep cancel: nowhere
sweep resume: nowhere
sweep retry-failed: nowhere
sweep rm: nowhere
vfolder delete: {x}r
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
    goes_on: bool
    disturbs: bool

    def arguments(self, *, takes_arguments: bool) -> str:
        """Return what is given to a command."""
        spare = self.otherwise is not None and not takes_arguments
        return (self.otherwise or "") if spare else self.given


def _step(line: str) -> Step:
    mark = line[0] if line[0] in "~!" else ""
    name, _, given = line.removeprefix(mark).partition(":")
    given, _, otherwise = given.partition("//")
    return Step(
        name=name,
        given=given.strip(),
        otherwise=otherwise.strip() or None,
        goes_on=mark == "~",
        disturbs=mark == "!",
    )


STEPS = [_step(line) for line in _WALK.strip().splitlines()]
