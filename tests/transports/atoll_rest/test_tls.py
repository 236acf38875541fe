"""TLS: who is trusted, and what a user is told when someone is not."""

from contextlib import suppress
from functools import partial

import pytest
import trio

from atoll import ConfigError, Profile, Unreachable
from atoll.transport import Request
from atoll_rest.transport import connect


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
    ("content", "told"), [(None, "no such file"), ("nothing here", "holds no certificates")]
)
async def test_a_ca_file_of_no_use_is_named(tmp_path, content, told):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with pytest.raises(ConfigError, match=told) as caught:
        connect(Profile(name="lab", endpoint="https://127.0.0.1:1", ca_file=str(file)))
    assert str(file) in caught.value.message


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("place", "told"),
    [("nothing", "can't be read: no such file"), ("notes.txt", "holds no certificates")],
)
async def test_a_variable_that_names_no_authorities_is_named(
    tmp_path, monkeypatch, variable, place, told
):
    (tmp_path / "notes.txt").write_text("no PEM")
    monkeypatch.setenv(variable, str(tmp_path / place))
    with pytest.raises(ConfigError, match=f"variable {variable} names .*{place}, which {told}"):
        await fetch("https://127.0.0.1:1")


async def test_an_authority_of_the_environment_is_trusted(serve_tls, make_certificate, monkeypatch):
    certificate = make_certificate()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.file))
    async with serve_tls(certificate) as server:
        assert await fetch(server.url) == b"{}"


@pytest.mark.parametrize("kind", ["close", "alert", "page"])
async def test_http_that_meets_tls_is_told(serve, serve_tls, answer, make_certificate, kind):
    told = {"alert": b"\x15\3\1\0\2\2\x46", "page": answer(b"<p>", status=400)}

    async with serve_tls(make_certificate()) as server:

        async def either(stream):
            first = await stream.receive_some(1024)
            if first[:1] == b"\x16":
                onward = await trio.open_tcp_stream("127.0.0.1", server.port)
                async with stream, onward, trio.open_nursery() as nursery:
                    await onward.send_all(first)
                    nursery.start_soon(copy, stream, onward)
                    nursery.start_soon(copy, onward, stream)
                return
            await stream.send_all(told.get(kind, b""))
            await stream.aclose()

        async with trio.open_nursery() as nursery:
            start = partial(trio.serve_tcp, either, 0, host="127.0.0.1")
            port = (await nursery.start(start))[0].socket.getsockname()[1]
            with pytest.raises(Unreachable, match=f"http://127.0.0.1:{port} speaks TLS") as caught:
                await fetch(f"http://127.0.0.1:{port}")
            nursery.cancel_scope.cancel()
    assert "https rather than http" in caught.value.hint


async def copy(source, sink):
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for data in source:
            await sink.send_all(data)
        await sink.aclose()
