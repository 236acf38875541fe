"""Reasons of waiting jobs that never pass by themselves: what was asked for is beyond the rules.

Reasons that others' jobs, nodes that come back, or time can end are none of these, and neither are
holds, which somebody may release.
"""

import re

_BEYOND = "more than one job may have"
_MEANING = {
    "PartitionTimeLimit": "the partition never gives so much time",
    "PartitionNodeLimit": "the partition never gives so many nodes",
    "PartitionConfig": "it asks for more nodes, processors or time than the partition gives",
    "BadConstraints": "no nodes can give what it asks for",
    "AccountNotAllowed": "the partition is not open to the account",
    "QOSNotAllowed": "the partition is not open to the quality of service",
    "InvalidAccount": "there is no such account",
    "InvalidQOS": "there is no such quality of service",
}
_PER_JOB = re.compile(r"(QOS|Assoc)(Max\w+PerJob\w*|Max\w+PerNode\w*|Min\w+)")
_NOT_OF_A_JOB = ("MinutesPerJob",)
"""Limits that are said to be of a job and change with what has been used so far."""


def never(reason: str) -> str | None:
    """Return what a reason means, after its own word, if it never passes; None if it may."""
    word = reason.partition(",")[0].strip()
    if meaning := _MEANING.get(word):
        return f"{word}: {meaning}"
    if _PER_JOB.fullmatch(word) and not any(part in word for part in _NOT_OF_A_JOB):
        return f"{word}: {_BEYOND}" if "Max" in word else f"{word}: less than a job must have"
    return None
