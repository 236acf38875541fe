"""TLS: who is trusted, and what a user is told when someone is not."""

import pytest

from atoll.errors import ConfigError, Unreachable
from atoll.profiles import Profile
from atoll.transport import Request
from atoll_rest.transport import connect

pytestmark = pytest.mark.anyio


@pytest.fixture
def serve_tls(serve, answer):
    """Return a context manager that serves empty answers under a certificate."""

    async def handler(_seen, stream):
        await stream.send_all(answer())

    return lambda certificate: serve(handler, tls=certificate.server_context())


async def fetch(endpoint, **kw):
    transport = connect(Profile(name="lab", endpoint=endpoint, **kw))
    try:
        response = await transport.request(Request(method="GET", path="/", version="v7.20230615"))
        return await response.read()
    finally:
        await transport.aclose()


async def test_an_authority_of_the_profile_is_trusted(serve_tls, make_certificate):
    certificate = make_certificate()
    async with serve_tls(certificate) as server:
        assert await fetch(server.url, ca_file=certificate.file) == b"{}"


async def test_verification_can_be_given_up(serve_tls, make_certificate):
    async with serve_tls(make_certificate()) as server:
        assert await fetch(server.url, verify_tls=False) == b"{}"


async def test_a_self_signed_certificate_is_refused(serve_tls, make_certificate):
    async with serve_tls(make_certificate()) as server:
        with pytest.raises(Unreachable, match="is self-signed") as caught:
            await fetch(server.url)
    assert server.url in caught.value.message
    assert "ca_file" in caught.value.hint


async def test_an_expired_certificate_is_refused(serve_tls, make_certificate):
    certificate = make_certificate(days=-1)
    async with serve_tls(certificate) as server:
        with pytest.raises(Unreachable, match="has expired"):
            await fetch(server.url, ca_file=certificate.file)


async def test_a_certificate_of_the_future_points_at_the_clock(serve_tls, make_certificate):
    certificate = make_certificate(days=100)
    async with serve_tls(certificate) as server:
        with pytest.raises(Unreachable, match="is not valid yet") as caught:
            await fetch(server.url, ca_file=certificate.file)
    assert "clock" in caught.value.hint


async def test_a_certificate_for_someone_else_is_refused(serve_tls, make_certificate):
    certificate = make_certificate("192.0.2.1")
    async with serve_tls(certificate) as server:
        with pytest.raises(Unreachable, match="is for another address"):
            await fetch(server.url, ca_file=certificate.file)


async def test_a_server_without_tls_is_told_apart(serve):
    async def handler(_seen, _stream):
        return None

    async with serve(handler) as server:
        with pytest.raises(Unreachable, match="does not speak TLS"):
            await fetch(server.url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), ("nothing here", "holds no certificates")]
)
async def test_a_ca_file_of_no_use_is_named(tmp_path, content, told):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with pytest.raises(ConfigError, match=told) as caught:
        connect(Profile(name="lab", endpoint="https://127.0.0.1:1", ca_file=str(file)))
    assert str(file) in caught.value.message
