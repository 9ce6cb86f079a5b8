"""The connections under the guarded client: slow hosts, bombs, cookies, many hosts, and whose certificate counts."""

import datetime as dt
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lti_tool import outbound
from lti_tool.errors import AddressRefusedError, AnswerTooLargeError, OutboundError
from lti_tool.outbound import HttpClient

LOOPBACK = "127.0.0.1"
Speak = Callable[[socket.socket], None]


@contextmanager
def speaking(speak: Speak, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A host that reads each request and then says whatever ``speak`` sends; yields its port."""
    listener = socket.create_server((LOOPBACK, 0))

    def answer(connected: socket.socket) -> None:
        try:
            with connected, tls.wrap_socket(connected, server_side=True) if tls else connected as plain:
                plain.recv(65536)
                speak(plain)
        except OSError:  # the client went away, which is what most tests are about
            return

    def accept() -> None:
        while True:
            try:
                connected, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connected,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.fixture
def host() -> Iterator[Callable[..., int]]:
    """``host(speak)`` starts a host until the test ends; returns its port."""
    with ExitStack() as stack:
        yield lambda speak, tls=None: stack.enter_context(speaking(speak, tls))


def client(**options: Any) -> HttpClient:
    return HttpClient(timeout=(2.0, 2.0), allowed_private_hosts=(LOOPBACK, "localhost"), **options)


def saying(*parts: bytes, pause: float = 0.0) -> Speak:
    def speak(connected: socket.socket) -> None:
        for part in parts:
            connected.sendall(part)
            time.sleep(pause)

    return speak


DROPS = [b"x"] * 100


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *DROPS],
        [b"HTTP/1.1 200 OK\r\n\r\n", *DROPS],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n", *DROPS],
        [b"HTTP/1.1 200 OK\r\nX-Long: ", *DROPS],
    ],
    ids=["length", "no length", "chunked", "headers"],
)
def test_a_host_that_drips_is_given_up_in_time(host: Callable[..., int], parts: list[bytes]) -> None:
    """Each byte is well within the time between bytes; the whole would take five seconds."""
    port, begun = host(saying(*parts, pause=0.05)), time.monotonic()
    with pytest.raises(OutboundError, match=r"^127\.0\.0\.1 took longer than 0\.3 s\.$") as caught:
        client(total_seconds=0.3).get(f"http://{LOOPBACK}:{port}/")
    assert caught.value.code == "host_slow"
    assert time.monotonic() - begun < 2


def test_redirects_share_one_time(host: Callable[..., int]) -> None:
    def speak(connected: socket.socket) -> None:
        time.sleep(0.2)
        connected.sendall(b"HTTP/1.1 302 Found\r\nLocation: /on\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with pytest.raises(OutboundError, match="took longer"):
        client(total_seconds=0.5).get(f"http://{LOOPBACK}:{host(speak)}/", max_redirects=9)


def test_a_call_in_time_leaves_the_connection_usable(host: Callable[..., int]) -> None:
    def speak(connected: socket.socket) -> None:
        for _ in range(2):
            connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connected.recv(65536)

    one, url = client(total_seconds=0.3), f"http://{LOOPBACK}:{host(speak)}/"
    assert one.get(url).text == "ok"
    time.sleep(0.4)
    assert one.get(url).text == "ok"


@pytest.mark.parametrize("times", [1, 2])
def test_a_small_answer_that_grows_is_stopped(host: Callable[..., int], times: int) -> None:
    body = b"\0" * 50_000_000
    for _ in range(times):
        body = gzip.compress(body)
    encoding = ", ".join(["gzip"] * times)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    with pytest.raises(AnswerTooLargeError):
        client().get(f"http://{LOOPBACK}:{host(saying(head.encode() + body))}/", max_bytes=100_000)


def test_the_body_of_a_redirect_is_not_read_beyond_the_limit(host: Callable[..., int]) -> None:
    sent: list[int] = []

    def speak(connected: socket.socket) -> None:
        connected.sendall(b"HTTP/1.1 302 Found\r\nLocation: /on\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            connected.sendall(b"x" * 100_000)
            sent.append(100_000)

    with pytest.raises(AnswerTooLargeError):
        client().get(f"http://{LOOPBACK}:{host(speak)}/", max_bytes=1000, max_redirects=3)
    assert sum(sent) < 20_000_000


def test_an_answer_nested_beyond_reading_is_no_json(host: Callable[..., int]) -> None:
    body = b"[" * 100_000
    port = host(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body))
    with pytest.raises(OutboundError) as caught:
        client().get(f"http://{LOOPBACK}:{port}/").json()
    assert caught.value.code == "answer_malformed"


def test_no_cookie_is_kept(host: Callable[..., int]) -> None:
    """One client serves all learners and all tenants; a host must not tell that two calls belong together."""
    seen: list[bytes] = []

    def speak(connected: socket.socket) -> None:
        for _ in range(2):
            connected.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: who=ada\r\nContent-Length: 0\r\n\r\n")
            seen.append(connected.recv(65536))

    one, url = client(), f"http://{LOOPBACK}:{host(speak)}/"
    one.get(url)
    one.get(url)
    assert seen[0].startswith(b"GET")
    assert b"who" not in seen[0]


def test_strangers_cannot_make_it_remember_any_number_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "MOST_HOSTS", 2)
    with ExitStack() as stack:
        speak = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        ports = [stack.enter_context(speaking(speak)) for _ in range(4)]
        one = client()
        for port in [*ports, ports[0]]:
            assert one.get(f"http://{LOOPBACK}:{port}/").status == 200
        assert [key[2] for key in one._adapters] == [ports[3], ports[0]]


@pytest.mark.parametrize("url", ["https://[x", "https://[::1", "http://[/"])
def test_what_is_no_address_is_refused(host: Callable[..., int], url: str) -> None:
    with pytest.raises(AddressRefusedError):
        client().get(url)
    location = f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(AddressRefusedError):
        client().get(f"http://{LOOPBACK}:{host(saying(location))}/", max_redirects=1)


# -- TLS --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """A certificate authority of our own, and a server's TLS for ``right.example``."""

    bundle: Path
    server: ssl.SSLContext


def _certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey) -> bytes:
    now = dt.datetime.now(dt.UTC)
    is_authority = name == issuer
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority, and DNS that leads both names to loopback."""
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    bundle, chain = tmp_path / "ca.pem", tmp_path / "server.pem"
    bundle.write_bytes(_certificate("Test CA", root, "Test CA", root))
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(_certificate("right.example", own, "Test CA", root) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    real = socket.getaddrinfo

    def getaddrinfo(name: Any, port: Any, *rest: Any, **options: Any) -> Any:
        return real(LOOPBACK if str(name).endswith(".example") else name, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return Authority(bundle, server)


def fetched(authority: Authority, host: Callable[..., int], name: str) -> int:
    speak = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    one = HttpClient(timeout=(2.0, 2.0), allowed_private_hosts=("right.example", "wrong.example"))
    return one.get(f"https://{name}:{host(speak, authority.server)}/").status


def test_a_trusted_certificate_counts_for_its_own_name_alone(
    authority: Authority, host: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call goes to an address, the certificate is checked against the name."""
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(authority.bundle))
    assert fetched(authority, host, "right.example") == 200
    with pytest.raises(OutboundError, match="SSLError"):
        fetched(authority, host, "wrong.example")


def test_an_authority_nobody_knows_is_refused_whatever_the_environment_says(
    authority: Authority, host: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(authority.bundle))
    with pytest.raises(OutboundError, match="SSLError"):
        fetched(authority, host, "right.example")
