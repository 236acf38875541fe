"""`atoll` as its users type it, against a cluster not written here (BACKEND_ENDPOINT and its keys),
and, line for line, against the embedded one.

Sessions run one at a time and are small: the other cluster may be a laptop's.
"""

import json
import re
import stat

import pytest

pytestmark = pytest.mark.interop

SMALL = ("-r", "cpu=1", "-r", "mem=512m")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def session(atoll, name):
    """A name for the test's session, which is terminated in the end if it is still there."""
    yield name
    atoll("rm", name)


def listed(atoll, name, *options):
    """Return the session as `ps` lists it, or None."""
    shown = atoll("--output", "json", "ps", *options, "--filter", f'name == "{name}"')
    assert shown.code == 0, shown
    return next(iter(json.loads(shown.out)), None)


class TestListing:
    def test_no_sessions_are_a_header_alone(self, atoll, name):
        shown = atoll("ps", "--filter", f'name == "{name}"')
        assert shown.code == 0
        assert shown.err == ""
        assert "Session ID" in shown.out
        assert len(shown.out.splitlines()) == 2

    def test_no_sessions_are_an_empty_array(self, atoll, name):
        assert listed(atoll, name) is None

    def test_the_documented_name_of_the_program_does_the_same(self, cluster, make_program):
        shown = [make_program(program, cluster)("ps") for program in ("atoll", "backend.ai")]
        assert shown[0] == shown[1]
        assert shown[0].code == 0


class TestRunning:
    def test_code_runs_and_its_session_goes(self, atoll, session, image):
        code = "print('six times seven:', 6*7)"
        ran = atoll("run", "--rm", "-t", session, *SMALL, "-c", code, image)
        assert (ran.code, ran.out) == (0, "six times seven: 42\n"), ran
        assert (listed(atoll, session) or {}).get("status", "TERMINATING") == "TERMINATING"

    def test_the_exit_code_is_the_programs(self, atoll, session, image):
        atoll.home.mkdir()
        (atoll.home / "fail.py").write_text("import sys; print(*sys.argv[1:]); sys.exit(7)\n")
        command = ["--exec", "python3 fail.py sorry"]
        ran = atoll("run", "--rm", "-t", session, *SMALL, *command, image, "fail.py")
        assert (ran.code, ran.out) == (7, "sorry\n"), ran

    def test_a_file_alone_is_run_by_what_its_suffix_stands_for(self, atoll, session, image):
        atoll.home.mkdir()
        (atoll.home / "greet.py").write_text("import platform; print(platform.python_version())\n")
        ran = atoll("run", "--rm", "-t", session, *SMALL, image, "greet.py")
        assert ran.code == 0, ran
        assert re.fullmatch(r"3\.\d+\.\d+\n", ran.out)

    def test_an_exception_goes_to_standard_error(self, atoll, session, image):
        ran = atoll("run", "--rm", "-t", session, *SMALL, "-c", "print(1)\n1/0", image)
        assert ran.out == "1\n"
        assert "ZeroDivisionError: division by zero" in COLOR.sub("", ran.err)

    def test_many_files_are_uploaded(self, atoll, session, image):
        folder = atoll.home / "data" / "deep"
        folder.mkdir(parents=True)
        for number in range(25):
            (folder / f"{number}.txt").write_text(f"{number}\n")
        command = ["--exec", "cat data/deep/*.txt | sort -n | tr '\\n' ' '"]
        ran = atoll("run", "--rm", "-t", session, *SMALL, *command, image, "data")
        assert ran.code == 0, ran
        assert ran.out.split() == [str(number) for number in range(25)]

    def test_output_comes_as_it_is_printed(self, atoll, session, image):
        code = "import time; print('early', flush=True); time.sleep(3); print('late')"
        with atoll.started("run", "--rm", "-t", session, *SMALL, "-c", code, image) as running:
            running.wait_for("early")
            assert running.process.poll() is None
            ran = running.finish()
        assert (ran.code, ran.out) == (0, "early\nlate\n"), ran

    def test_input_is_answered_through_a_pipe(self, atoll, session, image):
        code = "print('hello,', input('name? '))\nprint('bye,', input('again? '))"
        ran = atoll(
            "run", "--rm", "-t", session, *SMALL, "-c", code, image, stdin="Ada\nGrace Hopper\n"
        )
        assert ran.code == 0, ran
        assert "hello, Ada\n" in ran.out
        assert "bye, Grace Hopper\n" in ran.out

    def test_ctrl_c_stops_the_code_and_removes_the_session(self, atoll, session, image):
        code = "import time; print('counting', flush=True); time.sleep(600)"
        with atoll.started("run", "--rm", "-t", session, *SMALL, "-c", code, image) as running:
            running.wait_for("counting")
            running.interrupt()
            ran = running.finish()
        assert ran.code == 130, ran
        assert "KeyboardInterrupt" in ran.err
        assert (listed(atoll, session) or {}).get("status", "TERMINATING") == "TERMINATING"


class TestScripts:
    def test_a_session_lives_through_one_piped_script(self, atoll, session, image):
        script = f"""
            # the whole life of a session
            start -t {session} {" ".join(SMALL)} {image}
            ps --name-only --filter 'name == "{session}"'
            run -t {session} -c 'print("kept in the log")' {image}
            info {session}
            logs {session}
            rm {session}
        """
        ran = atoll(stdin=script)
        assert ran.code == 0, ran
        assert ran.out.splitlines()[:2] == [session, "kept in the log"]
        assert "RUNNING" in ran.out
        assert listed(atoll, session, "--status", "TERMINATING,TERMINATED")["name"] == session

    def test_a_script_stops_at_the_line_that_fails(self, atoll, name):
        ran = atoll(stdin=f"ps --name-only\ninfo {name}\nprofile list\n")
        assert ran.code == 5
        assert ran.err.startswith("atoll: line 2: ")
        assert "Endpoint" not in ran.out


class TestRefusals:
    def test_an_unknown_image_is_not_found(self, atoll, session):
        refused = atoll("run", "--rm", "-t", session, "-c", "1", "no-such-image:1")
        assert refused.code == 5
        assert refused.err.startswith("atoll: no image is called 'no-such-image:1'")

    def test_an_unknown_session_is_not_found(self, atoll, name):
        for command in ("info", "logs", "rm"):
            refused = atoll(command, name)
            assert refused.code == 5
            assert refused.err.count("\n") == 1
            assert name in refused.err

    @pytest.mark.parametrize("key", ["BACKEND_ACCESS_KEY", "BACKEND_SECRET_KEY"])
    def test_wrong_keys_are_not_authorized(self, atoll, key):
        refused = atoll("ps", **{key: "AKIAWRONGWRONGWRONGW"})
        assert refused.code == 4
        assert refused.err.count("\n") == 1

    def test_nobody_at_the_endpoint_is_unreachable(self, atoll):
        refused = atoll("ps", BACKEND_ENDPOINT="http://127.0.0.1:9")
        assert refused.code == 3
        assert refused.err.count("\n") == 1


class TestProfiles:
    def test_a_profile_is_added_tried_and_used(self, cluster, make_program):
        atoll = make_program("atoll")
        keys = ["--endpoint", cluster.endpoint, "--access-key", cluster.access_key]
        added = atoll("profile", "add", "lab", *keys, stdin=f"{cluster.secret_key}\n")
        assert added.code == 0, added
        tried = atoll("profile", "test", "lab")
        assert tried.code == 0, tried
        assert cluster.endpoint in tried.err
        assert atoll("--profile", "lab", "ps").code == 0

    def test_its_keys_can_be_read_by_their_owner_alone(self, cluster, make_program):
        atoll = make_program("atoll", ATOLL_HOME="~/atoll")
        keys = ["--endpoint", cluster.endpoint, "--access-key", cluster.access_key]
        assert atoll("profile", "add", "lab", *keys, "--secret-key", cluster.secret_key).code == 0
        holding = [
            path
            for path in (atoll.home / "atoll").rglob("*")
            if path.is_file() and cluster.secret_key in path.read_text()
        ]
        assert [stat.S_IMODE(path.stat().st_mode) for path in holding] == [0o600]
