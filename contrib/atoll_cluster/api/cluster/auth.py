"""`/auth`: the roles and the account of the caller, and keypairs for a password."""

import uuid
from functools import cache
from typing import Any

import anyio
import anyio.to_thread
from starlette.responses import JSONResponse, Response

from atoll_cluster import clock
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem, forbidden, invalid_params, unauthorized
from atoll_cluster.credentials import new_keypair
from atoll_cluster.passwords import hash_password, is_password
from atoll_cluster.store.records import User

_MOST_UNVERIFIED = 20
"""The most accounts that wait until an administrator activates them after a signup."""
_HASHING = anyio.Semaphore(1)
"""Only one password is hashed at a time, because this takes processor time on purpose."""


async def test(call: Call) -> Response:
    """`GET` and `POST /auth`: echo a signed request."""
    return reply({"authorized": "yes", "echo": call.params.text("echo")})


async def role(call: Call) -> Response:
    """`GET /auth/role`: the global role of the caller, and the roles in the domain and a group."""
    user = call.caller.user
    is_member = call.cluster.store.accounts.is_member(call.params.text("group") or "", user.uuid)
    return reply(
        {
            "global_role": "superadmin" if user.role == "superadmin" else "user",
            "domain_role": "admin" if user.role in {"admin", "superadmin"} else "user",
            "group_role": "user" if is_member else None,
        }
    )


async def my_ip(call: Call) -> Response:
    """`GET /auth/my-ip`: the address of the caller."""
    return reply({"client_ip": call.address or None})


async def authorize(call: Call) -> Response:
    """`POST /auth/authorize`: return the main keypair for an email address and a password."""
    params, accounts = call.params, call.cluster.store.accounts
    if (kind := params.text("type") or "keypair") != "keypair":
        raise invalid_params(f"unsupported authorization type {kind!r}", {"type": kind})
    user = await _identify(call, params.required("username"), params.required("password"))
    keypair = accounts.keypair(user.main_access_key or "")
    if keypair is None or not keypair.is_active:
        raise unauthorized("the user has no active keypair")
    if user.need_password_change:
        raise Problem(401, "password-expired", "Password has expired.", "it must be changed first")
    data = {
        "access_key": keypair.access_key,
        "secret_key": keypair.secret_key,
        "role": user.role,
        "status": user.status,
        "response_type": "success",
        "type": "keypair",
    }
    return reply({"data": data})


async def logout(_: Call) -> Response:
    """`POST /auth/logout`: does nothing, because each request is signed."""
    return reply({})


async def signup(call: Call) -> Response:
    """`POST /auth/signup`: create an account, which an administrator must activate."""
    params, store = call.params, call.cluster.store
    email, password = params.required("email"), params.required("password")
    domain = store.accounts.domain(params.text("domain") or "default")
    if domain is None or not domain.is_active:
        raise invalid_params("no such domain", {"domain": "unknown"})
    call.attempts.addresses.take(call.address)
    kept = await _hashed(password)
    with store.db.transaction():
        _refuse_if_taken(call, email, params.text("username") or email)
        at = clock.now()
        user = User(
            uuid=str(uuid.uuid4()),
            email=email,
            username=params.text("username") or email,
            password=kept,
            full_name=params.text("full_name") or "",
            description=params.text("description") or "",
            is_active=False,
            status="before-verification",
            status_info="user-signup",
            domain_name=domain.name,
            created_at=at,
            modified_at=at,
        )
        keypair = new_keypair(user)
        store.tables.users.add(user)
        store.tables.keypairs.add(keypair)
        store.tables.users.update(user.uuid, {"main_access_key": keypair.access_key})
    return reply({"access_key": keypair.access_key, "secret_key": keypair.secret_key}, 201)


def _refuse_if_taken(call: Call, email: str, username: str) -> None:
    users = call.cluster.store.tables.users
    if "@" not in email or len(email) > 128 or len(username) > 128:
        raise invalid_params(f"email: {email!r} is not a mail address", {"email": email})
    if users.find(email=email) or users.find(username=username):
        raise Problem(
            400, "email-already-exists", "The email already exists.", "the user exists already"
        )
    if users.count("status = 'before-verification'") >= _MOST_UNVERIFIED:
        raise forbidden(f"{_MOST_UNVERIFIED} accounts are already waiting for an administrator")


async def signout(call: Call) -> Response:
    """`POST /auth/signout`: deactivate the caller's own account."""
    named = call.params.required("email", "username")
    user = await _identify(call, named, call.params.text("password") or "")
    if user.uuid != call.caller.user.uuid:
        raise forbidden("you can delete only your own account")
    if user.role == "superadmin":
        raise forbidden("a superadmin can be deleted only by another superadmin")
    tables = call.cluster.store.tables
    changes = {"status": "inactive", "is_active": False, "status_info": "user-signout"}
    with call.cluster.store.db.transaction():
        tables.users.update(user.uuid, {**changes, "modified_at": clock.now()})
        for keypair in call.cluster.store.accounts.keypairs_of(user.uuid):
            tables.keypairs.update(keypair.access_key, {"is_active": False})
    return reply({})


async def update_password(call: Call) -> Response:
    """`POST /auth/update-password`: change the caller's password; at first it is empty."""
    params, user = call.params, call.caller.user
    old, new = params.text("old_password") or "", params.required("new_password")
    if new != params.text("new_password2"):
        return _error_msg("new password mismatch")
    await _check(call, user, user.uuid, old)
    await _set_password(call, user, new)
    return reply({"error_msg": None})


async def update_password_no_auth(call: Call) -> Response:
    """`POST /auth/update-password-no-auth`: replace an expired password."""
    params = call.params
    new = params.required("new_password")
    user = await _identify(call, params.required("username"), params.required("current_password"))
    if not user.need_password_change:
        raise invalid_params("the password of this user has not expired")
    at = await _set_password(call, user, new)
    return reply({"password_changed_at": at}, 201)


async def update_full_name(call: Call) -> Response:
    """`POST /auth/update-full-name`: change the caller's name."""
    params, user = call.params, call.caller.user
    if params.required("email") != user.email:
        raise forbidden("you can change only your own name")
    changes = {"full_name": params.text("full_name") or "", "modified_at": clock.now()}
    call.cluster.store.tables.users.update(user.uuid, changes)
    return reply({})


async def ssh_public_key(call: Call) -> Response:
    """`GET /auth/ssh-keypair`: the public SSH key of the caller's sessions."""
    return reply({"ssh_public_key": call.caller.keypair.ssh_public_key or ""})


async def new_ssh_keypair(call: Call) -> Response:
    """`PATCH /auth/ssh-keypair`: create a new keypair; only this answer has the private key."""
    return _keep_ssh(call, *await anyio.to_thread.run_sync(_make_ssh_keypair))


async def set_ssh_keypair(call: Call) -> Response:
    """`POST /auth/ssh-keypair`: store an SSH keypair that the caller sends."""
    public, private = call.params.required("pubkey"), call.params.required("privkey")
    return _keep_ssh(call, *await anyio.to_thread.run_sync(_check_ssh_keypair, public, private))


def _keep_ssh(call: Call, public: str, private: str) -> Response:
    keys = {"ssh_public_key": public, "ssh_private_key": private}
    call.cluster.store.tables.keypairs.update(call.caller.access_key, keys)
    return reply(keys)


def _make_ssh_keypair() -> tuple[str, str]:
    import asyncssh

    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    return key.export_public_key().decode(), key.export_private_key("pkcs1-pem").decode()


def _check_ssh_keypair(public: str, private: str) -> tuple[str, str]:
    """Return both keys, each with one newline at its end; raises Problem 400 if they differ."""
    import asyncssh

    try:
        key = asyncssh.import_private_key(private)
        given = asyncssh.import_public_key(public)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise invalid_params(f"not an SSH key: {error}", {"privkey": "invalid"}) from error
    if key.public_data != given.public_data:
        raise invalid_params("the two keys do not belong together", {"pubkey": "mismatch"})
    return public.strip() + "\n", private.strip() + "\n"


async def _identify(call: Call, name: str, password: str) -> User:
    """Find an active user by a password and an email address or a user name; raises Problem 401."""
    users = call.cluster.store.tables.users
    user = users.find(email=name) or users.find(username=name)
    domain = call.params.text("domain")
    if user is None or (domain and domain != user.domain_name):
        await _check(call, None, name, password)
    elif not password:
        raise unauthorized("User credential mismatch.")
    else:
        await _check(call, user, user.uuid, password)
        if user.status == "active":
            return user
    raise unauthorized("User credential mismatch.")


async def _check(call: Call, user: User | None, account: str, password: str) -> None:
    """Raise Problem 401 for a wrong password; this always takes the time of one hash.

    Wrong passwords are counted for `account`, even if there is no such user. Raises Problem 429
    after too many of them.
    """
    with call.attempts.counted(account.casefold(), call.address):
        kept = user.password if user else _hash_of_nobody()
        async with _HASHING:
            is_right = await anyio.to_thread.run_sync(is_password, password, kept)
        if user is None or not is_right:
            raise unauthorized("User credential mismatch.")


@cache
def _hash_of_nobody() -> str:
    """Return a hash for unknown users, so that their check takes as long as that of others."""
    return hash_password("nobody's")


async def _hashed(password: str) -> str:
    async with _HASHING:
        return await anyio.to_thread.run_sync(hash_password, password)


async def _set_password(call: Call, user: User, password: str) -> str:
    at = clock.now()
    changes: dict[str, Any] = {"password": await _hashed(password), "need_password_change": False}
    call.cluster.store.tables.users.update(user.uuid, {**changes, "modified_at": at})
    return at


def _error_msg(text: str) -> Response:
    return JSONResponse({"error_msg": text}, status_code=400)


ROUTES: Routes = (
    route("GET POST", "/auth", test),
    route("GET POST", "/auth/test", test),
    route("GET", "/auth/role", role),
    route("GET", "/auth/my-ip", my_ip),
    route("POST", "/auth/authorize", authorize, public=True),
    route("POST", "/auth/logout", logout, public=True),
    route("POST", "/auth/signup", signup, public=True),
    route("POST", "/auth/signout", signout),
    route("POST", "/auth/update-password", update_password),
    route("POST", "/auth/update-password-no-auth", update_password_no_auth, public=True),
    route("POST", "/auth/update-full-name", update_full_name),
    route("GET", "/auth/ssh-keypair", ssh_public_key),
    route("PATCH", "/auth/ssh-keypair", new_ssh_keypair),
    route("POST", "/auth/ssh-keypair", set_ssh_keypair),
)
