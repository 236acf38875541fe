"""What sacctmgr prints of accounts and limits, if a site has accounting."""

import pytest
from atoll_slurm.accounts import Accounting, parse, parse_qos
from atoll_slurm.times import seconds, shortest

pytestmark = pytest.mark.anyio
PRINTED = [
    "Welcome to the site",
    "other|||normal",
    "proj|2-00:00:00|short|normal,short",
    "proj|||normal,short",
    "",
]
QOS = ["normal|1-00:00:00", "short|00:05:00", "endless|"]


def accounting():
    return Accounting(parse(PRINTED), parse_qos(QOS))


def test_each_account_is_named_once():
    assert accounting().accounts == ["other", "proj"]


@pytest.mark.parametrize(
    ("account", "qos", "longest"),
    [
        ("other", "", "1-00:00:00"),
        ("proj", "", "00:05:00"),
        ("proj", "endless", "2-00:00:00"),
        ("other", "endless", ""),
        ("", "normal", "1-00:00:00"),
        ("nobody", "", ""),
    ],
)
def test_a_job_asks_for_no_more_time_than_it_may_have(account, qos, longest):
    assert accounting().longest(account, qos) == longest


@pytest.mark.parametrize(
    ("text", "length"),
    [("30", 1800), ("10:00", 600), ("01:00:00", 3600), ("2-12", 216000), ("1-00:00:30", 86430),
     ("infinite", None), ("UNLIMITED", None), ("", None)],
)  # fmt: skip
def test_lengths_are_read_as_slurm_writes_them(text, length):
    assert seconds(text) == length


def test_the_shortest_is_chosen():
    assert shortest(["7-00:00:00", "infinite", "1-00:00:00"]) == "1-00:00:00"
    assert shortest(["infinite", ""]) == ""


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo 'other|||normal'; echo 'proj|||normal'", ["other", "proj"]),
        ("echo 'You are not running a supported accounting_storage plugin' >&2; exit 1", []),
        (None, []),
    ],
)
async def test_a_site_without_accounting_has_none(tmp_path, monkeypatch, script, found):
    if script:
        (tmp_path / "sacctmgr").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "sacctmgr").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    known = Accounting()
    await known.refresh()
    assert known.accounts == found
