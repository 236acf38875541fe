"""The configuration of the WebUI (`config.toml`)."""

import json
from typing import TYPE_CHECKING, Any

import trio

from atoll import AtollError
from atoll.reading import maybe

if TYPE_CHECKING:
    from atoll import Api

APPS = "/app-proxy/"
"""The path of the app proxy."""
_LANGUAGE = "python"
"""What the form for new sessions proposes: it would take the first image of the alphabet."""
_PATIENCE = 5.0
"""Seconds that the cluster may take to list its images."""
_IMAGE = {"name": str, "registry": maybe(str)}


def configuration(here: str, environment: str) -> str:
    """Return `config.toml` for a page at the address `here`, whose form for new sessions proposes
    the image `environment`, if that is not empty.
    """
    tables: dict[str, dict[str, Any]] = {
        "general": {
            "apiEndpoint": here,
            "siteDescription": "atoll",
            "connectionMode": "SESSION",
            "signupSupport": False,
            "allowSignout": False,
            "allowChangeSigninMode": False,
            "allowAnonymousChangePassword": False,
            "allowAppDownloadPanel": False,
            "allowProjectResourceMonitor": True,
            "defaultSessionEnvironment": environment,
            "enableContainerCommit": True,
            "hideAgents": False,
        },
        "resources": {"openPortToPublic": False, "maxFileUploadSize": -1},
        "wsproxy": {"proxyURL": f"{here}{APPS}"},
    }
    # Texts, whole numbers and booleans are written in TOML as they are in JSON.
    return "\n".join(
        f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        for table, keys in tables.items()
    )


async def python_image(api: "Api") -> str:
    """Return the Python image of the cluster as the page names it, without its tag; empty if there
    is none, or if the cluster does not list its images in time.
    """
    images: list[dict[str, Any]] = []
    with trio.move_on_after(_PATIENCE):
        try:
            query = "{ images { name registry } }"
            images = (await api.gql(query, like={"images": [_IMAGE]}))["images"]
        except AtollError:
            return ""
    names = (f"{image['registry']}/{image['name']}" for image in images if image["registry"])
    return next((name for name in names if name.rpartition("/")[2] == _LANGUAGE), "")
