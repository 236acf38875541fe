"""Records of folders, hosts and invitations, as the API returns them."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from attrs import frozen

from atoll.reading import record


@frozen(kw_only=True)
class Folder:
    """A virtual folder; attributes are the keys of `GET /folders` (every release).

    `id` has 32 hexadecimal digits. `permission` is the caller's own: `ro`, `rw` or `wd`, which also
    allows deleting. Sizes are in MiB, times ISO 8601 text. `address` is its name in routes.
    """

    id: str
    name: str
    host: str = ""
    status: str = "ready"
    usage_mode: str = "general"
    permission: str | None = None
    ownership_type: str = "user"
    is_owner: bool = True
    user: str | None = None
    group: str | None = None
    user_email: str | None = None
    group_name: str | None = None
    creator: str | None = None
    quota_scope_id: str | None = None
    cloneable: bool | None = None
    created_at: str | None = None
    last_used: str | None = None
    max_files: int | None = None
    max_size: float | None = None
    cur_size: float | None = None
    num_files: int | None = None
    used_bytes: int | None = None
    address: str = ""

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Take the known fields from an entry of the API."""
        # 26.x has another name for the number of files, and 23.09 writes "None" if there is no
        # owner.
        fields: dict[str, Any] = {"num_files": entry.get("numFiles"), **entry}
        reserved = {key: value for key, value in fields.items() if value != "None"}
        return record(cls, {**reserved, "id": entry["id"].replace("-", "")})

    @property
    def usable(self) -> bool:
        """Whether files can be accessed, according to the status; unknown statuses count as
        usable.
        """
        return not self.status.startswith("delet")

    @property
    def owner(self) -> str:
        """The owner, as text for people."""
        if self.ownership_type == "group":
            return f"group {self.group_name or self.group}"
        return self.user_email or self.creator or self.user or ""

    @property
    def described(self) -> str:
        """Text that distinguishes it from another folder of the same name."""
        whose = "yours" if self.is_owner and self.ownership_type == "user" else f"of {self.owner}"
        return f"{whose}, on {self.host}" if self.usable else f"{whose}, {self.status}"


@frozen(kw_only=True)
class Host:
    """A storage host for folders, `proxy:volume`; sizes are in bytes."""

    name: str
    default: bool = False
    backend: str = ""
    capabilities: Sequence[str] = ()
    used: int | None = None
    total: int | None = None

    @classmethod
    def from_answer(cls, name: str, answer: Mapping[str, Any]) -> Self:
        """Take one host from the answer about all of them."""
        info = (answer.get("volume_info") or {}).get(name) or {}
        usage = info.get("usage") or {}
        facts = {**info, **usage, "name": name, "default": name == answer.get("default")}
        return record(cls, facts)


@frozen(kw_only=True)
class Invitation:
    """An invitation to a folder (`GET /folders/invitations/list`)."""

    id: str
    vfolder_id: str
    vfolder_name: str
    inviter: str
    invitee: str = ""
    perm: str = ""
    state: str = ""
    created_at: str | None = None

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Take the known fields from an entry of the API."""
        return record(cls, entry)
