"""The verifier: the published vectors, and everything that must not pass."""

from datetime import UTC, datetime, timedelta

import pytest

from atoll_cluster.api.request.problems import Problem
from atoll_cluster.api.request.ratelimit import WINDOW, RateLimiter
from atoll_cluster.api.request.signing import (
    Credential,
    SignedRequest,
    check_clock,
    media_type,
    sign,
    signing_key,
    verify,
)
from atoll_cluster.api.request.versions import read_version

ACCESS = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DATE = "2024-03-15T01:23:45.678901+00:00"
LOCAL = "127.0.0.1:8081"

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
            LOCAL,
            "/session/mysess?forced=true&owner_access_key=AKIA2",
            "text/plain",
            "v7.20230615",
        ),
        "a8d04a7cea3eae1dd03b1caa616e8e45833282a81fcb2927cdcc2e4cf6dfbaff",
    ),
    (
        (
            "GET",
            LOCAL,
            "/stream/session/mysess/tcpproxy?app=sshd",
            "application/octet-stream",
            "v7.20230615",
        ),
        "00c2178e3d804ac025353d0ff86c5f9b37af3eb0a51d5690b187dc8642a66709",
    ),
    (
        ("POST", LOCAL, "/session/mysess/upload", "multipart/form-data", "v7.20230615"),
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


def request(method, host, target, content_type, version):
    return SignedRequest(
        method=method,
        host=host,
        target=target,
        content_type=content_type,
        version=version,
        date=DATE,
    )


@pytest.mark.parametrize(("parts", "signature"), VECTORS)
def test_published_vectors(parts, signature):
    assert sign(request(*parts), SECRET) == signature
    verify(request(*parts), Credential("sha256", ACCESS, signature), SECRET)


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("api.example.com", "1629ea79fa80a906475baac503efc0067d1943c31194d510e24998a31d076c2a"),
        (LOCAL, "bf7ff093285c27eb12af1e77f1b20632ee35b2ba9b24ae62099d69ccb221d442"),
    ],
)
def test_intermediate_keys(host, key):
    assert signing_key(SECRET, "20240315", host, "sha256").hex() == key


@pytest.mark.parametrize("changed", range(5))
def test_every_part_is_signed(changed):
    parts, signature = VECTORS[2]
    other = [*parts]
    other[changed] = ("POST", "127.0.0.1:8082", "/session/other", "text/html", "v9.20250722")[
        changed
    ]
    with pytest.raises(Problem) as caught:
        verify(request(*other), Credential("sha256", ACCESS, signature), SECRET)
    assert (caught.value.status, caught.value.kind) == (401, "auth-failed")


@pytest.mark.parametrize("algorithm", ["sha512", "sha3_256", "blake2b"])
def test_other_algorithms(algorithm):
    signed = request(*VECTORS[0][0])
    header = (
        f"BackendAI signMethod=HMAC-{algorithm.upper()}, "
        f"credential={ACCESS}:{sign(signed, SECRET, algorithm)}"
    )
    verify(signed, Credential.parse(header), SECRET)


def test_header_of_the_older_scheme():
    found = Credential.parse("Sorna signMethod=HMAC-SHA256, credential=KEY:abc:def")
    assert found == Credential("sha256", "KEY", "abc:def")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer abc",
        "BackendAI",
        "BackendAI signMethod=HMAC-SHA256",
        "BackendAI signMethod=HMAC-NOPE, credential=a:b",
        "BackendAI signMethod=HMAC-SHAKE_128, credential=a:b",
        "BackendAI credential=a:b",
    ],
)
def test_unreadable_headers(header):
    with pytest.raises(Problem) as caught:
        Credential.parse(header)
    assert (caught.value.status, caught.value.kind) == (400, "invalid-auth-params")


NOW = datetime(2024, 3, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-899, 0, 899])
def test_clock_within_fifteen_minutes(seconds):
    check_clock((NOW + timedelta(seconds=seconds)).isoformat(), NOW)


@pytest.mark.parametrize(
    "date",
    [
        (NOW + timedelta(minutes=15)).isoformat(),
        (NOW - timedelta(minutes=15)).isoformat(),
        "yesterday",
        "",
        None,
    ],
)
def test_clock_outside_or_unreadable(date):
    with pytest.raises(Problem) as caught:
        check_clock(date, NOW)
    assert caught.value.kind == "invalid-auth-params"
    assert caught.value.msg == "Date/time sync error"


def test_dates_of_other_forms():
    check_clock("Fri, 15 Mar 2024 12:00:00 GMT", NOW)
    check_clock("2024-03-15T12:00:00", NOW)
    check_clock("2024-03-15T21:00:00+09:00", NOW)


def test_media_type_is_all_that_counts():
    assert media_type("Multipart/Form-Data; boundary=x") == "multipart/form-data"
    assert media_type("") == "application/octet-stream"


@pytest.mark.parametrize("text", ["v6.20210815", "v7.20230615", "v8.20240915", "v9.20250722"])
def test_versions_of_all_clients(text):
    assert read_version({"x-backendai-version": text}).text == text


def test_unknown_version():
    with pytest.raises(Problem, match=r"Unsupported API version\."):
        read_version({"x-backendai-version": "v99.20990101"})


def test_older_version_header_is_named_in_the_signature():
    assert read_version({"x-sorna-version": "v4.20190615"}).label == "x-sorna-version"


def test_the_rate_limit_has_a_rolling_window():
    now = [0.0]
    limiter = RateLimiter(lambda: now[0])
    assert limiter.admit("KEY", 2).remaining == 1
    now[0] = 10.0
    assert limiter.admit("KEY", 2).remaining == 0
    with pytest.raises(Problem) as caught:
        limiter.admit("KEY", 2)
    assert caught.value.status == 429
    assert limiter.admit("OTHER", 2).remaining == 1
    now[0] = WINDOW + 1.0
    assert limiter.admit("KEY", 2).remaining == 0
