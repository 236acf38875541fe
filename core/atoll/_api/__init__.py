"""Sends requests to a cluster's API for a profile; plugins know what the requests mean."""

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
