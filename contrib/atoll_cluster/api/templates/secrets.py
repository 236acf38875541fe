"""Hide the passwords in templates, which are stored and used but never shown."""

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

HIDDEN = "********"


def hide(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template whose password is replaced by stars."""
    return _with_password(template, HIDDEN) if _password(template) else template


def restore(template: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return a changed template; if its password is hidden, it gets the old password."""
    return _with_password(template, _password(old)) if _password(template) == HIDDEN else template


def _git(template: dict[str, Any]) -> dict[str, Any]:
    return template["spec"]["kernel"].get("git") or {}


def _password(template: dict[str, Any]) -> str | None:
    password: str | None = (_git(template).get("credential") or {}).get("password")
    return password


def _with_password(template: dict[str, Any], password: str | None) -> dict[str, Any]:
    git = _git(template)
    credential = {**git["credential"], "password": password}
    kernel = {**template["spec"]["kernel"], "git": {**git, "credential": credential}}
    return {**template, "spec": {**template["spec"], "kernel": kernel}}


def split_credential(url: str) -> tuple[str, dict[str, str] | None]:
    """Return a URL without its credential, and the credential, None if there is none.

    git would print and store a credential in the URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or "@" not in parts.netloc:
        return url, None
    host = parts.netloc.rpartition("@")[2]
    credential = {"username": parts.username or "", "password": parts.password or ""}
    return urlunsplit(parts._replace(netloc=host)), {
        name: unquote(value) for name, value in credential.items()
    }
