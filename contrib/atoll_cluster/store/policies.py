"""Resource policies of users and projects, which limit their folders."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from atoll_cluster.store.rows import LARGEST_SIZE, whole_field

HOST_PERMISSIONS = (
    "create-vfolder", "modify-vfolder", "delete-vfolder", "mount-in-session", "upload-file",
    "download-file", "invite-others", "set-user-specific-permission",
)  # fmt: skip
"""The permissions that can be given on a folder host."""

HostPermissions = Mapping[str, Sequence[str]]


@frozen(kw_only=True)
class UserResourcePolicy:
    """Limits of a user's folders; sizes are in bytes, 0 means no limit."""

    name: str
    created_at: str
    max_vfolder_count: int = whole_field(0, least=-1)
    max_vfolder_size: int = whole_field(0, least=-1, most=LARGEST_SIZE)
    max_quota_scope_size: int = whole_field(0, least=-1, most=LARGEST_SIZE)
    max_session_count_per_model_session: int = whole_field(0)
    max_customized_image_count: int = whole_field(0)


@frozen(kw_only=True)
class ProjectResourcePolicy:
    """Limits of a group's folders; sizes are in bytes, 0 means no limit."""

    name: str
    created_at: str
    max_vfolder_count: int = whole_field(0, least=-1)
    max_vfolder_size: int = whole_field(0, least=-1, most=LARGEST_SIZE)
    max_quota_scope_size: int = whole_field(0, least=-1, most=LARGEST_SIZE)
    max_network_count: int = whole_field(0)
