"""Virtual folders, the files in them, and dotfiles."""

from collections.abc import Iterator

from atoll import Command, Completion, Example, Hint, hookimpl

_LISTING = "atoll_vfolders.listing"
_MANAGE = "atoll_vfolders.manage"
_SHARING = "atoll_vfolders.sharing"
_FILES = "atoll_vfolders.files"
_DOTFILES = "atoll_vfolders.dotfiles"


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about folders, their files, and dotfiles."""
    yield Command("vfolder", "Virtual folders and the files in them")
    yield from _about_folders()
    yield from _about_people()
    yield from _about_files()
    yield Command("dotfile", "Files that every new session finds in its home")
    yield Command("dotfile list", "List dotfiles", f"{_DOTFILES}:list_dotfiles")
    for verb in ("create", "get", "update", "delete"):
        load, destroys = f"{_DOTFILES}:{verb}", verb == "delete"
        yield Command(f"dotfile {verb}", f"{verb.title()} a dotfile", load, destroys=destroys)


def _about_folders() -> Iterator[Command]:
    yield Command("vfolder list", "List folders", f"{_LISTING}:list_all")
    yield Command("vfolder list-own", "List your own folders", f"{_LISTING}:list_own")
    yield Command("vfolder list-invited", "List folders of others", f"{_LISTING}:list_invited")
    yield Command("vfolder list-project", "List folders of groups", f"{_LISTING}:list_project")
    yield Command("vfolder list-hosts", "List folder hosts", f"{_LISTING}:list_hosts")
    yield Command(
        "vfolder list-allowed-types", "List who may own folders", f"{_LISTING}:list_allowed_types"
    )
    yield Command("vfolder info", "Show everything about a folder", f"{_LISTING}:info")
    yield Command("vfolder create", "Create a folder", f"{_MANAGE}:create")
    yield Command(
        "vfolder delete", "Delete folders", f"{_MANAGE}:delete", ("trash",), destroys=True
    )
    yield Command(
        "vfolder restore", "Restore folders from the trash", f"{_MANAGE}:restore", ("recover",)
    )
    yield Command(
        "vfolder purge",
        "Delete folders permanently",
        f"{_MANAGE}:purge",
        ("delete-trash",),
        destroys=True,
    )
    yield Command("vfolder rename", "Rename a folder", f"{_MANAGE}:rename")
    yield Command("vfolder clone", "Copy a folder", f"{_MANAGE}:clone")
    yield Command("vfolder update-options", "Change a folder", f"{_MANAGE}:update_options")


def _about_people() -> Iterator[Command]:
    yield Command("vfolder invite", "Invite people to a folder", f"{_SHARING}:invite")
    yield Command("vfolder invitations", "Answer invitations", f"{_SHARING}:invitations")
    yield Command("vfolder share", "Share a group's folder with people", f"{_SHARING}:share")
    yield Command(
        "vfolder unshare", "Stop sharing a group's folder", f"{_SHARING}:unshare", destroys=True
    )
    yield Command("vfolder leave", "Leave a shared folder", f"{_SHARING}:leave", destroys=True)


def _about_files() -> Iterator[Command]:
    yield Command("vfolder ls", "List the files in a folder", f"{_FILES}:ls")
    yield Command("vfolder mkdir", "Create folders in a folder", f"{_FILES}:mkdir")
    yield Command("vfolder mv", "Move a file", f"{_FILES}:mv")
    yield Command("vfolder rename-file", "Rename a file", f"{_FILES}:rename_file")
    yield Command("vfolder rm", "Delete files", f"{_FILES}:rm", ("delete-file",), destroys=True)
    yield Command("vfolder request-download", "Get a link to a file", f"{_FILES}:request_download")
    transfer = "atoll_vfolders.transfer"
    yield Command("vfolder upload", "Upload files and folders", f"{transfer}.upload:upload")
    yield Command(
        "vfolder download",
        "Download files and folders",
        f"{transfer}.download:download",
        writes_files=True,
    )
    yield Command(
        "vfolder cp",
        "Copy files to, from, or between folders",
        f"{transfer}.cp:cp",
        writes_files=True,
    )


@hookimpl
def atoll_completions() -> Iterator[Completion]:
    """Names of folders."""
    yield Completion("vfolder", "atoll_vfolders.completions:vfolders", ttl=10.0)
    yield Completion("vfolder-file", "atoll_vfolders.completions:files", paths=True)
    yield Completion("vfolder-host", "atoll_vfolders.completions:hosts", ttl=300.0)


@hookimpl
def atoll_hints() -> Iterator[Hint]:
    """Hints for names that several folders have."""
    yield Hint("too-many-vfolders", "name the folder by its id")


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """How the commands are used."""
    from atoll_vfolders.examples import EXAMPLES

    yield from EXAMPLES
