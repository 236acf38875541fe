"""Makes a sweep from a line of `run` with ranges: checks, counts, stores and runs it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from atoll import Context, UsageError
from atoll.output import Column, counted
from atoll.text import quote
from atoll_sessions.code import Code
from atoll_sessions.creation import SessionRequest
from atoll_sessions.options import parse_pairs, session_request_from
from atoll_sessions.sweep.launch import RESUME, LaunchOptions, launch
from atoll_sessions.sweep.options import SweepOptions
from atoll_sessions.sweep.plan import Plan, fingerprint
from atoll_sessions.sweep.ranges import make_grid
from atoll_sessions.sweep.store import Sweep, Sweeps
from atoll_sessions.sweep.summary import value_columns

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Part

ASKED_FROM = 1_000
"""If a sweep has more cases than this, the user is asked first, at a terminal."""
REFUSED_FROM = 10_000
"""If a sweep has more cases than this and nobody can be asked, it needs --yes."""
MOST = 1_000_000
"""The largest number of cases of a sweep."""


async def submit(
    context: Context,
    options: SweepOptions,
    session: Mapping[str, Any],
    files: "Sequence[Part]",
    code: Code,
    *,
    remove: bool,
) -> int:
    """Run the sweep that a command line describes; returns its exit code. Nothing starts before the
    whole line has been checked.

    `session` are the options of the sessions.
    """
    plan = _draft(options, session, code, remove=remove)
    plan.check()
    if plan.count > MOST:
        raise UsageError(f"run: {plan.count:,} cases are too many", hint=f"at most {MOST:,}")
    if names := plan.unused():
        context.output.warn(f"${names[0]} is not used: its values change nothing in the cases")
    if options.dry_run:
        await _show_cases(context, plan)
        return 0
    await _ask_about(context, plan.count, yes=options.yes)
    plan = _completed(await context.connect(), context, plan, session)
    plan = evolve(plan, fingerprint=fingerprint(plan, files))
    sweep = _sweep_for(context, plan, files, resume=options.resume)
    how = LaunchOptions(RESUME, options.max_parallel, detach=options.detach)
    return await launch(context, sweep, how, context.connect)


def _draft(options: SweepOptions, session: Mapping[str, Any], code: Code, *, remove: bool) -> Plan:
    """Make the plan from the command line alone."""
    if session["enqueue_only"]:
        raise UsageError("run: a sweep waits for its sessions", hint="leave out --enqueue-only")
    env = parse_pairs(session["env"], "-e")
    name = session["name"] or ""
    return Plan(
        # The placeholder is as long as a real id, since the names of sessions contain the id.
        id="s-0000",
        grid=make_grid(options.ranges),
        request=SessionRequest(image=session["image"], name=name, env=env),
        code=code,
        named=bool(name),
        remove=remove,
        max_parallel=options.max_parallel,
        out=str(options.out.absolute()) if options.out else None,
    )


async def _show_cases(context: Context, plan: Plan) -> None:
    columns = [
        *value_columns(plan, lambda case: case.values),
        Column("session", get=lambda case: case.request.name.replace(plan.id, "s-…")),
        Column("command", get=lambda case: case.code.exec or case.code.snippet),
        Column("build", get=lambda case: case.code.build),
        Column("env", get=lambda case: " ".join(f"{k}={v}" for k, v in case.request.env.items())),
    ]
    shown = [one for one in columns if one.name != "build" or plan.code.build]
    await context.output.rows(plan.cases(), shown)
    context.output.note(counted(plan.count, "case"))


async def _ask_about(context: Context, count: int, *, yes: bool) -> None:
    file = context.stdin.file
    can_ask = context.foreground and file is not None and file.isatty()
    if yes or count <= (ASKED_FROM if can_ask else REFUSED_FROM):
        return
    await context.consent(f"Run {count:,} cases?", yes=yes, official_asks=False)


def _completed(api: "Api", context: Context, plan: Plan, session: Mapping[str, Any]) -> Plan:
    return evolve(
        plan,
        line=" ".join(map(quote, context.words)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=api.profile.name,
        request=session_request_from(api, session),
    )


def _make_out(out: str | None) -> None:
    """Create the folder for the output; the output of another sweep is never overwritten."""
    if out is None:
        return
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = next(folder.glob("[0-9]*.out"), None) or next(folder.glob("[0-9]*.err"), None)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from None
    if taken:
        raise UsageError(
            f"{folder} contains the output of another sweep", hint="choose another --out"
        )


def _sweep_for(context: Context, plan: Plan, files: "Sequence[Part]", *, resume: bool) -> Sweep:
    """Store the sweep, or find the one to continue."""
    sweeps = Sweeps.of(context.paths)
    if resume and (found := sweeps.alike(plan.fingerprint)):
        context.output.note(f"sweep {found.id} continues")
        return found
    _make_out(plan.out)
    sweep = sweeps.reserve()
    sweeps.save(sweep, evolve(plan, id=sweep.id), files)
    context.output.note(
        f"sweep {sweep.id}: {counted(plan.count, 'case')}, {plan.max_parallel} at a time"
    )
    return sweep
