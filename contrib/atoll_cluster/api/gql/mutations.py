"""What all mutations have in common: permissions, a transaction, the answer `{ok, msg, …}`."""

import sqlite3
from collections.abc import Callable
from typing import Any

from attrs import frozen

from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.inputs import NotPermitted, Refused
from atoll_cluster.api.request.access import Caller
from atoll_cluster.api.request.freeze import refuse_if_frozen


@frozen
class Mutation:
    """A mutation for superadmins, also for domain admins, or for all users.

    `act` gets the context and the arguments. It returns the fields of the answer other than `ok`
    and `msg`, or raises Refused. If users other than superadmins can call it, `act` itself must
    check which objects they may change.
    """

    act: Callable[..., Fields]
    for_domain_admins: bool = False
    for_everybody: bool = False

    def __call__(self, _: Any, info: Info, **args: Any) -> Fields:
        """Resolve the mutation."""
        try:
            return {"ok": True, "msg": "success", **self._run(info.context, args)}
        except NotPermitted:
            msg = f"no permission to execute {info.field_name}"
        except Refused as refusal:
            msg = str(refusal)
        except sqlite3.IntegrityError as error:
            msg = _explain(error)
        return {"ok": False, "msg": msg}

    def _run(self, ctx: Context, args: dict[str, Any]) -> Fields:
        if not self.is_permitted(ctx.caller):
            raise NotPermitted
        refuse_if_frozen(ctx.store)
        with ctx.store.db.transaction():
            answer = self.act(ctx, **args)
        # Sessions that wait because of a limit may start now.
        ctx.store.db.afterwards(ctx.cluster.scheduler.wake)
        return answer

    def is_permitted(self, caller: Caller) -> bool:
        """Return whether the caller may call this mutation at all."""
        by_role = self.for_domain_admins and caller.is_domain_admin
        return caller.is_superadmin or self.for_everybody or by_role


def _explain(error: sqlite3.IntegrityError) -> str:
    if "FOREIGN KEY" in str(error):
        return "integrity error: it refers to something that does not exist, or is still in use"
    return f"integrity error: {error}"
