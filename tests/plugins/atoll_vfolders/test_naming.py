"""Which folder is meant, and how it is named to clusters of different age."""

import pytest

from atoll_sessions.run import run
from atoll_sessions.start import start
from atoll_templates.start import start_template
from atoll_vfolders.completions import vfolders

OTHER = "2" * 32


async def test_names_that_two_owners_use_are_told_apart(facing, cluster, make_folder):
    """The candidates are listed; an id decides."""
    cluster.folders.append(make_folder("data", OTHER, is_owner=False, user_email="b@example.com"))
    async with facing() as shell:
        asked = await shell.run("vfolder ls data")
        chosen = await shell.run(f"vfolder ls {OTHER}")

    assert asked.code == 5
    assert f"{OTHER} (of b@example.com, on local:v1)" in asked.stderr
    assert len(asked.stderr.splitlines()) == 1
    assert chosen.code == 0
    assert cluster.asked[-1][1] == f"/folders/{OTHER}/files"


@pytest.mark.parametrize(
    ("version", "address"), [("v7.20230615", "data"), ("v9.20250722", "1" * 32)]
)
async def test_newer_clusters_are_told_ids(facing, cluster, version, address):
    """Older ones know names alone; an id with dashes is one, too."""
    cluster.version = version
    dashed = "11111111-1111-1111-1111-111111111111"
    async with facing() as shell:
        assert (await shell.run(f"vfolder ls {dashed}")).code == 0
    assert cluster.asked[-1][1] == f"/folders/{address}/files"


async def test_what_lies_in_the_trash_is_told(facing, cluster, make_folder):
    """It is not a folder to use until it is restored."""
    cluster.version = "v9.20250722"
    cluster.folders = [make_folder("data", status="delete-pending")]
    async with facing() as shell:
        used = await shell.run("vfolder ls data")
        restored = await shell.run("vfolder restore data")
    assert (used.code, "atoll vfolder restore data" in used.stderr) == (5, True)
    assert restored.code == 0
    assert cluster.asked[-1][1] == "/folders/restore-from-trash-bin"


async def test_a_folder_in_the_trash_does_not_hide_another(facing, cluster, make_folder):
    """The one that can be used is meant."""
    cluster.folders.append(make_folder("data", OTHER, status="delete-complete"))
    async with facing() as shell:
        assert (await shell.run("vfolder ls data")).code == 0


async def test_nothing_is_deleted_unasked(facing, cluster):
    """Without a terminal the answer has to be on the line."""
    async with facing() as shell:
        refused = await shell.run("vfolder delete data")
        done = await shell.run("vfolder delete -y data")
    assert (refused.code, "--yes" in refused.stderr) == (2, True)
    assert done.code == 0
    assert [one[0] for one in cluster.asked].count("DELETE") == 1


async def test_names_are_completed_where_folders_are_mounted(facing, cluster, make_folder):
    """With whose they are; `run` and `start` ask for the same kind."""
    cluster.folders.append(make_folder("theirs", OTHER, is_owner=False, user_email="b@example.com"))
    async with facing() as shell:
        program = shell.program()
        found = await vfolders(await program.connect(None, str))
        await program.aclose()
    assert [(one.text, one.meta) for one in found] == [
        ("data", "yours, on local:v1"),
        ("theirs", "of b@example.com, on local:v1"),
    ]
    for command in (run, start, start_template):
        (option,) = [one for one in command.params if one.name == "mounts"]
        assert option.type.kind == "vfolder"
