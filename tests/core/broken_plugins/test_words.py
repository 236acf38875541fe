"""Plugins that fail while the words of a line are understood, or in what they add to a command."""

import pytest
from tests.core.broken_plugins.test_loads import broken

BRK = "Command('brk', 'Break', 'broken:brk')"
TYPE = """
class Kind(click.ParamType):
    name = 'kind'
    def convert(self, *_): raise BaseException('no kind')
"""
PARAMETERS = {
    "a callback that exits": (
        "at = click.option('--at', callback=lambda *_: sys.exit(3))",
        "raised SystemExit: 3",
    ),
    "a callback with an error": (
        "at = click.option('--at', callback=lambda *_: {}['x'])",
        "raised KeyError: 'x'",
    ),
    "a default": ("at = click.option('--at', default=lambda: {}['x'])", "raised KeyError: 'x'"),
    "a type": (
        f"{TYPE}\nat = click.option('--at', type=Kind(), default='x')",
        "raised BaseException: no kind",
    ),
}

OPTION = "Option(['brk'], 'broken:option', around='broken:around')"
# The command is the plugin's own, so that no other line meets the option.
COMMAND = f"""
@hookimpl
def atoll_commands():
    yield {BRK}
@click.command()
async def brk(context): pass
"""
GOOD_OPTION = "option = click.Option(['--at'], default='x')\n"
AROUND = (
    f"{GOOD_OPTION}from contextlib import asynccontextmanager as cm\n"
    "@cm\nasync def around(context, value):\n"
)
OPTIONS = {
    "a missing option": ("", 0, "loading broken:option raised AttributeError"),
    "no option": ("option = '--at'", 0, "broken:option is not a click option"),
    "a callback": (
        "option = click.Option(['--at'], callback=lambda *_: sys.exit(3))",
        1,
        "raised SystemExit: 3",
    ),
    "a missing context manager": (GOOD_OPTION, 0, "loading broken:around raised AttributeError"),
    "no context manager": (
        f"{GOOD_OPTION}async def around(context, value): pass",
        0,
        "option 'at' raised ",
    ),
    "an error before": (
        f"{AROUND}    raise LookupError('before')\n    yield",
        0,
        "option 'at' raised LookupError: before",
    ),
    "an error after": (
        f"{AROUND}    yield\n    raise LookupError('after')",
        0,
        "option 'at' raised LookupError: after",
    ),
    "sys.exit after": (
        f"{AROUND}    yield\n    sys.exit(3)",
        0,
        "option 'at' raised SystemExit: 3",
    ),
}

REQUESTS = "Transport('request', ('brk',), 'broken:requests')"
REQUESTS_CLASS = """
class requests:
    proxy, origin, login = '', 'http://localhost', None
    def __init__(self, *_): pass
    async def aclose(self): pass
    async def request(self, request):
"""
TRANSPORTS = {
    "a missing factory": ("", "loading broken:requests raised AttributeError"),
    "nothing": ("def requests(*_): pass", "its request transport for brk has no method request"),
    "an error": (f"{REQUESTS_CLASS}        raise LookupError('no wire')", "LookupError: no wire"),
    "sys.exit": (
        f"{REQUESTS_CLASS}        sys.exit(3)",
        "its request transport for brk raised SystemExit: 3",
    ),
    "no answer": (
        f"{REQUESTS_CLASS}        return 200",
        "its request transport for brk has returned int, not a Response",
    ),
}
PROFILE = "endpoint: brk://there\n"


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name, everywhere):
    body, says = PARAMETERS[name]
    everywhere(with_parameter(body), says, line="brk", code=1)


@pytest.mark.parametrize("name", OPTIONS)
def test_options(name, everywhere):
    """Where the option can't be read, the line is refused; all else costs a warning."""
    body, code, says = OPTIONS[name]
    everywhere(broken("atoll_options", OPTION, COMMAND + body), says, line="brk", code=code)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_transports(name, everywhere, site):
    body, says = TRANSPORTS[name]
    site.add_profile(PROFILE)
    everywhere(broken("atoll_transports", REQUESTS, body), says, line="ps --profile brk", code=1)


def with_parameter(body: str) -> str:
    """Spell out a plugin whose command has a parameter, `at`, that fails."""
    command = "@click.command()\n@at\nasync def brk(context, at): pass"
    return broken("atoll_commands", BRK, f"{body}\n{command}")
