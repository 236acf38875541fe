"""Unpacks an archive from a cluster, and treats the cluster as hostile.

Whoever controls a session controls what it sends, and no session may access other files of the user
who downloads from it. So an archive may contain only the requested name and entries below it; the
whole archive is checked before the first file is written; and a :class:`~atoll.files.SafeFolder`
writes the files.
"""

import io
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Self

from attrs import define, field, frozen

from atoll import AtollError
from atoll.files import SafeFolder, stays_below

_MOST_BYTES = 64 * 1024 * 1024
"""The most bytes that an archive may unpack to. Many hard links in an archive may all refer to its
one file, so that it unpacks to much more than its own size.
"""
_LATEST = 2.0**33
"""The latest modification time that is accepted, in Unix seconds."""


class HostileArchive(AtollError):
    """The archive contains something that no honest cluster sends; nothing of it was written."""


@define
class Unpacked:
    """How many files and bytes were unpacked, and what was left out, with the reason."""

    files: int = 0
    size: int = 0
    left_out: list[str] = field(factory=list)


@frozen
class Archive:
    """A tar archive of the file or folder called `name`; it contains no members outside of
    `name`.
    """

    name: str
    _content: bytes = field(repr=False)
    _members: Mapping[str, tarfile.TarInfo] = field(repr=False)
    """The members by name. If several have one name, the last one counts, as when tar unpacks
    them.
    """

    @classmethod
    def read(cls, name: str, content: bytes) -> Self:
        """Read and check an archive; raises HostileArchive."""
        try:
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
                members = {one.name: _checked(one, name, len(content)) for one in tar}
        except HostileArchive:
            raise
        except Exception:  # noqa: BLE001  # fed by a stranger, the parser may stumble over anything
            raise HostileArchive("the cluster sent an archive that can't be read") from None
        archive = cls(name, content, members)
        if sum(len(archive._content_of(one) or b"") for one in members.values()) > _MOST_BYTES:
            raise HostileArchive("the cluster sent an archive that unpacks to more than is allowed")
        return archive

    def link_target(self) -> str | None:
        """Return the link's target if the requested file is a symbolic link itself."""
        first = next(iter(self._members.values()), None)
        is_alone = first is not None and len(self._members) == 1
        return first.linkname if first and is_alone and first.issym() else None

    def file_content(self) -> bytes | None:
        """Return the content of the requested file; None if it is not a regular file."""
        member = self._members.get(self.name)
        return self._content_of(member) if member is not None else None

    def unpack(self, target: SafeFolder, place: PurePosixPath, done: Unpacked) -> None:
        """Write the requested file or folder to `place`, which may have another name, and add it to
        `done`.

        Links to targets outside of the folder, devices and the like are left out. Raises AtollError
        when the target can't be written.
        """
        for member in self._members.values():
            below = PurePosixPath(member.name).relative_to(self.name)
            self._unpack_one(member, target, place, below, done)

    def _unpack_one(
        self,
        member: tarfile.TarInfo,
        target: SafeFolder,
        place: PurePosixPath,
        below: PurePosixPath,
        done: Unpacked,
    ) -> None:
        content = self._content_of(member)
        if content is not None:
            target.write(place / below, io.BytesIO(content), _file_mode(member), _time(member))
            done.files += 1
            done.size += len(content)
        elif member.isdir():
            target.make_folder(place / below, member.mode & 0o755 | 0o700)
        elif member.issym() and stays_below(member.linkname, len((place / below).parts) - 2):
            target.link(place / below, member.linkname)
        else:
            done.left_out.append(f"{place / below} ({_kind(member)})")

    def _content_of(self, member: tarfile.TarInfo) -> bytes | None:
        """Return a file's bytes; a hard link becomes a file of its own; None for anything else."""
        if member.islnk():
            named = self._members.get(member.linkname)
            return self._content_of(named) if named and not named.islnk() else None
        if not member.isreg() or member.issparse():
            return None
        return self._content[member.offset_data : member.offset_data + member.size]


def _checked(member: tarfile.TarInfo, name: str, size: int) -> tarfile.TarInfo:
    """Return a member if its path is allowed; raises HostileArchive otherwise."""
    path = PurePosixPath(member.name)
    if path.parts[:1] != (name,):
        raise HostileArchive(f"the cluster sent {member.name!r} instead of {name!r}")
    if ".." in path.parts or "\0" in member.name:
        raise HostileArchive(f"the cluster sent a file called {member.name!r}")
    is_cut = member.isreg() and not member.issparse() and member.offset_data + member.size > size
    if member.size < 0 or is_cut:
        raise HostileArchive(f"the cluster sent {member.name!r} with a wrong size")
    _ask_standard_library(member)
    return member


def _ask_standard_library(member: tarfile.TarInfo) -> None:
    """Check with Python's own filter as well, since new releases of Python add checks for new
    attacks.

    A member that the filter refuses only for its type or its link target is left out later, with a
    warning. The first releases of 3.11, which Debian 12 still has, don't have that filter.
    """
    if not hasattr(tarfile, "data_filter"):
        return
    try:
        # The filter shall check only the names, not the files that exist where they will be
        # written.
        tarfile.data_filter(member, "/nonexistent")
    except tarfile.SpecialFileError:
        return
    except (tarfile.AbsoluteLinkError, tarfile.LinkOutsideDestinationError):
        return
    except tarfile.FilterError as error:
        raise HostileArchive(f"the cluster sent an archive with unsafe content: {error}") from None


def _file_mode(member: tarfile.TarInfo) -> int:
    """Return a file's mode without set-id bits, and without write permission for anybody but the
    owner.
    """
    return member.mode & 0o755 | 0o600


def _time(member: tarfile.TarInfo) -> float:
    return member.mtime if 0 <= member.mtime < _LATEST else 0


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname}"
    return "a sparse file" if member.issparse() else "no file or folder"
