"""What sacctmgr prints of accounts, if there are any."""

import pytest
from atoll_slurm.accounts import accounts, parse

pytestmark = pytest.mark.anyio


def test_each_account_is_named_once():
    assert parse(["Welcome to the site", "proj", "proj", "", "my-lab.2"]) == ["proj", "my-lab.2"]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo other; echo proj", ["other", "proj"]),
        ("echo 'You are not running a supported accounting_storage plugin' >&2; exit 1", []),
    ],
)
async def test_a_site_without_accounting_has_none(tmp_path, monkeypatch, script, found):
    (tmp_path / "sacctmgr").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "sacctmgr").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert await accounts() == found


async def test_a_site_without_the_program_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await accounts() == []
