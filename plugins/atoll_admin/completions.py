"""Completes names of entities at the prompt."""

from collections.abc import Sequence

from atoll import Api, Candidate, NotAuthorized
from atoll_admin.entities.agents import AGENT
from atoll_admin.entities.domains import DOMAIN
from atoll_admin.entities.groups import GROUP
from atoll_admin.entities.keypairs import KEYPAIR
from atoll_admin.entities.policies import POLICY
from atoll_admin.entities.scaling_groups import SCALING_GROUP
from atoll_admin.entities.storage import STORAGE
from atoll_admin.entities.users import USER
from atoll_admin.entity import Entity
from atoll_admin.fields import Field
from atoll_admin.queries import ListOptions, Record, fetch_list
from atoll_admin.requests import NotOffered

_MOST = 1000


async def users(api: Api) -> Sequence[Candidate]:
    """Return the email addresses of users."""
    return await _names(api, USER)


async def keypairs(api: Api) -> Sequence[Candidate]:
    """Return access keys, each with its owner."""
    return await _names(api, KEYPAIR)


async def domains(api: Api) -> Sequence[Candidate]:
    """Return the names of domains."""
    return await _names(api, DOMAIN)


async def groups(api: Api) -> Sequence[Candidate]:
    """Return the names of groups; commands accept them in the place of ids."""
    return await _names(api, GROUP, "name")


async def policies(api: Api) -> Sequence[Candidate]:
    """Return the names of keypair resource policies."""
    return await _names(api, POLICY)


async def scaling_groups(api: Api) -> Sequence[Candidate]:
    """Return the names of scaling groups."""
    return await _names(api, SCALING_GROUP)


async def agents(api: Api) -> Sequence[Candidate]:
    """Return the ids of agents that are alive."""
    return await _names(api, AGENT)


async def volumes(api: Api) -> Sequence[Candidate]:
    """Return the ids of storage volumes."""
    return await _names(api, STORAGE)


async def _names(api: Api, entity: Entity, key: str = "") -> Sequence[Candidate]:
    fields = entity.select_fields(",".join((key or entity.key, *entity.described_by)))
    try:
        rows = await fetch_list(api, entity.listing, {}, fields, ListOptions(limit=_MOST))
    except (NotAuthorized, NotOffered):
        return []
    return [_candidate(record, rows.fields) async for record in rows.records]


def _candidate(record: Record, fields: Sequence[Field]) -> Candidate:
    name, *remarks = [str(record[field.name] or "") for field in fields]
    return Candidate(name, " ".join(filter(None, remarks)))
