"""Read the API version of a request (`X-BackendAI-Version`)."""

from collections.abc import Mapping

from attrs import frozen

from atoll_cluster.api.request.problems import bad_request

ACCEPTED = frozenset(
    {
        "v4.20181215", "v4.20190115", "v4.20190315", "v4.20190615", "v5.20191215", "v6.20200815",
        "v6.20210815", "v6.20220315", "v6.20220615", "v6.20221201", "v6.20230315", "v7.20230615",
        "v8.20240315", "v8.20240915", "v9.20250722",
    }
)  # fmt: skip

_ASSUMED = "v5.20191215"


@frozen
class Version:
    """The version of a request, and the spelling of its header, which the signed text contains."""

    text: str
    label: str
    is_explicit: bool


def read_version(headers: Mapping[str, str]) -> Version:
    """Read the version header in either spelling; raises Problem 400 for unknown versions."""
    for label in ("x-backendai-version", "x-sorna-version"):
        text = headers.get(label)
        if text is None:
            continue
        if text not in ACCEPTED:
            raise bad_request("Unsupported API version.")
        return Version(text, label, is_explicit=True)
    return Version(_ASSUMED, "x-backendai-version", is_explicit=False)
