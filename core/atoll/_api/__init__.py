"""The API of a cluster, as a profile speaks it: how requests are made, not what they are about."""

from atoll._api.connection import Api, Reply, TransportFactory
from atoll._api.negotiation import ApiVersion
from atoll.problems import problem_from
from atoll.urls import path

__all__ = [
    "Api",
    "ApiVersion",
    "Reply",
    "TransportFactory",
    "path",
    "problem_from",
]
