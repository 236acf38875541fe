"""Values that cases print, and how they are found."""

import click
import pytest

from atoll_sessions.sweep.metrics import MetricType, Reader, number


def metric(pattern):
    """Understand a pattern of the line."""
    return MetricType().convert(pattern, None, None)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (r"loss=(\S+)", ("loss",)),
        (r"^\s*val_loss: ([\d.]+)", ("val_loss",)),
        (r"\[(?P<acc>\S+) (?P<loss>\S+)\]", ("acc", "loss")),
        (r"Best accuracy (\d+)", ("Best",)),
    ],
)
def test_what_a_value_is_called(pattern, names):
    assert metric(pattern).names == names


@pytest.mark.parametrize("pattern", ["(", "loss", "(.*)", "=([0-9])"])
def test_patterns_that_are_none(pattern):
    wrong = r"not a regular expression|no group|names no value"
    with pytest.raises(click.BadParameter, match=wrong):
        metric(pattern)


@pytest.mark.parametrize(
    ("printed", "patterns", "names", "values"),
    [
        ("loss=3\nloss=2.5\n", [r"loss=(\S+)"], [], {"loss": "2.5"}),
        ("loss=3 loss=2", [r"loss=(\S+)"], ["loss"], {"loss": "2"}),
        ('{"loss": 0.5}\n{"loss": 0.25, "step": 3}', [], [], {"loss": "0.25", "step": "3"}),
        ('{"loss": 0.5, "deep": {"a": 1}, "ok": true}', [], [], {"loss": "0.5"}),
        ('{"loss": 0.5, "step": 1}', [], ["loss"], {"loss": "0.5"}),
        (
            "epoch 1 loss: 0.5\nepoch 2 loss: 2e-3, lr = 1",
            [],
            ["loss", "lr"],
            {"loss": "2e-3", "lr": "1"},
        ),
        ("val_loss=1 loss=2 train.loss=3", [], ["loss"], {"loss": "2"}),
        ("loss=0.1", [], [], {}),
        ('{"loss": 1', [], [], {}),
        ("{" * 100_000, [], [], {}),
        (
            "acc 5 of 9",
            [r"acc (?P<right>\d+) of (?P<all>\d+)"],
            ["right"],
            {"right": "5", "all": "9"},
        ),
        ("loss=1 acc=2", [r"loss=(\S+)"], ["loss", "acc"], {"loss": "1", "acc": "2"}),
        ("", [], ["loss"], {}),
    ],
)
def test_what_is_found(tmp_path, printed, patterns, names, values):
    file = tmp_path / "0001.out"
    file.write_text(printed)
    assert Reader([metric(one) for one in patterns], names).read(file) == values


def test_a_case_that_printed_nothing(tmp_path):
    assert Reader([], ["loss"]).read(tmp_path / "0001.out") == {}


def test_the_end_of_a_long_output_counts(tmp_path, monkeypatch):
    monkeypatch.setattr("atoll_sessions.sweep.metrics._MOST_BYTES", 100)
    file = tmp_path / "0001.out"
    file.write_bytes(b"loss=9\n" + b"\xff" * 500 + b"\nloss=1\n")
    assert Reader([], ["loss"]).read(file) == {"loss": "1"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5,", 0.5),
        ("'2e-3'", 0.002),
        ("93%", 93.0),
        ("-1", -1.0),
        ("nan", None),
        ("inf", None),
        ("abc", None),
        (None, None),
    ],
)
def test_numbers(text, value):
    assert number(text) == value
