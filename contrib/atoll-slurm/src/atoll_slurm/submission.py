"""Submit jobs to Slurm."""

import re
from collections.abc import Awaitable, Sequence

from attrs import define, field

from atoll_cluster.engines import EngineError, Job
from atoll_slurm.accounts import Accounting
from atoll_slurm.holding import held_time, time_limit
from atoll_slurm.options import USUAL_PRIORITY, account_of, limit, options, partition_of
from atoll_slurm.partitions import Partitions
from atoll_slurm.programs import NoAnswer, Ran, is_unreached, run
from atoll_slurm.settings import Settings
from atoll_slurm.times import seconds, shortest


@define
class Submission:
    """Submits jobs with the options that their sessions and the settings give."""

    settings: Settings
    partitions: Partitions = field(factory=Partitions, init=False)
    accounting: Accounting = field(factory=Accounting, init=False)

    async def submit(self, job: Job, text: str, after: Sequence[str] = ()) -> str:
        """Submit a script; returns the id of its job. Raises EngineError.

        `after` are the ids of the jobs that must succeed before this one starts.
        """
        return await self._submit(job, text, await self._asked(self._longest(job)), after)

    async def submit_held(self, job: Job, text: str) -> str:
        """Submit the script of a job that is held for further kernels; returns the id of the job.

        If the kernels have a time limit, the job has time for more than one of them.
        """
        if (own := time_limit(job)) is None:
            return await self.submit(job, text)
        longest = await self._asked(self._longest_allowed(job))
        return await self._submit(job, text, held_time(own, seconds(longest)), ())

    async def _submit(self, job: Job, text: str, time: str, after: Sequence[str]) -> str:
        try:
            ran = await run(["sbatch", *options(job, self.settings, time, after)], text)
        except NoAnswer as error:
            raise EngineError(f"Slurm accepts no jobs at present: {error}") from None
        if ran.code:
            what = "Slurm accepts no jobs at present" if is_unreached(ran) else "Slurm refuses"
            raise EngineError(f"{what}: {ran.words}{_hint(job, ran)}")
        job_id = re.search(r"^(\d+)(;\S+)?\s*$", ran.out, re.MULTILINE)
        if job_id is None:
            raise EngineError(f"sbatch has printed no job id: {ran.out.strip()[:200]!r}")
        return job_id[1]

    async def _asked(self, question: Awaitable[str]) -> str:
        try:
            return await question
        except NoAnswer as error:
            raise EngineError(f"Slurm accepts no jobs at present: {error}") from None

    async def _longest(self, job: Job) -> str:
        """Return the time limit of a job: its own, that of the settings, or the longest allowed.

        Without a time limit, Slurm uses the partition's default, which may be a few minutes.
        """
        if (own := time_limit(job)) is not None:
            return limit(own)
        return self.settings.time or await self._longest_allowed(job)

    async def _longest_allowed(self, job: Job) -> str:
        """Return the longest time limit that a job may have, empty for no limit."""
        found = await self.partitions.find(partition_of(job, self.settings))
        await self.accounting.refresh(again=False)
        account = account_of(job, self.settings)
        limits = [self.accounting.longest(account, self.settings.qos)]
        return shortest([*limits, found.longest] if found else limits)


def _hint(job: Job, ran: Ran) -> str:
    """Return an explanation that Slurm's message does not contain, empty if there is none."""
    if "nice" in ran.words and job.terms.priority > USUAL_PRIORITY:
        return f"; only operators may have a priority above {USUAL_PRIORITY}"
    return ""
