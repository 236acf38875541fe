"""`config`: shows and changes settings, and lists the possible ones."""

import click
import trio

from atoll._context import Context
from atoll._errors import ConfigError, ExitCode
from atoll._names import Name
from atoll._records import Setting
from atoll._settings import Settings, variable_of
from atoll.output import Column


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


_LIST = [
    Column("key", keep=True),
    Column("value", show=_shown),
    Column("source", "Set by"),
    Column("default", show=_shown),
    Column("summary"),
]
_ONE = [
    Column("value", show=_shown),
    Column("key"),
    Column("source", "Set by"),
    Column("default", show=_shown),
    Column("choices", show=", ".join),
    Column("variable"),
    Column("summary"),
]


@click.command()
async def config(context: Context) -> int:
    """Show the settings and where they come from, and what is wrong with them.

    The exit code is 2 when something can't be used; the default stands in for it here.
    """
    settings = context.settings
    rows = [row for setting in settings.declared for row in _rows(settings, setting)]
    await context.output.rows(rows, _LIST)
    problems = settings.problems()
    for problem in problems:
        context.output.warn(problem)
    if problems:
        return ExitCode.USAGE
    context.output.note(f"settings are read from {settings.config_file}")
    return ExitCode.OK


@click.command("get")
@click.argument("key", type=Name("setting"))
async def get(context: Context, key: str) -> None:
    """Print the value of a setting; standard error tells where it comes from, and what it means.

    --output json has all of that in one record.
    """
    row = _row(context.settings, context.settings.declaration(key), key)
    if not context.output.writes_for_people():
        context.output.item(row, _ONE)
        return
    context.output.stream("stdout", f"{_shown(row['value'])}\n")
    context.output.note(f"{row['summary']}; {_about(row)}")


@click.command("set")
@click.argument("key", type=Name("setting"))
@click.argument("value")
async def set_(context: Context, key: str, value: str) -> None:
    """Change a setting in config.yaml; the rest of the file stays as it is.

    Some count from the next prompt on, such as the keys of line editing.
    """
    from atoll._config_file import set_key

    settings = context.settings
    fitting = settings.fitting(key, value)
    await trio.to_thread.run_sync(set_key, settings.config_file, key, fitting)
    settings.read_again()
    _tell(context, key, f"{key} is {value} in {settings.config_file}")


@click.command("unset")
@click.argument("keys", nargs=-1, required=True, type=Name("setting"), metavar="KEY...")
async def unset(context: Context, keys: tuple[str, ...]) -> None:
    """Take settings out of config.yaml, so that their defaults count again.

    Keys that nobody knows are taken out, too; the rest of the file stays as it is.
    """
    from atoll._config_file import unset_key

    settings = context.settings
    for key in keys:
        if not await trio.to_thread.run_sync(unset_key, settings.config_file, key):
            settings.declaration(key)  # raises ConfigError for an unknown key
            _tell(context, key, f"{key} is not set in {settings.config_file}")
            continue
        settings.read_again()
        _tell(context, key, f"{key} is no longer set in {settings.config_file}")


def _tell(context: Context, key: str, text: str) -> None:
    variable = variable_of(key)
    wins = f", but {variable} counts more here" if variable in context.environ else ""
    context.output.note(f"{text}{wins}")


def _about(row: dict[str, object]) -> str:
    about = f"set by {row['source']}" if row["source"] != "default" else "this is the default"
    choices = row["choices"]
    return (
        f"{about}; one of {', '.join(choices)}" if isinstance(choices, list) and choices else about
    )


def _rows(settings: Settings, setting: Setting) -> list[dict[str, object]]:
    if not setting.mapping:
        return [_row(settings, setting, setting.key)]
    keys = [f"{setting.key}.{name}" for name in settings.below(setting.key)]
    return [_row(settings, setting, key) for key in keys or [setting.key]]


def _row(settings: Settings, setting: Setting, key: str) -> dict[str, object]:
    value, source = _found(settings, setting, key)
    return {
        "key": key,
        "value": value,
        "source": source,
        "default": setting.default,
        "choices": list(setting.choices),
        "variable": "" if setting.mapping else variable_of(key),
        "summary": setting.summary,
    }


def _found(settings: Settings, setting: Setting, key: str) -> tuple[object, str]:
    if setting.mapping:
        below = settings.below(setting.key)
        name = key.removeprefix(f"{setting.key}.")
        return (below[name], "config.yaml") if name in below else (setting.default, "default")
    try:
        return settings.lookup(key)
    except ConfigError:
        return setting.default, "default"
