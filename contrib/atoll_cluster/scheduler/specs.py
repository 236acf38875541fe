"""Build kernel specifications for the engine from the records of the store."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from attrs import frozen

from atoll_cluster.engine.contract import HomeFile, KernelSpec, Mount, SshKeypair
from atoll_cluster.engine.states import Task, Terms
from atoll_cluster.images import Images
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.slots import Slots, from_text
from atoll_cluster.store.accounts import Accounts
from atoll_cluster.store.dotfiles import Dotfile, Dotfiles
from atoll_cluster.store.kernels import Kernels
from atoll_cluster.store.records import KernelRow, Session
from atoll_cluster.store.sessions import Sessions

HOME = PurePosixPath("/home/work")


@frozen
class Specs:
    """Builds kernel specifications; looks up images by their canonical names."""

    images: Images
    machine: Machine
    sessions: Sessions
    kernels: Kernels
    dotfiles: Dotfiles
    accounts: Accounts

    def of(self, session: Session, kernel: KernelRow) -> KernelSpec:
        """Return the specification of a kernel of a session."""
        slots = from_text(dict(kernel.occupied_slots))
        siblings = self.kernels.of(session.id)
        script = session.bootstrap_script
        return KernelSpec(
            kernel_id=kernel.id,
            session_id=session.id,
            session_name=session.name,
            image=self.images.named(session.image),
            environ=_environ(session, kernel, siblings),
            cpus=self.machine.on_host(kernel.cpus),
            cpu_quota=float(slots.cpu) if slots.cpu % 1 else None,
            devices=self.machine.device_files(kernel.devices),
            memory=slots.mem or None,
            mounts=tuple(map(_mount, session.vfolder_mounts)),
            files=tuple(map(_file, self.dotfiles.for_session(session))),
            hosts={one.cluster_hostname: one.address for one in siblings if one.address},
            peers={one.cluster_hostname: one.id for one in siblings},
            preopen_ports=tuple(session.preopen_ports),
            ssh_keypair=self._ssh_keypair(session),
            bootstrap=script.encode() if script else None,
            task=_task(session, kernel),
            cluster_role=kernel.cluster_role,
            cluster_index=kernel.cluster_idx,
            hostname=kernel.cluster_hostname,
            terms=self._terms(session, slots),
        )

    def _terms(self, session: Session, slots: Slots) -> Terms:
        group = self.accounts.group(session.group_id)
        return Terms(
            slots=slots.amounts(),
            scaling_group=session.scaling_group,
            group=group.name if group else session.group_id,
            access_key=session.access_key,
            priority=session.priority,
            session_type=session.type,
            cluster_size=session.cluster_size,
            cluster_mode=session.cluster_mode,
            starts_at=session.starts_at,
            after=self._awaited(session),
            tag=session.tag or "",
            options=session.resource_opts,
        )

    def _awaited(self, session: Session) -> tuple[str, ...]:
        """Return the ids of the main kernels of dependencies that have not succeeded yet."""
        others = map(self.sessions.get, session.dependencies)
        return tuple(self.kernels.main(one.id).id for one in others if one.result != "SUCCESS")

    def _ssh_keypair(self, session: Session) -> SshKeypair | None:
        keypair = self.accounts.keypair(session.access_key)
        if keypair is None or not (keypair.ssh_public_key and keypair.ssh_private_key):
            return None
        return SshKeypair(keypair.ssh_public_key, keypair.ssh_private_key)


def _task(session: Session, kernel: KernelRow) -> Task | None:
    """Return the task of a batch session, which only its main kernel runs; None for others."""
    if session.type == "BATCH" and session.startup_command and kernel.cluster_role == "main":
        return Task(session.id, session.startup_command)
    return None


def _mount(mount: Mapping[str, str]) -> Mount:
    path = PurePosixPath(mount["path"])
    name = path.relative_to(HOME) if path.is_relative_to(HOME) else path
    return Mount(str(name), Path(mount["source"]), read_only=mount["permission"] == "ro")


def _file(dotfile: Dotfile) -> HomeFile:
    return HomeFile(dotfile.path, dotfile.data.encode(), int(dotfile.permission, 8))


def _environ(session: Session, kernel: KernelRow, siblings: list[KernelRow]) -> dict[str, str]:
    """Return the `BACKENDAI_…` variables of a kernel."""
    variables = {
        "BACKENDAI_SESSION_ID": session.id,
        "BACKENDAI_SESSION_NAME": session.name,
        "BACKENDAI_ACCESS_KEY": session.access_key,
        "BACKENDAI_KERNEL_ID": kernel.id,
        "BACKENDAI_KERNEL_IMAGE": session.image,
        "BACKENDAI_CLUSTER_ID": session.id,
        "BACKENDAI_CLUSTER_MODE": session.cluster_mode,
        "BACKENDAI_CLUSTER_SIZE": str(session.cluster_size),
        "BACKENDAI_CLUSTER_REPLICAS": _replicas(siblings),
        "BACKENDAI_CLUSTER_HOSTS": ",".join(one.cluster_hostname for one in siblings),
        "BACKENDAI_CLUSTER_HOST": kernel.cluster_hostname,
        "BACKENDAI_CLUSTER_ROLE": kernel.cluster_role,
        "BACKENDAI_CLUSTER_IDX": str(kernel.cluster_idx),
        "BACKENDAI_CLUSTER_LOCAL_RANK": str([one.id for one in siblings].index(kernel.id)),
    }
    if kernel.devices:
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, kernel.devices))
    return variables | dict(session.environ)


def _replicas(siblings: list[KernelRow]) -> str:
    counts = Counter(one.cluster_role for one in siblings)
    return ",".join(f"{role}:{count}" for role, count in counts.items())
