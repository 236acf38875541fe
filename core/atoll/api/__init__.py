"""The API of a cluster, as a profile speaks it: how requests are made, not what they are about."""

from atoll.api.connection import Api, Reply, TransportFactory
from atoll.api.endpoints import path
from atoll.api.negotiation import ApiVersion
from atoll.api.problems import problem_from

__all__ = [
    "Api",
    "ApiVersion",
    "Reply",
    "TransportFactory",
    "path",
    "problem_from",
]
