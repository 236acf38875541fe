"""The prompt of shells in both kinds of kernels."""

import anyio
import pytest

pytestmark = pytest.mark.anyio
DEADLINE = 60


async def shown(terminal, text):
    seen = b""
    with anyio.fail_after(DEADLINE):
        while text not in seen:
            data = await terminal.read()
            assert data, seen
            seen += data


async def test_the_prompt_shows_the_session(engine, started):
    """In the session, whatever the host and its user are called."""
    async with started(engine, hostname="sub2", environ={"TERM": "dumb"}) as kernel:
        terminal = await kernel.open_terminal()
        await shown(terminal, b"work@sub2[work]:~")
        await terminal.aclose()


async def test_the_users_own_settings_have_precedence(engine, started):
    async with started(engine) as kernel:
        (kernel.home / ".bashrc").write_text("PS1='mine> '")
        terminal = await kernel.open_terminal()
        await shown(terminal, b"mine> ")
        await terminal.aclose()
