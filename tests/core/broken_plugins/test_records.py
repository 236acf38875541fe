"""Plugins whose hooks give what they should not: it is left out, and what is good stays."""

import sys

import pytest

from atoll._cli import run_guarded

HEAD = """
from atoll import *
from atoll import hookspecs
@hookimpl
def {good}():
    return []
@hookimpl{options}
{kind} {hook}({parameters}):
{body}
"""

ANY = {
    "a text": ("return 'brk'", "atoll_commands returns str, no Command records"),
    "bytes": ("return b'brk'", "atoll_commands returns bytes"),
    "None": ("return None", "atoll_commands returns NoneType"),
    "a number": ("return 42", "atoll_commands returns int"),
    "a map": ("return {'brk': 1}", "atoll_commands returns dict"),
    "one record": ("return Command('brk', 'x')", "returns one Command: yield it, or return a list"),
    "a class": ("return Command", "atoll_commands returns "),
    "numbers": ("return [42]", "int is no Command"),
    "all kinds of things": ("return [42, 'x', None]", "int is no Command; str is no Command"),
    "another record": ("yield Setting('x', 1, 'x')", "Setting 'x' is no Command"),
    "a list of lists": ("yield [Command('brk', 'x')]", "list is no Command"),
    "an error": ("raise LookupError('gone')", "atoll_commands raised LookupError: gone"),
    "an error midway": (
        "yield Command('brk', 'x')\n    raise LookupError('gone')",
        "atoll_commands raised LookupError: gone",
    ),
    "sys.exit": ("raise SystemExit(4)", "atoll_commands raised SystemExit: 4"),
    "sys.exit midway": (
        "yield Command('brk', 'x')\n    raise SystemExit(4)",
        "atoll_commands raised SystemExit: 4",
    ),
    "BaseException": ("raise BaseException", "atoll_commands raised BaseException"),
    "GeneratorExit": ("raise GeneratorExit", "atoll_commands raised GeneratorExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "atoll_commands raised KeyboardInterrupt"),
    "an error of atoll": ("raise ConfigError('mine')", "atoll_commands raised ConfigError: mine"),
    "a generator without end": (
        "from itertools import count\n    for i in count(): yield Command(f'brk{i}', 'x')",
        "atoll_commands returns more than 10000 records",
    ),
    "a print": ("print('hi')\n    return []", "atoll_commands printed: hi"),
    "a change of folder": (
        "import os; os.chdir('/'); return []",
        "atoll_commands changed the folder, which was put back",
    ),
    "an iterator that is none": (
        "class I:\n        def __iter__(self): return 5\n    return I()",
        "atoll_commands raised TypeError",
    ),
    "a bad name": ("yield Command('Brk!', 'x')", "atoll_commands raised ValueError"),
    "a number for a name": ("yield Command(5, 'x')", "atoll_commands raised TypeError"),
    "a number for a summary": (
        "yield Command('brk', 5)",
        "the summary of Command 'brk' should be a text",
    ),
    "a function to load": (
        "yield Command('brk', 'x', print)",
        "the load of Command 'brk' should be a text or None",
    ),
    "a text for a switch": (
        "yield Command('brk', 'x', secret='no')",
        "the secret of Command 'brk' should be True or False",
    ),
    "one alias without a comma": (
        "yield Command('brk', 'x', aliases=('b'))",
        "atoll_commands raised TypeError: 'b' should be a sequence of texts",
    ),
    "a number for an alias": (
        "yield Command('brk', 'x', aliases=[5])",
        "the aliases of Command 'brk' should be texts",
    ),
    "a property that raises": (
        (
            "class C(Command):\n        @property\n        def summary(self): raise SystemExit(3)\n"
            "    yield C('brk', 'x')"
        ),
        "atoll_commands",
    ),
    "too few fields": ("yield Command('brk')", "atoll_commands raised TypeError"),
}

HOOKS = "from atoll_sessions.hooks import SessionField, SessionListener\n    "
FIELDS = {
    "a setting without a default": (
        "atoll_settings",
        "yield Setting('brk', None, 'x')",
        "the default of Setting 'brk' should be a text or",
    ),
    "a setting with a list": (
        "atoll_settings",
        "yield Setting('brk', [], 'x')",
        "the default of Setting 'brk' should be",
    ),
    "a setting whose default is no choice": (
        "atoll_settings",
        "yield Setting('brk', 'c', 'x', ('a', 'b'))",
        "atoll_settings raised ValueError: the default 'c' of brk is none of its choices",
    ),
    "a completion with a text for ttl": (
        "atoll_completions",
        "yield Completion('brk', 'x:y', ttl='soon')",
        "the ttl of Completion 'brk' should be a number",
    ),
    "a transport of another kind": (
        "atoll_transports",
        "yield Transport('carrier', ('pigeon',), 'x:y')",
        "the kind of Transport 'carrier' should be one of 'request', 'channel', 'dial'",
    ),
    "a format without a name": (
        "atoll_formats",
        "yield Format('', 'x', 'x:y')",
        "'' can't name a Format",
    ),
    "a segment named by escapes": (
        "atoll_status",
        "yield Status('a\\x1b[2J', 'x:y')",
        "can't name a Status",
    ),
    "a check named by a number": (
        "atoll_checks",
        "yield Check(5, 'x:y')",
        "the name of Check should be a text",
    ),
    "a hook for no class": (
        "atoll_hooks",
        "yield Hook('brk_things', 'Thing', 'x')",
        "atoll_hooks",
    ),
    "a hook of a bad name": (
        "atoll_hooks",
        "yield Hook('things', Command, 'x')",
        "atoll_hooks raised ValueError",
    ),
    "a session field with a number for its title": (
        "atoll_session_fields",
        f"{HOOKS}yield SessionField('brk', 5, 'x:y')",
        "the title of SessionField 'brk' should be a text",
    ),
    "a session field with a name that no column can have": (
        "atoll_session_fields",
        f"{HOOKS}yield SessionField('a,b', 'x', 'x:y')",
        "atoll_session_fields raised ValueError: 'a,b' can't name a field",
    ),
    "a session field with a text for what it needs": (
        "atoll_session_fields",
        f"{HOOKS}yield SessionField('brk', 'x', 'x:y', 'tag')",
        "atoll_session_fields raised TypeError: 'tag' should be a sequence of texts",
    ),
    "a session field that needs more than names": (
        "atoll_session_fields",
        HOOKS + "yield SessionField('brk', 'x', 'x:y', ['tag } }'])",
        "atoll_session_fields raised ValueError: 'tag } }' is not a field of ComputeSession",
    ),
    "a session listener with a number for its setting": (
        "atoll_session_events",
        f"{HOOKS}yield SessionListener('brk', 'x:y', 5)",
        "the setting of SessionListener 'brk' should be a text or None",
    ),
    "a session listener among fields": (
        "atoll_session_fields",
        f"{HOOKS}yield SessionListener('brk', 'x:y')",
        "SessionListener 'brk' is no SessionField",
    ),
    "session listeners that exit": (
        "atoll_session_events",
        "raise SystemExit(5)",
        "atoll_session_events raised SystemExit: 5",
    ),
}

OFFERED_TWICE = {
    "a command": ("atoll_commands", "Command('config', 'x', 'x:y')", "command 'config' is already"),
    "an alias": (
        "atoll_commands",
        "Command('brk', 'x', 'x:y', ('quit',))",
        "command 'quit' is already provided by plugin 'shell'",
    ),
    "a format": ("atoll_formats", "Format('json', 'x', 'x:y')", "format 'json' is already"),
    "a setting": ("atoll_settings", "Setting('output', 'x', 'x')", "setting 'output' is already"),
    "a segment": ("atoll_status", "Status('jobs', 'x:y')", "status 'jobs' is already"),
    "a check": ("atoll_checks", "Check('cluster', 'x:y')", "check 'cluster' is already"),
    "a kind of name": (
        "atoll_completions",
        "Completion('session', 'x:y')",
        "completion 'session' is already provided by plugin 'sessions'",
    ),
    "an offer": (
        "atoll_profiles",
        "ProfileOffer('local', 'x', 'x:y')",
        "profile offer 'local' is already",
    ),
    "a session listener": (
        "atoll_session_events",
        "__import__('atoll_sessions.hooks').hooks.SessionListener('announce', 'x:y')",
        "session listener 'announce' is already provided by plugin 'sessions'",
    ),
    "a hook": (
        "atoll_hooks",
        "Hook('atoll_commands', Setting, 'x')",
        "hook 'atoll_commands' is already provided by plugin 'atoll'",
    ),
    "the same twice": (
        "atoll_commands",
        "Command('brk', 'x')\n    yield Command('brk', 'x')",
        "command 'brk' is offered twice",
    ),
}

IMPLEMENTATIONS = {
    "an unknown hook": ("", "def", "atoll_comands", "", "there is no hook atoll_comands: did you"),
    "a hook like none": ("", "def", "atoll_xyzzy", "", "there is no hook atoll_xyzzy"),
    "a wrapper": ("(wrapper=True)", "def", "atoll_commands", "", "no wrappers (wrapper=True)"),
    "an old wrapper": (
        "(hookwrapper=True)",
        "def",
        "atoll_checks",
        "",
        "no wrappers (hookwrapper=True)",
    ),
    "parameters": ("", "def", "atoll_commands", "config", "hooks take no parameters"),
    "async": ("", "async def", "atoll_commands", "", "atoll_commands is async"),
    "another name": (
        "(specname='atoll_formatz')",
        "def",
        "formats",
        "",
        "there is no hook atoll_formatz: did you mean atoll_formats?",
    ),
}


@pytest.mark.parametrize("name", ANY)
def test_invalid_results_of_a_hook(name, everywhere):
    body, says = ANY[name]
    everywhere(source("atoll_commands", body), says)


@pytest.mark.parametrize("name", FIELDS)
def test_records_with_invalid_fields(name, everywhere):
    hook, body, says = FIELDS[name]
    everywhere(source(hook, body), says, line="plugins")


@pytest.mark.parametrize("name", OFFERED_TWICE)
def test_names_that_are_taken(name, everywhere):
    hook, record, says = OFFERED_TWICE[name]
    everywhere(offering(hook, record), says, line="plugins")


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_implementations_that_hooks_do_not_take(name, everywhere):
    *how, says = IMPLEMENTATIONS[name]
    everywhere(implementation(*how), says)


def test_an_optional_hook_of_another_plugin(everywhere):
    """Its plugin may not be installed, which is no mistake."""
    everywhere(source("other_things", "return [1]", options="(optionalhook=True)"), "")


def test_help_shows_texts_of_plugins_on_one_line(site, capsys, monkeypatch):
    """Without what would clear the screen, or look like another row."""
    body = "yield Command('brk', 'one\\x1b[2J\\ntwo')"
    example = "@hookimpl\ndef atoll_examples():\n    yield Example('brk \\n x', 'a\\x1b[2J\\nb')\n"
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    site.install(source("atoll_commands", body) + example)

    assert run_guarded(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "one\N{REPLACEMENT CHARACTER}[2J two" in shown


def source(hook: str, body: str, *, options="", kind="def", parameters="") -> str:
    """Spell out a plugin with one hook that is wrong, and another that is right."""
    return HEAD.format(
        hook=hook,
        body=f"    {body}",
        options=options,
        kind=kind,
        parameters=parameters,
        good="atoll_checks" if hook == "atoll_settings" else "atoll_settings",
    )


def offering(hook: str, record: str) -> str:
    """Spell out a plugin that offers a record."""
    return source(hook, f"yield {record}")


def implementation(options: str, kind: str, hook: str, parameters: str) -> str:
    """Spell out a plugin that implements a hook in this way."""
    body = "yield" if "wrapper" in options else "return []"
    return source(hook, body, options=options, kind=kind, parameters=parameters)
