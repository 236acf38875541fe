"""The records of the store, one frozen class for each kind; times are in `clock`'s format."""

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from atoll_cluster.store.rows import LARGEST_SIZE, json_field, whole_field

DEAD = frozenset({"TERMINATED", "CANCELLED"})
"""Final statuses: another session may then use the same name."""

ENDED = DEAD | {"ERROR"}
"""Statuses in which no kernel of a session runs."""

STATUSES = (
    "PENDING", "SCHEDULED", "PREPARING", "PULLING", "BUILDING", "RUNNING", "RESTARTING", "RESIZING",
    "SUSPENDED", "RUNNING_DEGRADED", "TERMINATING", "TERMINATED", "ERROR", "CANCELLED",
    "DEPRIORITIZING", "RESERVED", "PREPARED", "CREATING", "PREEMPTED", "RESCHEDULING",
)  # fmt: skip
"""All statuses that a client of any release may ask for; this cluster uses only some."""


@frozen(kw_only=True)
class Domain:
    """A tenant, which has users and groups."""

    name: str
    description: str = ""
    is_active: bool = True
    created_at: str
    modified_at: str
    total_resource_slots: Mapping[str, str] = json_field(dict)
    allowed_vfolder_hosts: Mapping[str, Sequence[str]] = json_field(dict)
    allowed_docker_registries: Sequence[str] = json_field(list)
    integration_id: str | None = None


@frozen(kw_only=True)
class Group:
    """A project, which has sessions and folders."""

    id: str
    name: str
    domain_name: str
    description: str = ""
    is_active: bool = True
    created_at: str
    modified_at: str
    total_resource_slots: Mapping[str, str] = json_field(dict)
    allowed_vfolder_hosts: Mapping[str, Sequence[str]] = json_field(dict)
    resource_policy: str = "default"
    integration_id: str | None = None


@frozen(kw_only=True)
class User:
    """A person; `role` is `superadmin`, `admin` (of the domain), `user` or `monitor`.

    `password` is a salted hash, None as long as there is no password; `allowed_client_ip` are the
    networks from which the user may send requests, None for all.
    """

    uuid: str
    username: str
    email: str
    password: str | None = field(default=None, repr=False)
    need_password_change: bool = False
    full_name: str = ""
    description: str = ""
    is_active: bool = True
    status: str = "active"
    status_info: str | None = None
    role: str = "user"
    domain_name: str = "default"
    resource_policy: str = "default"
    main_access_key: str | None = None
    allowed_client_ip: Sequence[str] | None = json_field(lambda: None)
    totp_activated: bool = False
    sudo_session_enabled: bool = False
    container_uid: int | None = whole_field(None)
    container_main_gid: int | None = whole_field(None)
    container_gids: Sequence[int] | None = json_field(lambda: None)
    created_at: str
    modified_at: str


@frozen(kw_only=True)
class KeyPair:
    """The keys that sign a user's requests; `rate_limit` is requests per 15 minutes."""

    access_key: str
    secret_key: str = field(repr=False)
    user: str
    is_active: bool = True
    is_admin: bool = False
    resource_policy: str = "default"
    rate_limit: int = whole_field(30000)
    created_at: str
    last_used: str | None = None
    num_queries: int = whole_field(0, most=LARGEST_SIZE)
    ssh_public_key: str | None = None
    ssh_private_key: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class KeyPairResourcePolicy:
    """Limits of one keypair; durations are in seconds, sizes in bytes, 0 means no limit.

    A slot that `total_resource_slots` does not name has no limit; if `default_for_unspecified` is
    `LIMITED`, sessions cannot use it at all.
    """

    name: str
    created_at: str
    default_for_unspecified: str = "UNLIMITED"
    total_resource_slots: Mapping[str, str] = json_field(dict)
    max_session_lifetime: int = whole_field(0)
    max_concurrent_sessions: int = whole_field(64)
    max_containers_per_session: int = whole_field(8)
    max_concurrent_sftp_sessions: int = whole_field(1)
    max_pending_session_count: int | None = whole_field(None)
    max_pending_session_resource_slots: Mapping[str, str] | None = json_field(lambda: None)
    idle_timeout: int = whole_field(1800)
    max_vfolder_count: int = whole_field(0, least=-1)
    max_vfolder_size: int = whole_field(0, least=-1, most=LARGEST_SIZE)
    max_quota_scope_size: int = whole_field(0, least=-1, most=LARGEST_SIZE)
    allowed_vfolder_hosts: Mapping[str, Sequence[str]] = json_field(dict)


@frozen(kw_only=True)
class Session:
    """A session: what was requested, and its present state; `requested_slots` are per kernel."""

    id: str
    name: str
    type: str = "INTERACTIVE"
    image: str
    asked_image: str
    architecture: str = "x86_64"
    access_key: str
    user_uuid: str
    domain_name: str = "default"
    group_id: str
    scaling_group: str = "default"
    tag: str | None = None
    cluster_mode: str = "single-node"
    cluster_size: int = whole_field(1, least=1)
    priority: int = whole_field(10, most=100)
    requested_slots: Mapping[str, str] = json_field(dict)
    resource_opts: Mapping[str, object] = json_field(dict)
    environ: Mapping[str, str] = json_field(dict)
    preopen_ports: Sequence[int] = json_field(list)
    dependencies: Sequence[str] = json_field(list)
    vfolder_mounts: Sequence[Mapping[str, str]] = json_field(list)
    startup_command: str | None = None
    bootstrap_script: str | None = None
    callback_url: str | None = None
    starts_at: str | None = None
    status: str = "PENDING"
    status_info: str | None = None
    status_data: Mapping[str, object] | None = json_field(lambda: None)
    status_changed: str
    result: str = "UNDEFINED"
    exit_code: int | None = None
    created_at: str
    scheduled_at: str | None = None
    terminated_at: str | None = None
    num_queries: int = whole_field(0, most=LARGEST_SIZE)
    active_at: str | None = None


@frozen(kw_only=True)
class KernelRow:
    """A kernel of a session: its slots, its resource use, and how it ended.

    `agent` is the machine where it runs or ran. `engine_id` is its id in the engine, and `ends_at`
    is the time when the engine will end it. Each is None if it is unknown or does not apply.
    """

    id: str
    session_id: str
    cluster_role: str = "main"
    cluster_idx: int = whole_field(1)
    cluster_hostname: str = "main1"
    status: str = "PENDING"
    status_info: str | None = None
    status_changed: str
    created_at: str
    terminated_at: str | None = None
    occupied_slots: Mapping[str, str] = json_field(dict)
    cpus: Sequence[int] = json_field(list)
    devices: Sequence[int] = json_field(list)
    address: str | None = None
    container_id: str | None = None
    exit_code: int | None = None
    status_data: Mapping[str, object] | None = json_field(lambda: None)
    agent: str | None = None
    engine_id: str | None = None
    ends_at: str | None = None
    last_stat: Mapping[str, object] | None = json_field(lambda: None)
