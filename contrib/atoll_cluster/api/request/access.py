"""The caller of a request, and the user for whom the caller acts."""

from ipaddress import ip_address, ip_network

from attrs import frozen
from starlette.requests import HTTPConnection

from atoll_cluster.api.request.params import Params
from atoll_cluster.api.request.problems import forbidden, invalid_params, unauthorized
from atoll_cluster.api.request.signing import (
    Credential,
    SignedRequest,
    check_clock,
    date_header,
    verify,
)
from atoll_cluster.api.request.versions import Version
from atoll_cluster.store.accounts import Accounts
from atoll_cluster.store.records import KeyPair, User


@frozen
class Caller:
    """An authenticated keypair and its user."""

    keypair: KeyPair
    user: User

    @property
    def access_key(self) -> str:
        """The access key with which the request is signed."""
        return self.keypair.access_key

    @property
    def is_superadmin(self) -> bool:
        """Whether the caller is a superadmin, who may do everything."""
        return self.user.role == "superadmin"

    @property
    def is_domain_admin(self) -> bool:
        """Whether the caller may act for all users of their domain except superadmins."""
        return self.user.role == "admin"


def authenticate(connection: HTTPConnection, version: Version, accounts: Accounts) -> Caller:
    """Return the caller who signed the request; raises Problem 400 or 401."""
    headers = connection.headers
    date = date_header(headers)
    check_clock(date)
    header = headers.get("authorization")
    if not header:
        raise unauthorized()
    credential = Credential.parse(header)
    caller = _lookup(accounts, credential.access_key)
    signed = SignedRequest(
        method=connection.scope.get("method", "GET"),
        target=raw_target(connection),
        host=headers.get("host", ""),
        date=date or "",
        content_type=headers.get("content-type", ""),
        version=version.text,
        version_label=version.label,
    )
    verify(signed, credential, caller.keypair.secret_key)
    _check_address(connection, caller.user)
    return caller


def _check_address(connection: HTTPConnection, user: User) -> None:
    """Raise Problem 401 if the user may not send requests from this address."""
    if user.allowed_client_ip is None or connection.client is None:
        return
    address = ip_address(connection.client.host)
    if not any(address in ip_network(one, strict=False) for one in user.allowed_client_ip):
        raise unauthorized(f"{address} is not in this user's allowed_client_ip")


def raw_target(connection: HTTPConnection) -> str:
    """Return the request target as sent, still percent-encoded."""
    path: bytes = connection.scope["raw_path"]
    query: bytes = connection.scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def _lookup(accounts: Accounts, access_key: str) -> Caller:
    keypair = accounts.keypair(access_key)
    if keypair is None or not keypair.is_active:
        raise unauthorized("Access key not found")
    user = accounts.user(keypair.user)
    if user is None or user.status != "active":
        raise unauthorized("The user of this access key is not active")
    return Caller(keypair, user)


def on_behalf_of(caller: Caller, accounts: Accounts, access_key: str | None) -> Caller:
    """Return the owner of `access_key`, or the caller if it is None.

    Raises Problem 403 if the caller may not act for that owner, 400 if there is no such key.
    """
    if access_key is None or access_key == caller.access_key:
        return caller
    if not (caller.is_superadmin or caller.is_domain_admin):
        raise forbidden("Only admins can perform operations on behalf of other users")
    keypair = accounts.keypair(access_key)
    user = accounts.user(keypair.user) if keypair else None
    if keypair is None or user is None:
        raise invalid_params("Unknown owner access key", {"owner_access_key": "unknown"})
    if caller.is_domain_admin and (
        user.role == "superadmin" or user.domain_name != caller.user.domain_name
    ):
        raise forbidden("Domain admins can act only for users of their domain")
    return Caller(keypair, user)


def owner_of(caller: Caller, accounts: Accounts, params: Params) -> Caller:
    """Return the user for whom a request is: that of `owner_access_key`, or the caller."""
    return on_behalf_of(caller, accounts, params.text("owner_access_key", "ownerAccessKey") or None)
