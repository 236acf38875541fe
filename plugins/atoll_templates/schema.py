"""The keys of a session template, as a table: spellings and types."""

from collections.abc import Sequence

from attrs import frozen


@frozen(kw_only=True)
class Key:
    """A key of a mapping; its first spelling is the one that is sent.

    `takes` is `text`, `map` (of `keys`), `texts` (names to texts), `values` (names to anything) or
    `list` (of texts). An optional key may also be empty.
    """

    spellings: Sequence[str]
    takes: str = "text"
    required: bool = False
    choices: Sequence[str] = ()
    keys: Sequence["Key"] = ()
    open: bool = False
    """Whether a map may contain unknown keys."""

    @property
    def name(self) -> str:
        """The spelling that is sent."""
        return self.spellings[0]


def _key(*spellings: str, **facts: object) -> Key:
    return Key(spellings=spellings, **facts)  # type: ignore[arg-type]  # attrs checks no less


_CREDENTIAL = _key(
    "credential",
    takes="map",
    keys=(_key("username", required=True), _key("password", required=True)),
)
_GIT = _key(
    "git",
    takes="map",
    keys=(
        _key("repository", required=True),
        _key("commit"),
        _key("branch"),
        _CREDENTIAL,
        # The last spelling is the one in templates that clusters return.
        _key("destination_dir", "destinationDir", "dest_dir"),
    ),
)
_RUN = _key(
    "run",
    takes="map",
    keys=(
        _key("bootstrap"),
        # The last spelling is that of the command line's specification.
        _key("startup_command", "startup", "startupCommand", "stratup"),
    ),
)
_KERNEL = _key(
    "kernel",
    takes="map",
    required=True,
    keys=(
        _key("image", required=True),
        _key("architecture"),
        _key("environ", takes="texts"),
        _RUN,
        _GIT,
    ),
)
_SPEC = _key(
    "spec",
    takes="map",
    required=True,
    keys=(
        _key("session_type", "type", "sessionType", choices=("interactive", "batch")),
        _KERNEL,
        _key("scaling_group"),
        _key("mounts", takes="texts"),
        _key("resources", takes="values"),
        _key("agent_list", "agentList", takes="list"),
    ),
)
TEMPLATE = _key(
    "template",
    takes="map",
    required=True,
    open=True,
    keys=(
        _key("api_version", "apiVersion", required=True),
        _key("kind", required=True, choices=("taskTemplate", "task_template")),
        _key(
            "metadata", takes="map", required=True, keys=(_key("name", required=True), _key("tag"))
        ),
        _SPEC,
    ),
)
