"""What there is and what is left of it: scaling groups and resource presets."""

from typing import Any

from starlette.responses import Response

from atoll_local.api.call import Call, Routes, reply, route
from atoll_local.scheduler.slots import Slots, from_text

_GIBIBYTE = 1024**3
PRESETS = {"small": Slots(1, _GIBIBYTE), "medium": Slots(2, 4 * _GIBIBYTE)}


async def scaling_groups(_: Call) -> Response:
    """`GET /scaling-groups`: the one group that this machine is."""
    return reply({"scaling_groups": [{"name": "default"}]})


async def presets(_: Call) -> Response:
    """`GET /resource/presets`: named amounts that a user can ask for."""
    return reply({"presets": [_preset(name, slots) for name, slots in PRESETS.items()]})


async def check_presets(call: Call) -> Response:
    """`POST /resource/check-presets`: what is used, what is left, which presets would start now."""
    queue, machine = call.cluster.scheduler.queue, call.cluster.machine
    nothing = dict.fromkeys(machine.slot_types, "0")
    remaining = machine.remaining(queue.occupied())
    using = _used_by(call, call.owner.access_key)
    left = {"using": {**nothing, **queue.occupied().as_text()}, "remaining": remaining.as_text()}
    no_limit = dict.fromkeys(machine.slot_types, "Infinity")
    answer: dict[str, Any] = {
        "keypair_limits": no_limit,
        "keypair_using": {**nothing, **using.as_text()},
        "keypair_remaining": remaining.as_text(),
        "group_limits": no_limit,
        "group_using": left["using"],
        "group_remaining": left["remaining"],
        "scaling_group_remaining": left["remaining"],
        "scaling_groups": {"default": left},
        "presets": [
            {**_preset(name, slots), "allocatable": slots.fits(remaining)}
            for name, slots in PRESETS.items()
        ],
    }
    return reply(answer)


def _used_by(call: Call, access_key: str) -> Slots:
    store = call.cluster.store
    used = Slots()
    for kernel in store.kernels.occupying():
        if store.sessions.get(kernel.session_id).access_key == access_key:
            used += from_text(dict(kernel.occupied_slots))
    return used


def _preset(name: str, slots: Slots) -> dict[str, Any]:
    return {"name": name, "shared_memory": None, "resource_slots": slots.as_text()}


ROUTES: Routes = (
    route("GET", "/scaling-groups", scaling_groups),
    route("GET", "/resource/presets", presets),
    route("POST", "/resource/check-presets", check_presets),
)
