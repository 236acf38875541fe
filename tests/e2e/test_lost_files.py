"""The embedded cluster whose files were taken away or damaged, as its owner meets it."""

import json


def local(atoll, *words):
    return atoll.run("local", *words)


def test_every_command_finds_a_program_that_nothing_tells_of(atoll):
    assert local(atoll, "up").returncode == 0
    folder = atoll.home / "data" / "local"
    pid = json.loads((folder / "server.json").read_text())["pid"]
    status = ["local", "status", "--output", "json"]
    for words in (status, ["local", "up"], ["ps"], ["local", "env"]):
        (folder / "server.json").unlink(missing_ok=True)
        done = atoll.run(*words)
        assert done.returncode == 0, done.stderr
        assert "starting" not in done.stderr
        if words is status:
            assert json.loads(done.stdout)["pid"] == pid
    (folder / "server.json").write_text("{")
    assert "is stopped" in local(atoll, "down").stderr
    assert "does not run" in local(atoll, "down").stderr


def test_a_damaged_database_is_told_of_kept_and_reset(atoll):
    assert local(atoll, "up").returncode == 0
    assert local(atoll, "down").returncode == 0
    database = atoll.home / "data" / "local" / "cluster.sqlite3"
    with database.open("r+b") as file:
        file.write(b"garbage " * 20)
    refused = atoll.run("ps")
    assert refused.returncode != 0
    assert "The database is damaged" in refused.stderr
    assert "atoll local reset deletes all data" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert local(atoll, "reset", "--yes").returncode == 0
    assert atoll.run("ps").returncode == 0
    (copy,) = (atoll.home / "data").glob("local-damaged-*.sqlite3")
    assert copy.read_bytes().startswith(b"garbage ")
