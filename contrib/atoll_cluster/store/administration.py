"""The tables that administrators change: accounts, policies, scaling groups, images, error logs."""

from collections.abc import Mapping

from attrs import frozen

from atoll_cluster.store.database import Database
from atoll_cluster.store.policies import ProjectResourcePolicy, UserResourcePolicy
from atoll_cluster.store.records import Domain, Group, KeyPair, KeyPairResourcePolicy, User
from atoll_cluster.store.rows import LARGEST_SIZE, json_field, whole_field
from atoll_cluster.store.table import Counts, Table


@frozen(kw_only=True)
class ScalingGroup:
    """A set of agents; the table `scaling_group_access` says who may use it."""

    name: str
    description: str = ""
    is_active: bool = True
    is_public: bool = True
    created_at: str
    wsproxy_addr: str | None = None
    wsproxy_api_token: str | None = None
    driver: str = "static"
    driver_opts: Mapping[str, object] = json_field(dict)
    scheduler: str = "fifo"
    scheduler_opts: Mapping[str, object] = json_field(dict)
    use_host_network: bool = False


@frozen(kw_only=True)
class Agent:
    """The scaling group of an agent, and whether it accepts sessions."""

    id: str
    scaling_group: str
    schedulable: bool = True


@frozen(kw_only=True)
class ResourcePreset:
    """Named amounts of slots that users can request; `shared_memory` is in bytes."""

    name: str
    id: str
    resource_slots: Mapping[str, str] = json_field(dict)
    shared_memory: int | None = whole_field(None, most=LARGEST_SIZE)
    scaling_group_name: str | None = None


@frozen(kw_only=True)
class ImageAlias:
    """Another name of an image; `target` is its canonical name."""

    alias: str
    target: str


@frozen(kw_only=True)
class ForgottenImage:
    """An image that is hidden until the next scan."""

    name: str


COMMITTING, READY, DELETING = "committing", "ready", "deleting"
"""The statuses of committed images; sessions can use only ready ones."""


@frozen(kw_only=True)
class CommittedImage:
    """An image made from a session: a copy of its home, which the engine stores under `id`.

    `base` is the canonical name of its runtime. Only its owner and superadmins see it. `size` is in
    bytes.
    """

    id: str
    name: str
    tag: str
    base: str
    owner: str
    session_id: str
    size: int = whole_field(0, most=LARGEST_SIZE)
    status: str = COMMITTING
    created_at: str

    @property
    def canonical(self) -> str:
        """The name of the image, without the registry."""
        return f"{self.name}:{self.tag}"


@frozen(kw_only=True)
class ErrorLog:
    """An error that a program reported; `context_env` is JSON."""

    log_id: str
    created_at: str
    severity: str
    source: str
    user: str | None
    is_read: bool = False
    is_cleared: bool = False
    message: str
    context_lang: str
    context_env: str = "{}"
    request_url: str | None = None
    request_status: int | None = None
    traceback: str | None = None


@frozen(kw_only=True)
class Tables:
    """One table for each kind of record; the tables share a cache of counts."""

    domains: Table[Domain]
    groups: Table[Group]
    users: Table[User]
    keypairs: Table[KeyPair]
    keypair_policies: Table[KeyPairResourcePolicy]
    user_policies: Table[UserResourcePolicy]
    project_policies: Table[ProjectResourcePolicy]
    scaling_groups: Table[ScalingGroup]
    agents: Table[Agent]
    presets: Table[ResourcePreset]
    aliases: Table[ImageAlias]
    forgotten: Table[ForgottenImage]
    committed: Table[CommittedImage]
    error_logs: Table[ErrorLog]

    @classmethod
    def of(cls, db: Database) -> "Tables":
        """Return the tables of a database."""
        counts: Counts = {}
        return cls(
            domains=Table(db, "domains", Domain, "name", counts),
            groups=Table(db, "groups", Group, "id", counts),
            users=Table(db, "users", User, "uuid", counts),
            keypairs=Table(db, "keypairs", KeyPair, "access_key", counts),
            keypair_policies=Table(
                db, "keypair_resource_policies", KeyPairResourcePolicy, "name", counts
            ),
            user_policies=Table(db, "user_resource_policies", UserResourcePolicy, "name", counts),
            project_policies=Table(
                db, "project_resource_policies", ProjectResourcePolicy, "name", counts
            ),
            scaling_groups=Table(db, "scaling_groups", ScalingGroup, "name", counts),
            agents=Table(db, "agents", Agent, "id", counts),
            presets=Table(db, "resource_presets", ResourcePreset, "name", counts),
            aliases=Table(db, "image_aliases", ImageAlias, "alias", counts),
            forgotten=Table(db, "forgotten_images", ForgottenImage, "name", counts),
            committed=Table(db, "committed_images", CommittedImage, "id", counts),
            error_logs=Table(db, "error_logs", ErrorLog, "log_id", counts),
        )
