"""How files are named that go up: their paths are from here, and a folder may be left out."""

from pathlib import Path

import pytest

from atoll import NotFound, UsageError
from atoll_sessions.files import collect


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    for name in ("sub/deep/x.py", "sub/y.py", "z.py"):
        file = tmp_path / "here" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("base", "paths", "names"),
    [
        (None, ["sub/deep/x.py"], ["sub/deep/x.py"]),
        ("sub", ["sub/deep/x.py"], ["deep/x.py"]),
        ("sub/", ["sub/deep/x.py", "sub/y.py"], ["deep/x.py", "y.py"]),
        ("sub/deep", ["./sub/deep/../deep/x.py"], ["x.py"]),
        (".", ["z.py"], ["z.py"]),
        ("sub", ["sub"], ["deep/x.py", "y.py"]),
        ("sub", ["sub/deep"], ["deep/x.py"]),
        ("{here}/sub", ["sub/y.py"], ["y.py"]),
        ("sub", ["{here}/sub/y.py"], ["y.py"]),
        ("..", ["z.py"], ["here/z.py"]),
    ],
)
def test_names(here, base, paths, names):
    folder = Path(base.format(here=here)) if base else None
    parts = collect([Path(path.format(here=here)) for path in paths], folder)
    assert sorted(part.filename for part in parts) == names


@pytest.mark.parametrize(
    ("path", "error", "told"),
    [
        ("z.py", UsageError, "z.py is not below .*sub"),
        ("y.py", NotFound, "y.py: no such file"),
        ("deep/x.py", NotFound, "deep/x.py: no such file"),
    ],
)
def test_what_does_not_lie_below_the_folder(path, error, told):
    with pytest.raises(error, match=told):
        collect([Path(path)], Path("sub"))
