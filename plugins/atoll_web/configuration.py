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
"""The image that the form for new sessions proposes; by default it would propose the first by
name.
"""
_TIMEOUT = 5.0
"""Seconds that the cluster may take to list its images."""
_IMAGE = {"name": str, "registry": maybe(str)}


def configuration(here: str, environment: str) -> str:
    """Return `config.toml` for a page at the address `here`. Its form for new sessions proposes the
    image `environment`, unless that is empty.
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
    # For texts, whole numbers and booleans, TOML has the same notation as JSON.
    return "\n".join(
        f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        for table, keys in tables.items()
    )


async def python_image(api: "Api") -> str:
    """Return the name of the cluster's Python image as the page writes it, without its tag; empty
    if there is none, or if the cluster does not list its images in time.
    """
    images: list[dict[str, Any]] = []
    with trio.move_on_after(_TIMEOUT):
        try:
            query = "{ images { name registry } }"
            images = (await api.gql(query, like={"images": [_IMAGE]}))["images"]
        except AtollError:
            return ""
    names = (f"{image['registry']}/{image['name']}" for image in images if image["registry"])
    return next((name for name in names if name.rpartition("/")[2] == _LANGUAGE), "")
