"""Broken plugins all at once, in real processes: each costs a line that names it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from shlex import split

import pytest
from tests.core.broken_plugins import test_distributions as distributions
from tests.core.broken_plugins import test_imports as imports
from tests.core.broken_plugins import test_loads as loads
from tests.core.broken_plugins import test_records as records
from tests.core.broken_plugins import test_words as words
from tests.core.broken_plugins.installed import (
    GOOD,
    Broken,
    Installed,
    Site,
    check_list,
)


def met_at_start() -> Iterator[Broken]:
    """Yield those that any command meets."""
    for kind, (source, says) in imports.FAILING.items():
        yield Broken(kind, source, says)
    for kind, (source, says) in imports.LIVING.items():
        yield Broken(kind, source + imports.GOOD, says)
    for kind, (damage, says) in distributions.METADATA.items():
        yield Broken(kind, "", says, damage=damage)
    for kind, (content, says) in distributions.ENTRY_POINTS.items():
        yield Broken(
            kind, "", says, damage=partial(distributions.write_entry_points, content=content)
        )
    for kind, (body, says) in records.ANY.items():
        yield Broken(kind, records.source("atoll_commands", body), says)
    for kind, (*how, says) in records.IMPLEMENTATIONS.items():
        yield Broken(kind, records.implementation(*how), says)


def met_by_plugins() -> Iterator[Broken]:
    """Yield those whose records only the command `plugins` asks for, all of them."""
    for kind, (hook, body, says) in records.FIELDS.items():
        yield Broken(kind, records.source(hook, body), says)
    for kind, (hook, record, says) in records.OFFERED_TWICE.items():
        yield Broken(kind, records.offering(hook, record), says)


def met_around_commands() -> Iterator[Broken]:
    """Yield those that each command meets, again."""
    for kind, (body, says) in loads.INVOCATIONS.items():
        yield Broken(kind, loads.broken("atoll_invocations", loads.INVOCATION, body), says)


def met_by_a_line() -> Iterator[Broken]:
    """Yield those that a line of their own meets."""
    for kind, (record, body, says) in loads.COMMANDS.items():
        yield Broken(kind, loads.broken("atoll_commands", record, body), says, "brk", 1)
    for kind, (body, code, says) in loads.BODIES.items():
        yield Broken(kind, loads.with_body(body), says, "brk", code)
    for kind, (body, says) in loads.FORMATS.items():
        source = loads.broken("atoll_formats", loads.FORMAT, body)
        yield Broken(kind, source, says, "profile list --output brk", 1)
    for kind, (body, says) in loads.OFFERS.items():
        source = loads.broken("atoll_profiles", loads.OFFER, body)
        yield Broken(kind, source, says, "ps --profile brk", 1)
    for kind, (body, says) in loads.DIALERS.items():
        source = loads.broken("atoll_transports", loads.DIALER, body)
        yield Broken(kind, source, says, "ps --profile brk", 1, loads.DIALED)
    for kind, (body, says) in words.TRANSPORTS.items():
        source = loads.broken("atoll_transports", words.REQUESTS, body)
        yield Broken(kind, source, says, "ps --profile brk", 1, words.PROFILE)
    for kind, (body, says) in words.PARAMETERS.items():
        yield Broken(kind, words.with_parameter(body), says, "brk", 1)
    for kind, (body, code, says) in words.OPTIONS.items():
        source = loads.broken("atoll_options", words.OPTION, words.COMMAND + body)
        yield Broken(kind, source, says, "brk", code)


GROUPS = {
    "at start": (met_at_start, "config", False),
    "by plugins": (met_by_plugins, "plugins", False),
    "around commands": (met_around_commands, "config", True),
}


@pytest.fixture(scope="module", params=GROUPS)
def group(request, tmp_path_factory) -> tuple[Site, str, bool]:
    """A folder of broken plugins, the line that meets them, and whether each line does."""
    kinds, line, each_line = GROUPS[request.param]
    return Site.of(tmp_path_factory.mktemp("broken"), kinds()), line, each_line


def test_one_command(group):
    site, line, _ = group
    done = site.run(*split(line))
    assert site.wrong(done.stderr) == []
    assert done.returncode == 0


def test_a_script(group):
    site, line, each_line = group
    done = site.run("-c", f"{line}\n{GOOD}\n")
    assert site.wrong(done.stderr, times=1 + each_line) == []
    assert done.returncode == 0
    check_list(done.stdout)


def test_the_prompt(group):
    site, line, each_line = group
    out = site.home / "out"
    said, code = site.typed([line, f"{GOOD} > {out}", "exit 7"])
    assert site.wrong(said, times=1 + 2 * each_line) == []
    check_list(out.read_text())
    assert code == 7


@pytest.fixture(scope="module")
def each(tmp_path_factory) -> Site:
    """A folder of plugins that a line of their own meets."""
    return Site.of(tmp_path_factory.mktemp("broken"), met_by_a_line())


def test_a_line_of_its_own_as_one_command(each):
    def fault(one: Installed) -> str:
        done = each.run(*split(one.line))
        code = "" if done.returncode == one.broken.code else f"exit code {done.returncode}"
        return one.is_told(done.stderr) or code

    with ThreadPoolExecutor(2) as threads:
        assert list(filter(None, threads.map(fault, each.installed))) == []


def test_lines_in_a_script(each):
    lines = [one.line for one in each.installed]
    done = each.run("--keep-going", "-c", "\n".join([*lines, GOOD]))
    assert each.wrong(done.stderr) == []
    check_list(done.stdout)


def test_lines_at_the_prompt(each):
    out = each.home / "out"
    lines = [one.line for one in each.installed]
    said, code = each.typed([*lines, f"{GOOD} > {out}", "exit 7"])
    assert each.wrong(said) == []
    check_list(out.read_text())
    assert code == 7
