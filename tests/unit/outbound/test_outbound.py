"""The guarded HTTP client, against real servers on loopback and DNS answers of our own."""

import socket
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask, Response, redirect, request

from lti_tool.errors import AddressRefusedError, AnswerTooLargeError, OutboundError
from lti_tool.outbound import USER_AGENT, HttpClient, origin_of

Live = Callable[[Any], str]


@pytest.fixture
def client() -> HttpClient:
    """A client that may reach loopback, as in development."""
    return HttpClient(timeout=(2.0, 2.0), allowed_private_hosts=("127.0.0.1", "localhost"))


@pytest.fixture
def host(live: Live) -> str:
    """The base address of a small host."""
    app = Flask("host")

    @app.route("/echo", methods=["GET", "POST", "PUT"])
    def echo() -> dict[str, Any]:
        return {"method": request.method, "headers": dict(request.headers), "body": request.get_data(as_text=True)}

    @app.get("/big")
    def big() -> Response:
        return Response((b"x" * 1000 for _ in range(50)), mimetype="text/plain")

    @app.get("/hops/<int:left>")
    def hops(left: int) -> Any:
        return redirect(f"/hops/{left - 1}") if left else "arrived"

    @app.get("/away")
    def away() -> Any:
        return redirect(request.args["to"])

    @app.get("/broken")
    def broken() -> tuple[str, int]:
        return "<html>not JSON</html>", 503

    @app.get("/slow")
    def slow() -> Response:
        def trickle() -> Iterable[bytes]:
            while True:
                yield b"x" * 70000

        return Response(trickle(), mimetype="text/plain")

    return live(app)


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Make DNS answer ``addresses`` for every name."""

    def getaddrinfo(host: str, port: int, **_options: Any) -> list[Any]:
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_answers_carry_status_headers_and_body(client: HttpClient, host: str) -> None:
    answer = client.post(f"{host}/echo", data={"a": "b c"}, headers={"X-Own": "1"})
    seen = answer.json()
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert seen["method"] == "POST"
    assert seen["body"] == "a=b+c"
    assert seen["headers"]["X-Own"] == "1"
    assert seen["headers"]["User-Agent"] == USER_AGENT
    assert seen["headers"]["Host"] == host.removeprefix("http://")


def test_json_is_sent_as_json(client: HttpClient, host: str) -> None:
    seen = client.request("PUT", f"{host}/echo", json={"a": 1}).json()
    assert seen["headers"]["Content-Type"] == "application/json"
    assert seen["body"] == '{"a": 1}'


def test_a_failure_status_is_an_answer_and_its_body_no_json(client: HttpClient, host: str) -> None:
    answer = client.get(f"{host}/broken")
    assert answer.status == 503
    assert answer.text.startswith("<html>")
    with pytest.raises(OutboundError, match=r"^127\.0\.0\.1 did not answer JSON\.$") as caught:
        answer.json()
    assert caught.value.code == "answer_malformed"


def test_an_answer_has_a_largest_size(client: HttpClient, host: str) -> None:
    assert len(client.get(f"{host}/big", max_bytes=50_000).body) == 50_000
    with pytest.raises(AnswerTooLargeError) as caught:
        client.get(f"{host}/big", max_bytes=49_999)
    assert caught.value.retryable is False


def test_a_call_has_a_longest_time(host: str) -> None:
    client = HttpClient(allowed_private_hosts=("127.0.0.1",), total_seconds=0.2)
    with pytest.raises(OutboundError, match="took longer") as caught:
        client.get(f"{host}/slow", max_bytes=10**12)
    assert caught.value.code == "host_slow"


def test_redirects_are_followed_only_when_asked_and_counted(client: HttpClient, host: str) -> None:
    assert client.get(f"{host}/hops/2").status == 302
    answer = client.get(f"{host}/hops/2", max_redirects=2)
    assert (answer.status, answer.text, answer.url) == (200, "arrived", f"{host}/hops/0")
    with pytest.raises(AddressRefusedError) as caught:
        client.get(f"{host}/hops/3", max_redirects=2)
    assert caught.value.code == "too_many_redirects"


def test_a_redirect_cannot_lead_to_a_private_address(client: HttpClient, host: str) -> None:
    with pytest.raises(AddressRefusedError):
        client.get(f"{host}/away?to=https://169.254.169.254/latest", max_redirects=3)


@pytest.mark.parametrize("same", [True, False])
def test_credentials_stay_at_their_origin(client: HttpClient, host: str, same: bool) -> None:
    target = host if same else host.replace("127.0.0.1", "localhost")
    answer = client.get(
        f"{host}/away?to={target}/echo", headers={"Authorization": "Bearer t", "X-Own": "1"}, max_redirects=1
    )
    assert ("Authorization" in answer.json()["headers"]) is same
    assert answer.json()["headers"]["X-Own"] == "1"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://user:secret@example.org/",
        "https://example.org:port/",
        "https:///path",
        "example.org",
    ],
)
def test_addresses_that_are_not_plain_https_are_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        HttpClient().get(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "224.0.0.1",
        "ff02::1",
    ],
)
def test_private_addresses_are_refused_whatever_the_name(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolving_to(monkeypatch, address)
    with pytest.raises(AddressRefusedError, match="LTI_BADGES_ALLOWED_PRIVATE_HOSTS"):
        HttpClient().get("https://innocent.example.org/")


def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "93.184.216.34", "10.0.0.1")
    with pytest.raises(AddressRefusedError):
        HttpClient().check_address("https://innocent.example.org/")


def test_public_addresses_are_called_over_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "93.184.216.34")
    assert HttpClient().check_address("https://example.org/") == "93.184.216.34"
    with pytest.raises(AddressRefusedError, match="over https"):
        HttpClient().check_address("http://example.org/")


@pytest.mark.parametrize("entry", ["Moodle.Intern", "10.0.0.0/8", "10.0.0.7"])
def test_a_listed_private_host_is_called(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    resolving_to(monkeypatch, "10.0.0.7")
    client = HttpClient(allowed_private_hosts=(entry,))
    assert client.check_address("https://moodle.intern/") == "10.0.0.7"


def test_a_listed_network_does_not_list_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "10.0.0.7", "10.9.0.7")
    with pytest.raises(AddressRefusedError):
        HttpClient(allowed_private_hosts=("10.0.0.0/16",)).check_address("https://moodle.intern/")


def test_the_checked_address_is_the_called_one(monkeypatch: pytest.MonkeyPatch, client: HttpClient, host: str) -> None:
    """A name that changes its address between check and call (DNS rebinding) wins nothing."""
    real, asked = socket.getaddrinfo, []

    def getaddrinfo(name: Any, port: Any, *rest: Any, **options: Any) -> Any:
        asked.append(name)
        return real("127.0.0.1" if name == "localhost" else name, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    answer = client.get(f"{host.replace('127.0.0.1', 'localhost')}/echo")
    assert answer.json()["headers"]["Host"].startswith("localhost:")
    assert asked == ["localhost", "127.0.0.1"]


def test_an_unknown_name_is_an_outbound_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(OutboundError, match="not known to DNS") as caught:
        HttpClient().get("https://nowhere.example.org/")
    assert caught.value.retryable is True


def test_a_refused_connection_names_the_host_not_the_address(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OutboundError, match=r"^127\.0\.0\.1 could not be reached \(ConnectionError\)\.$") as caught:
        client.get(f"http://127.0.0.1:{port}/path?token=secret")
    assert "secret" not in str(caught.value)


def test_a_silent_host_is_given_up() -> None:
    client = HttpClient(timeout=(1.0, 0.1), allowed_private_hosts=("127.0.0.1",))
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(OutboundError, match="did not answer in time") as caught,
    ):
        client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert caught.value.code == "host_slow"


def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, client: HttpClient, host: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert client.get(f"{host}/echo").status == 200


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.org/a?b#c", "https://example.org"),
        ("https://example.org:443/", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("https://example.org:8443/", "https://example.org:8443"),
        ("http://example.org:443/", "http://example.org:443"),
    ],
)
def test_origin(url: str, origin: str) -> None:
    assert origin_of(url) == origin
