"""Which reasons of waiting jobs end a session: those alone that nothing but a rule can change."""

import pytest
from atoll_slurm.never import never


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionTimeLimit", "PartitionConfig", "BadConstraints",
        "QOSMaxWallDurationPerJobLimit", "QOSMaxCpuPerJobLimit", "AssocMaxNodePerJobLimit",
        "QOSMaxGRESPerJob", "QOSMinCpuNotSatisfied", "AccountNotAllowed",
    ],
)  # fmt: skip
def test_what_is_beyond_the_rules_never_starts(reason):
    assert never(reason).startswith(f"{reason}: ")


@pytest.mark.parametrize(
    "reason",
    [
        "", "None", "Resources", "Priority", "BeginTime", "Dependency", "JobHeldUser",
        "JobHeldAdmin", "ReqNodeNotAvail, UnavailableNodes:n[1-3]", "PartitionDown",
        "QOSMaxJobsPerUserLimit", "AssocMaxJobsLimit", "AssocGrpCpuLimit", "QOSGrpNodeLimit",
        "AssocMaxCpuMinutesPerJobLimit", "AssocGrpCPUMinutesLimit", "Licenses", "Reservation",
        "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority",
        "A_reason_of_a_newer_release",
    ],
)  # fmt: skip
def test_what_may_pass_is_waited_for(reason):
    assert never(reason) is None
