"""Find the reasons for which a waiting job can never start, because it asks for too much.

Other reasons can end: when other jobs end, when nodes come back, after some time, or when somebody
releases a hold.
"""

import re

_BEYOND = "more than a single job may have"
_MEANING = {
    "PartitionTimeLimit": "the partition does not allow so much time",
    "PartitionNodeLimit": "the partition does not allow so many nodes",
    "PartitionConfig": "it requests more nodes, processors or time than the partition allows",
    "BadConstraints": "no node has what it requests",
    "AccountNotAllowed": "the partition is not open to the account",
    "QOSNotAllowed": "the partition is not open to the quality of service",
    "InvalidAccount": "there is no such account",
    "InvalidQOS": "there is no such quality of service",
}
_PER_JOB = re.compile(r"(QOS|Assoc)(Max\w+PerJob\w*|Max\w+PerNode\w*|Min\w+)")
_NOT_OF_A_JOB = ("MinutesPerJob",)
"""Limits that are named like limits of one job, but depend on the usage so far."""


def why_never_starts(reason: str) -> str | None:
    """Return a reason with its explanation if the job can never start; None if it may start."""
    word = reason.partition(",")[0].strip()
    if meaning := _MEANING.get(word):
        return f"{word}: {meaning}"
    if _PER_JOB.fullmatch(word) and not any(part in word for part in _NOT_OF_A_JOB):
        return f"{word}: {_BEYOND}" if "Max" in word else f"{word}: less than a job must have"
    return None
