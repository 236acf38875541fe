"""Virtual folders on disk: their files, and safe access to them."""

from pathlib import Path

from attrs import field, frozen

from atoll_cluster.paths import StartError
from atoll_cluster.storage.size_cache import SizeCache
from atoll_cluster.storage.tokens import Signer
from atoll_cluster.storage.uploads import Uploads
from atoll_cluster.storage.volume import Volume


@frozen
class Storage:
    """The volume, its uploads, and the signer of access tokens."""

    volume: Volume
    uploads: Uploads
    signer: Signer
    sizes: SizeCache = field(factory=SizeCache)

    @classmethod
    def prepare(cls, root: Path) -> "Storage":
        """Open the storage at `root`, and create it if it does not exist. Raises StartError."""
        try:
            volume = Volume.prepare(root)
            return cls(volume, Uploads(volume), Signer.of(root / "secret"))
        except OSError as error:
            raise StartError(f"cannot use {root}: {error.strerror}") from error
