"""Convert a template's repository to shell commands that the session runs at its start.

A credential helper passes the credential to git through the environment. So no argument, no URL, no
file of the clone and no output of git contains it.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from shlex import quote
from typing import Any

_HELPER = (
    '!f() { test "$1" = get && '
    'printf "username=%s\\npassword=%s\\n" "$ATOLL_GIT_USERNAME" "$ATOLL_GIT_PASSWORD"; }; f'
)


def clone_script(git: Mapping[str, Any]) -> str:
    """Return the commands that clone a repository and check out its branch or commit."""
    repository, credential = git["repository"], git.get("credential")
    target = git.get("destination_dir") or _name(repository)
    branch = f" --branch {quote(git['branch'])}" if git.get("branch") else ""
    lines = ["(", "export GIT_TERMINAL_PROMPT=0"]
    command = "git"
    if credential:
        lines += _exports(credential)
        command = f"git -c credential.helper= -c credential.helper={quote(_HELPER)}"
    clone = f"{command} clone{branch} -- {quote(repository)} {quote(target)}"
    checkout = ""
    if git.get("commit"):
        checkout = f" && git -C {quote(target)} checkout --quiet {quote(git['commit'])} --"
    return "\n".join([*lines, f"{clone}{checkout}", ")", ""])


def _exports(credential: Mapping[str, str | None]) -> list[str]:
    username, password = credential.get("username") or "", credential.get("password") or ""
    return [
        f"export ATOLL_GIT_USERNAME={quote(username)}",
        f"export ATOLL_GIT_PASSWORD={quote(password)}",
    ]


def _name(repository: str) -> str:
    return PurePosixPath(repository.rstrip("/")).name.removesuffix(".git") or "repository"
