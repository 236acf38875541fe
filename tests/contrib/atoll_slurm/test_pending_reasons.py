"""Which reasons of waiting jobs end a session: those alone that nothing but a rule can change."""

import pytest
from atoll_slurm.pending_reasons import why_never_starts


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionTimeLimit", "PartitionConfig", "BadConstraints",
        "QOSMaxWallDurationPerJobLimit", "QOSMaxCpuPerJobLimit", "AssocMaxNodePerJobLimit",
        "QOSMaxGRESPerJob", "QOSMinCpuNotSatisfied", "AccountNotAllowed",
    ],
)  # fmt: skip
def test_reasons_that_never_pass_are_explained(reason):
    assert why_never_starts(reason).startswith(f"{reason}: ")


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
def test_reasons_that_may_pass_do_not_cancel_a_job(reason):
    assert why_never_starts(reason) is None
