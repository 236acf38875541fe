"""Connect to programs on nodes: over TCP, or through a step of their job."""

from collections.abc import Sequence
from pathlib import Path

from anyio.abc import ByteStream

from atoll_cluster.engines import connect_through


async def connect_through_step(
    folder: Path, name: str, job_id: str, node: str, relay: Sequence[str]
) -> ByteStream:
    """Connect to the socket `name` in `run/` of a folder by a step of a job, on the job's node.

    `relay` is the command that carries the connection there. This works if the node accepts no
    connections, but takes longer. Raises KernelGone.
    """
    srun = ["srun", f"--jobid={job_id}", "--overlap", "--ntasks=1", "--mem=0", "--quiet"]
    # Otherwise slurmstepd holds back output without a line break, and SSH waits forever.
    srun += ["--unbuffered"]
    srun += [f"--nodelist={node}"] if node else []
    srun += [f"--chdir={folder / 'run'}", "--export=ALL"]
    return await connect_through([*srun, *relay], name)
