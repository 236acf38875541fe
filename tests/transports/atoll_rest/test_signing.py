"""The signature must come out as the official client's does, byte for byte."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from atoll_rest.signing import Signable, authorization, day_key, host_key, signature

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DATE = datetime(2024, 3, 15, 1, 23, 45, 678901, tzinfo=UTC)

VECTORS = [
    (
        ("GET", "api.example.com", "/", "text/plain", "v7.20230615"),
        "228418c65372011b55183c260bfaef50282cd32e2c201fb72b3f89c45b6213b4",
    ),
    (
        ("POST", "api.example.com", "/admin/gql", "application/json", "v7.20230615"),
        "86ab2c722ac7193e25ce93cd4150fd4fabb17f7e131804cfdf2a0056e3b88644",
    ),
    (
        (
            "DELETE",
            "127.0.0.1:8081",
            "/session/mysess?forced=true&owner_access_key=AKIA2",
            "text/plain",
            "v7.20230615",
        ),
        "a8d04a7cea3eae1dd03b1caa616e8e45833282a81fcb2927cdcc2e4cf6dfbaff",
    ),
    (
        (
            "GET",
            "127.0.0.1:8081",
            "/stream/session/mysess/tcpproxy?app=sshd",
            "",
            "v7.20230615",
        ),
        "00c2178e3d804ac025353d0ff86c5f9b37af3eb0a51d5690b187dc8642a66709",
    ),
    (
        (
            "POST",
            "127.0.0.1:8081",
            "/session/mysess/upload",
            "multipart/form-data; boundary=4f2a",
            "v7.20230615",
        ),
        "3d465f041cb0daa01c1e08c0788e2f5acc48ffbb4d78445484ba21fa5121cb9f",
    ),
    (
        (
            "GET",
            "gw.example.com",
            "/base/folders/my%20data/files?path=a/b",
            "text/plain",
            "v9.20250722",
        ),
        "c842d2ad9f33b3d23f1810fa6586921e623b65b920e888f714d154bb35e857ff",
    ),
]


def signable(method, host, target, content_type, version, date=DATE):
    return Signable(
        method=method,
        host=host,
        target=target,
        content_type=content_type,
        version=version,
        date=date,
    )


def test_day_key():
    expected = "21743ba10d3557c4058421cb504975834a27cca84ffb5f36327d3cf0cebc8b16"
    assert day_key(SECRET_KEY, DATE).hex() == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.example.com", "1629ea79fa80a906475baac503efc0067d1943c31194d510e24998a31d076c2a"),
        ("127.0.0.1:8081", "bf7ff093285c27eb12af1e77f1b20632ee35b2ba9b24ae62099d69ccb221d442"),
    ],
)
def test_host_key(host, expected):
    assert host_key(SECRET_KEY, DATE, host).hex() == expected


@pytest.mark.parametrize(("covered", "expected"), VECTORS)
def test_signature(covered, expected):
    assert signature(SECRET_KEY, signable(*covered)) == expected


def test_the_text_to_sign_has_seven_lines_and_no_end_of_line():
    covered, _ = VECTORS[2]
    assert signable(*covered).text().split("\n") == [
        "DELETE",
        "/session/mysess?forced=true&owner_access_key=AKIA2",
        "2024-03-15T01:23:45.678901+00:00",
        "host:127.0.0.1:8081",
        "content-type:text/plain",
        "x-backendai-version:v7.20230615",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]


def test_the_media_type_is_signed_without_parameters_and_in_lower_case():
    one = signable("POST", "h", "/", "Application/JSON; charset=utf-8", "v7.20230615")
    other = signable("POST", "h", "/", "application/json", "v7.20230615")
    assert one.text() == other.text()


def test_the_day_is_counted_in_the_zone_of_the_date():
    tokyo = DATE.replace(hour=20).astimezone(timezone(timedelta(hours=9)))
    assert day_key(SECRET_KEY, tokyo) == day_key(SECRET_KEY, DATE + timedelta(days=1))


def test_the_header_names_the_algorithm_and_the_key():
    covered, expected = VECTORS[0]
    header = authorization(ACCESS_KEY, SECRET_KEY, signable(*covered))
    assert header == f"BackendAI signMethod=HMAC-SHA256, credential={ACCESS_KEY}:{expected}"
