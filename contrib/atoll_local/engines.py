"""The engine of the embedded cluster; `local up` sets it, and the data folder stores it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from attrs import evolve

from atoll import Context, Finding, UsageError
from atoll_cluster.configuration import Configuration
from atoll_local.hooks import ENGINES, Engine, EngineSetting


def engines(context: Context) -> Mapping[str, Engine]:
    """Return the known engines, by name."""
    return {one.record.name: one.record for one in context.collect(ENGINES)}


def configured(
    context: Context, before: Configuration, name: str | None, settings: Sequence[str]
) -> Configuration:
    """Return the configuration with another engine, or other settings of the same engine.

    Raises UsageError for an unknown engine or setting.
    """
    found = engines(context)
    engine = _named(found, name) if name else _used(found, before)
    if settings and engine is None:
        raise UsageError(f"--set: the engine {before.engine} is no longer installed")
    if engine is None:
        return before
    kept = before.settings if engine.load == before.engine else {}
    both = {**kept, **_read(engine, settings)}
    # An empty text removes a setting.
    return evolve(before, engine=engine.load, settings={k: v for k, v in both.items() if v})


def engine_name(context: Context, configuration: Configuration) -> str:
    """Return the name of the configured engine."""
    used = _used(engines(context), configuration)
    return used.name if used else str(configuration.engine)


async def findings(context: Context, before: Configuration, data: Path) -> AsyncIterator[Finding]:
    """Yield the findings of the configured engine's own check."""
    for provided in context.collect(ENGINES):
        engine = provided.record
        if engine.load == before.engine and engine.check:
            with provided.guarded("its engine's check"):
                async with aclosing(provided.load(engine.check)(data, before.settings)) as found:
                    async for finding in found:
                        yield finding


def _named(found: Mapping[str, Engine], name: str) -> Engine:
    if engine := found.get(name):
        return engine
    raise UsageError(f"--engine: there is no engine {name!r}", hint=f"known: {', '.join(found)}")


def _used(found: Mapping[str, Engine], configuration: Configuration) -> Engine | None:
    if configuration.engine is None:
        return found["here"]
    return next((one for one in found.values() if one.load == configuration.engine), None)


def _is_named(setting: EngineSetting, name: str) -> bool:
    begin, dot, rest = name.partition(".")
    return begin == setting.name and bool(dot and rest) if setting.many else name == setting.name


def _read(engine: Engine, settings: Sequence[str]) -> dict[str, str]:
    known = [f"{one.name}.NAME" if one.many else one.name for one in engine.settings]
    values = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set: {text!r} is not of the form NAME=VALUE")
        if not any(_is_named(one, name) for one in engine.settings):
            there = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"--set: engine {engine.name} has no setting {name!r}", hint=there)
        values[name] = value
    return values
