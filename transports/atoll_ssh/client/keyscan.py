"""ssh-keyscan: prints a server's key as a line of known_hosts."""

import asyncio

import asyncssh

from atoll_ssh.client.arguments import Arguments, Misused

_FAILED = 1


async def main(arguments: Arguments) -> int:
    """Print the line; returns 1 if the server sends no key."""
    if len(arguments.rest) != 1:
        raise Misused("one host is needed")
    [host] = arguments.rest
    port = int(arguments.setting("port", "22"))
    async with asyncio.timeout(float(arguments.setting("timeout", "5"))):
        key = await asyncssh.get_server_host_key(host, port, config=None)
    if key is None:
        return _FAILED
    algorithm, body, *_comment = key.export_public_key().decode().split()
    print(f"[{host}]:{port} {algorithm} {body}")  # noqa: T201  # this is the program's output
    return 0
