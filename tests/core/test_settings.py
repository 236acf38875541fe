"""What the user sets wrongly: it is named, and the prompt opens all the same."""

import json

import pytest

FILE = "config.yaml"


@pytest.fixture
def config(shell):
    """The file with the settings, in a folder that is there."""
    shell.home.joinpath("config").mkdir(parents=True)
    return shell.home / "config" / FILE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shell: {editmode: vi}", "unknown setting shell.editmode (did you mean shell.edit_mode"),
        (
            "shell:\n  suggest:\n    a: 1",
            "unknown setting shell.suggest.a (did you mean shell.sugg",
        ),
        ("shell: {keys: f5}", "shell.keys should hold keys and values"),
        ("nope: 1", "unknown setting nope (no plugin that is loaded knows it)"),
        ("output: jsn", "output is 'jsn' (did you mean json"),
        ("output: [json]", "output is ['json'] (did you mean json"),
        ("shell: {edit_mode: vim}", "shell.edit_mode is 'vim' (did you mean vi"),
        ("shell: {suggest: perhaps}", "shell.suggest='perhaps' is neither yes nor no"),
        ("shell: {history_size: many}", "shell.history_size should be int, not 'many'"),
        ("shell: {history_size: " + "x" * 9999 + "}", "should be int, not 'xxx"),
        ("a: &x [1]\nb: *x", "line 2: aliases (*name) are not understood here"),
        ("- 1", "should hold keys and values"),
        ("output: [", "is not YAML: line 1"),
        ("[" * 10_000, "it nests deeper than 30 levels"),
    ],
)
async def test_config_and_doctor_name_what_is_wrong(shell, config, text, problem):
    """And what was meant, if that can be guessed; both work whatever it is."""
    config.write_text(text)

    result = await shell.run("config")
    assert problem in result.stderr
    assert max(map(len, result.stderr.splitlines())) < 400
    assert (result.code, "shell.edit_mode" in result.stdout) == (2, True)
    found = json.loads((await shell.run("doctor --output json")).stdout)
    (finding,) = [one for one in found if one["check"] == "settings"]
    assert (finding["status"], problem in finding["detail"]) == ("failed", True)


async def test_nothing_is_wrong(shell, config):
    """Also where a key has no value, and variables are there that are no settings of ours."""
    config.write_text("output:\nshell:\n  suggest: no\n  keys: {f5: ps}\n")
    shell.environ |= {"ATOLL_OUTPUT": "table", "ATOLL_SOMETHING_ELSE": "1", "ATOLL_PROFILE": "x"}

    result = await shell.run("config --output json")

    assert (result.code, result.stderr.count("\n")) == (0, 1)
    assert {one["key"]: one["value"] for one in json.loads(result.stdout)}["shell.suggest"] is False


async def test_variables_that_are_almost_a_setting(shell):
    shell.environ |= {"ATOLL_SHELL_EDITMODE": "vi", "ATOLL_SHELL_SUGGEST": "perhaps"}

    result = await shell.run("config")

    assert "unknown variable ATOLL_SHELL_EDITMODE (did you mean ATOLL_SHELL_EDIT_MODE" in (
        result.stderr
    )
    assert "ATOLL_SHELL_SUGGEST='perhaps' is neither yes nor no" in result.stderr


async def test_a_plugin_declares_its_settings(shell, config):
    """By its hook; without it the setting is unknown."""
    from atoll import Setting, hookimpl

    class Greeting:
        @hookimpl
        def atoll_settings(self):
            yield Setting("greet.word", "hello", "How to greet")

    config.write_text("greet: {word: hi}\n")
    assert "unknown setting greet.word" in (await shell.run("config")).stderr
    shell.add(Greeting(), "greet")
    assert (await shell.run("config")).code == 0


async def test_a_script_uses_no_setting_that_is_wrong(shell, config):
    """What it wants can't be known: it is refused in a line."""
    config.write_text("output: jsn\n")

    result = await shell.run("profile list\n")

    assert (result.code, result.stdout, result.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "content", [b"shell: {edit_mode: vim, nope: 1}", b"\xff\xfe", b"[" * 10_000, None]
)
def test_the_prompt_opens(prompt, config, content):
    """Having told what is wrong, by what it would do without."""
    config.mkdir() if content is None else config.write_bytes(content)

    terminal = prompt()

    assert FILE in terminal.shown().replace("\n", "")
    terminal.type("profile list\r")
    terminal.see("Endpoint")
    terminal.ready()
    assert terminal.leave() == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "shell.edit_mode: vi\n"),
        ("# mine\noutput: csv", "# mine\noutput: csv\nshell.edit_mode: vi\n"),
        ("shell:\n  edit_mode: emacs  # keys\n", "shell:\n  edit_mode: vi  # keys\n"),
        ("shell: {edit_mode: 'emacs'}\n", "shell: {edit_mode: vi}\n"),
        ("shell:\n  edit_mode:\n  suggest: no\n", "shell:\n  edit_mode: vi\n  suggest: no\n"),
        ("shell.edit_mode: vi\nshell.edit_mode: emacs\n", "shell.edit_mode: vi\n" * 2),
        ("nope: 1\n", "nope: 1\nshell.edit_mode: vi\n"),
    ],
)
async def test_a_setting_is_changed(shell, config, before, after):
    """Nothing else in the file is."""
    if before is not None:
        config.write_text(before)

    result = await shell.run("config set shell.edit_mode vi\nconfig --output csv", keep_going=True)

    assert config.read_text() == after
    assert "\nshell.edit_mode,vi,config.yaml," in result.stdout


@pytest.mark.parametrize(
    ("before", "line", "problem"),
    [
        ("", "shell.editmode vi", "unknown setting shell.editmode (did you mean shell.edit_mode"),
        ("", "shell.edit_mode vim", "shell.edit_mode is 'vim' (did you mean vi"),
        ("", "shell.history_size many", "shell.history_size should be int, not 'many'"),
        ("[", "shell.edit_mode vi", "is not YAML"),
        ("{output: csv}", "shell.edit_mode vi", "(edit the file: shell.edit_mode: vi)"),
    ],
)
async def test_a_setting_is_not_changed(shell, config, before, line, problem):
    """Where it makes no sense, or the file does not; that stays as it is."""
    config.write_text(before)

    result = await shell.run(f"config set {line}")

    assert problem in result.stderr
    assert (result.code, config.read_text()) == (2, before)


async def test_values_are_spelled_as_they_are_read(shell, config):
    for value in ("no", "yes"):
        await shell.run(f"config set shell.suggest {value}")
        assert config.read_text() == f"shell.suggest: {value}\n"
    await shell.run("config set shell.history_ignore 'a: b, # c'")
    assert "a: b, # c" in (await shell.run("config --output json")).stdout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("shell.edit_mode: vi\n", ""),
        ("shell.edit_mode: vi\nshell.edit_mode: emacs", ""),
        (
            "# a\nshell:\n  edit_mode: vi  # b\n  # c\n  suggest: no",
            "# a\nshell:\n  # c\n  suggest: no",
        ),
        ("shell:\n  edit_mode: vi\n# a\noutput: csv\n", "# a\noutput: csv\n"),
        ("shell:\n  edit_mode: |\n    vi\noutput: csv\n", "output: csv\n"),
        ("shell: {edit_mode: vi, suggest: no}\n", "shell: {suggest: no}\n"),
        ("shell: {suggest: no, edit_mode: vi}\n", "shell: {suggest: no}\n"),
        ("shell: {edit_mode: vi}\nnope: 1\n", "nope: 1\n"),
        ("output: csv\n", "output: csv\n"),
    ],
)
async def test_a_setting_is_removed(shell, config, before, after):
    """Nothing else in the file is; twice is no mistake."""
    config.write_text(before)

    for _ in range(2):
        assert (await shell.run("config unset shell.edit_mode")).code == 0
        assert config.read_text() == after


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("unset shell.editmode", "unknown setting shell.editmode (did you mean shell.edit_mode"),
        ("get nope", "unknown setting nope (config lists them)"),
        ("unset", "missing argument 'KEY...'"),
        ("set shell.keys f5", "shell.keys holds keys and values (set one of them: shell.keys.KEY)"),
    ],
)
async def test_invalid_setting_names_are_refused(shell, config, line, problem):
    config.write_text("output: csv\n")

    result = await shell.run(f"config {line}")

    assert problem in result.stderr
    assert (result.code, config.read_text()) == (2, "output: csv\n")


async def test_an_unknown_setting_can_be_removed(shell, config):
    """Or else `config` could tell of it for ever."""
    config.write_text("shell: {editmode: vi}\n")
    assert (await shell.run("config")).code == 2
    assert (await shell.run("config unset shell.editmode\nconfig")).code == 0


async def test_an_invalid_setting_is_corrected_by_config(shell, config):
    config.write_text("output: jsn\n")
    assert (await shell.run("config set output csv")).code == 0
    config.write_text("output: jsn\n")
    assert (await shell.run("config unset output")).code == 0


async def test_one_setting_is_shown(shell, config):
    """Its value for people and scripts alike, and all about it for programs."""
    config.write_text("shell: {suggest: no, keys: {f5: ps}}\n")

    told = await shell.run("config get shell.suggest")
    assert told.stdout == "no\n"
    assert "Suggest the rest of a line from the history; set by config.yaml" in told.stderr
    assert (await shell.run("let x = config get shell.menu\nprint $x")).stdout == "tab\n"
    about = json.loads((await shell.run("config get shell.menu --output json")).stdout)
    assert (about["default"], about["source"]) == ("tab", "default")
    assert (about["choices"], about["variable"]) == (["tab", "typing"], "ATOLL_SHELL_MENU")
    listed = await shell.run("config list --output csv")
    assert "\nshell.keys.f5,ps,config.yaml," in listed.stdout
