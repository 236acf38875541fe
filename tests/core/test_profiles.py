"""Profiles and settings: where a command goes, with which keys."""

import pytest

from atoll import ConfigError, NotFound, Paths, Profile
from atoll._profiles import ProfileStore
from atoll._settings import Settings
from atoll._target import Target, taken

LAB = Profile(name="lab", endpoint="https://lab.example.com", access_key="AK", secret_key="SK")
ENV = {
    "BACKEND_ENDPOINT": "https://api.example.com/,https://second.example.com",
    "BACKEND_ACCESS_KEY": "EAK",
    "BACKEND_SECRET_KEY": "ESK",
}


@pytest.fixture
def paths(tmp_path):
    return Paths.from_environment({"ATOLL_HOME": str(tmp_path)})


@pytest.fixture
def store(paths):
    return ProfileStore(paths)


def choose(paths, environ=(), name=None, offers=()):
    settings = Settings(paths, dict(environ))
    target = Target(settings, lambda: list(offers))
    return taken(target.of(name), dict(offers), settings, lambda _text: None)


def test_everything_is_below_atoll_home(tmp_path):
    """Or in the XDG folders; a relative one is ignored, as the specification has it."""
    assert Paths.from_environment({"ATOLL_HOME": str(tmp_path)}).cache == tmp_path / "cache"
    paths = Paths.from_environment({"XDG_CONFIG_HOME": "/x", "XDG_STATE_HOME": "relative"})
    assert str(paths.config) == "/x/atoll"
    assert paths.state.parts[-3:] == (".local", "state", "atoll")


def test_a_saved_profile_is_read_back(store, paths):
    """From a file that only its owner can read."""
    store.save(LAB)

    assert store.load("lab") == LAB
    (file,) = (paths.config / "profiles").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "SK" not in repr(LAB)


def test_a_profile_that_others_can_read_is_refused(store, paths):
    """With the command that mends it."""
    store.save(LAB)
    (paths.config / "profiles" / "lab.yaml").chmod(0o640)

    with pytest.raises(ConfigError, match=r"others can read it \(mode 0640\) \(chmod 600 "):
        store.load("lab")


def test_which_profile_is_used(store, paths):
    """The one named, else the environment's, else the one in use, else what is offered."""
    offers = {"local": lambda *_: Profile(name="local", endpoint="http://127.0.0.1:1")}
    assert choose(paths, offers=offers).name == "local"

    store.save(LAB)
    assert choose(paths, offers=offers).name == "lab"

    store.save(Profile(name="other", endpoint="https://other.example.com"))
    store.use("other")
    assert choose(paths, offers=offers).name == "other"
    assert choose(paths, ENV).endpoint == "https://api.example.com"
    assert choose(paths, ENV, name="lab") == LAB
    assert choose(paths, {**ENV, "ATOLL_PROFILE": "lab"}) == LAB
    assert choose(paths, name="local", offers=offers).name == "local"


def test_an_offer_can_be_the_one_in_use(store, paths):
    """Beside a profile that would be taken otherwise, since it is the only one."""
    offers = {"local": lambda *_: Profile(name="local", endpoint="http://127.0.0.1:1")}
    store.save(LAB)

    store.use("local", offers)
    assert choose(paths, offers=offers).name == "local"
    assert choose(paths, ENV, offers=offers).endpoint == "https://api.example.com"

    store.save(Profile(name="local", endpoint="https://own.example.com"))
    store.use("local", offers)
    assert choose(paths, offers=offers).endpoint == "https://own.example.com"


def test_without_a_profile(paths):
    """Is said, with what to do."""
    with pytest.raises(ConfigError, match="atoll profile add"):
        choose(paths)


def test_the_environment_of_the_official_client(paths):
    """All its variables count; another cluster's keys are never taken."""
    profile = choose(
        paths,
        {
            **ENV,
            "BACKEND_ENDPOINT_TYPE": "session",
            "BACKEND_DOMAIN": "d",
            "BACKEND_GROUP": "g",
            "BACKEND_SKIP_SSLCERT_VALIDATION": "yes",
        },
    )
    assert (profile.access_key, profile.secret_key, profile.endpoint_type) == (
        "EAK",
        "ESK",
        "session",
    )
    assert (profile.domain, profile.group, profile.verify_tls) == ("d", "g", False)


def test_the_environment_over_the_profile_in_use(store, paths):
    """A group alone changes the group; an endpoint alone leaves the profile's keys at home."""
    store.save(LAB)

    assert choose(paths, {"BACKEND_GROUP": "g"}).group == "g"
    assert choose(paths, {"BACKEND_ENDPOINT": "https://x.example.com"}).secret_key == ""
    assert choose(paths, {"BACKEND_GROUP": "g"}, name="lab").group == "default"


def test_keys_without_an_endpoint_are_refused(paths):
    """They belong to no cluster."""
    with pytest.raises(ConfigError, match="not BACKEND_ENDPOINT"):
        choose(paths, {"BACKEND_ACCESS_KEY": "AK"})


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "example.com",
        "http://",
        "https://me@example.com",
        "https://example.com:443",
        "http://example.com:80",
        "http://example.com:x",
        "http://[::1",
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(endpoint):
    """When it is set, not when it is used."""
    with pytest.raises(ConfigError):
        Profile(name="x", endpoint=endpoint)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("endpoint: [", "is not YAML: line"),
        ("- a", "should hold keys and values"),
        ("access_key: AK", "endpoint is missing"),
        ("endpoint: https://x\nsecrt_key: a", "unknown key secrt_key"),
        ("endpoint: https://x\naccess_key: 12", "access_key should be str"),
        ("endpoint: https://x\nverify_tls: maybe", "verify_tls should be bool"),
    ],
)
def test_a_file_written_by_hand_is_checked(store, paths, content, message):
    """What is wrong is said, with the file."""
    store.save(LAB)
    (paths.config / "profiles" / "lab.yaml").write_text(content)

    with pytest.raises(ConfigError, match=message):
        store.load("lab")


def test_removing_the_profile_in_use(store):
    """Leaves none in use."""
    store.save(LAB)
    store.use("lab")
    store.remove("lab")

    assert store.current() is None
    with pytest.raises(NotFound, match="no profile named 'lab'"):
        store.load("lab")
    with pytest.raises(ConfigError, match="can't name a profile"):
        store.load("../lab")


def test_a_setting_that_does_not_fit_is_refused(paths):
    """Naming where it was set, and the choices."""
    from atoll import Setting

    settings = Settings(paths, {"ATOLL_SHELL_EDIT_MODE": "nano", "ATOLL_N": "x", "ATOLL_B": "no"})
    settings.declare(
        [
            Setting("shell.edit_mode", "emacs", "Keys", ("emacs", "vi")),
            Setting("n", 1, "A number"),
            Setting("b", True, "A switch"),
        ]
    )
    with pytest.raises(ConfigError, match=r"ATOLL_SHELL_EDIT_MODE: .* 'nano' \(one of emacs, vi\)"):
        settings["shell.edit_mode"]
    with pytest.raises(ConfigError, match="n should be int, not 'x'"):
        settings["n"]
    assert settings["b"] is False


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("HTTP://LOCALHOST:8090", "http://localhost:8090"),
        ("hTTps://API.Example.COM/Path/X", "https://api.example.com/Path/X"),
        (" http://a.b ", "http://a.b"),
        ("https://a.b/c//", "https://a.b/c"),
        ("Unix:///Run/X.sock", "unix:///Run/X.sock"),
        ("http://[2001:DB8::1]:81", "http://[2001:db8::1]:81"),
    ],
)
def test_scheme_and_host_may_be_spelled_anyhow(given, endpoint):
    assert Profile(name="lab", endpoint=given).endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint", ["http://\udcff", "http://a\nb", "http://a b", "http://a\x00", "HTTP://"]
)
def test_an_endpoint_that_no_url_can_be_is_refused(endpoint):
    with pytest.raises(ConfigError):
        Profile(name="lab", endpoint=endpoint)
