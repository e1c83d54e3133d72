"""The guard before real servers, asked by real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from door import Door, answer, door, wait_until

KEY = "ein-schlüssel"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def opened() -> Iterator[Door]:
    """One without a key, that takes 1000 bytes."""
    with door(body=1000, header_seconds=1, body_seconds=1, allow=("lean.example.org",)) as here:
        yield here


@pytest.fixture(scope="module")
def locked() -> Iterator[Door]:
    with door(key=KEY) as here:
        yield here


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_another_name_is_refused_in_a_sentence(opened: Door, method: str) -> None:
    request = f"{method} /any HTTP/1.1"
    status, said = opened.ask("Host: evil.example", request=request)
    assert (status, "'evil.example'" in said and "--allow-host" in said) == (421, True)
    assert opened.ask("Host: lean.example.org:99", request=request)[0] == 200
    assert opened.ask(request=request)[0] == 200
    assert opened.ask("Host: a b", request=request)[0] == 400
    assert opened.ask("Host: localhost", "Host: localhost", request=request)[0] == 400


def test_control_characters_of_a_client_are_not_said_as_they_are(opened: Door) -> None:
    status, said = opened.ask("Host: evil\x85\x9b1m.example")
    assert status == 421 and said.isascii() and said.isprintable()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
        ("http://localhost:3000", 200),
        ("https://lean.example.org", 200),
    ],
)
def test_pages_of_other_sites_may_not_ask(opened: Door, origin: str, status: int) -> None:
    assert opened.ask(f"Origin: {origin}")[0] == status
    assert opened.ask(f"Origin: {origin}", request="GET /any HTTP/1.1")[0] == 200


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        (["Content-Length: 5"], b"hello", 200),
        ([CHUNKED], b"5\r\nhello\r\n0\r\n\r\n", 200),
        (["Content-Length: 5", CHUNKED], b"0\r\n\r\n", 400),
        ([CHUNKED, "Content-Length: 5"], b"0\r\n\r\n", 400),
        (["Content-Length: 5", "Content-Length: 5"], b"hello", 400),
        (["Content-Length: 5, 5"], b"hello", 400),
        (["Content-Length: 5", "Content-Length: 6"], b"hello", 400),
        (["Content-Length: +5"], b"hello", 400),
        (["Content-Length: 0x5"], b"hello", 400),
        (["Content-Length: -1"], b"", 400),
        (["Content-Length: 1" + "0" * 30], b"", 400),
        (["Content-Length: 1" + "0" * 17], b"", 413),
        (["Content-Length: 1001"], b"", 413),
        ([CHUNKED], b"3e9\r\n" + b"a" * 1001 + b"\r\n", 413),
        ([CHUNKED, CHUNKED], b"0\r\n\r\n", 400),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_how_long_a_body_is(opened: Door, lines: list[str], body: bytes, status: int, method: str) -> None:
    assert opened.ask(*lines, body=body, request=f"{method} /any HTTP/1.1")[0] == status


def test_a_client_that_sends_too_much_reads_why(opened: Door) -> None:
    """It is not hung up on while it writes."""
    assert opened.ask("Content-Length: 3000000", body=b"a" * 3_000_000)[0] == 413


@pytest.mark.parametrize("started", [b"", b"POST / HTTP/1.1\r\nHost: loc"])
def test_headers_that_do_not_come_are_not_waited_for(opened: Door, started: bytes) -> None:
    with opened.connect() as to:
        to.sendall(started)
        begun = time.monotonic()
        assert answer(to)[0] == 408
        assert 0.5 < time.monotonic() - begun < 4
        assert to.recv(1) == b""


@pytest.mark.parametrize("first", [False, True])
def test_headers_that_come_byte_by_byte_are_not_waited_for(opened: Door, first: bool) -> None:
    with opened.connect() as to:
        if not first:
            assert answer(opened.send(to))[0] == 200
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 8:
                to.sendall(b"POST / HTTP/1.1\r\n"[:1] if time.monotonic() == begun else b"x")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize("lines", [["Content-Length: 900"], [CHUNKED]])
def test_a_body_that_comes_byte_by_byte_is_not_waited_for(opened: Door, lines: list[str]) -> None:
    with opened.connect() as to:
        opened.send(to, *lines)
        begun = time.monotonic()
        to.settimeout(0.1)
        got = b""
        while not got and time.monotonic() - begun < 8:
            to.sendall(b"1\r\nx\r\n" if CHUNKED in lines else b"x")
            try:
                got = to.recv(1000)
            except TimeoutError:
                continue
        assert b" 408 " in got and time.monotonic() - begun < 4


def test_what_comes_after_a_refusal_is_not_waited_for_either(opened: Door) -> None:
    with opened.connect() as to:
        assert answer(opened.send(to, "Content-Length: 100000"))[0] == 413
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 10:
                to.sendall(b"x")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() - begun < 6


def test_after_an_answer_the_connection_is_good_for_the_next_request(opened: Door) -> None:
    with opened.connect() as to:
        for size in (5, 900, 0, 1):
            assert answer(opened.send(to, f"Content-Length: {size}", body=b"a" * size)) == (200, str(size))
        assert answer(opened.send(to, "Content-Length: 5000", body=b"a" * 5000))[0] == 413
        assert answer(opened.send(to)) == (200, "0")


def test_requests_one_behind_the_other_are_answered_in_order(opened: Door) -> None:
    with opened.connect() as to:
        head = f"POST / HTTP/1.1\r\nHost: localhost:{opened.port}\r\nContent-Length: "
        to.sendall(b"".join(f"{head}{size}\r\n\r\n{'a' * size}".encode() for size in (3, 4, 5)))
        got = b""
        while not got.endswith(b"5"):
            got += to.recv(10_000)
        bodies = [part.partition(b"\r\n\r\n")[2] for part in got.split(b"HTTP/1.1 200 OK")]
        assert bodies == [b"", b"3", b"4", b"5"]


# The key.


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Authorization: Bearer"],
        ["Authorization: Bearer wrong"],
        ["Authorization: Bearer \xfc\xff"],
        ["Authorization: "],
        [f"Authorization: Basic {KEY}"],
        ["Authorization: Bearer x", "Authorization: Bearer y"],
        ["X-Api-Key: x"],
    ],
)
@pytest.mark.parametrize(
    "path", ["/any", "//health", "/health/", "/health/..", "/%2e/health", "/HEALTH", "/?/health"]
)
def test_without_the_key_the_body_is_not_waited_for(locked: Door, lines: list[str], path: str) -> None:
    """Nothing of it is sent here."""
    begun = time.monotonic()
    status, said = locked.ask(*lines, "Content-Length: 18000000", request=f"POST {path} HTTP/1.1")
    assert (status, "API key" in said) == (401, True)
    assert time.monotonic() - begun < 3


def test_with_the_key_it_is_served(locked: Door) -> None:
    token = KEY.encode().decode("latin-1")
    for line in (f"Authorization: Bearer {token}", f"authorization: bearer  {token}"):
        assert locked.ask(line, "Content-Length: 2", body=b"ab") == (200, "2")
    assert locked.ask(request="GET /health HTTP/1.1")[0] == 200
    assert locked.ask(request="POST /health HTTP/1.1")[0] == 401


# Memory and connections.


def unfinished(here: Door, count: int, size: int) -> list[object]:
    """Connections that have sent all but the end of a body, as far as the server takes it."""
    held = []
    for _ in range(count):
        to = here.connect()
        to.settimeout(0.5)
        with suppress(OSError):  # what is refused need not be taken
            here.send(to, f"Content-Length: {size}", body=b"a" * (size - 1))
        held.append(to)
    return held


def test_unfinished_bodies_without_the_key_take_no_memory(locked: Door) -> None:
    before = locked.memory_mb()
    held = unfinished(locked, 40, 18_000_000)
    assert locked.memory_mb() - before < 60
    assert len(held) == 40


def test_bytes_under_way_are_bounded_over_all_requests() -> None:
    with door(under_way=60_000_000) as here:
        before = here.memory_mb()
        held = unfinished(here, 40, 18_000_000)
        assert here.memory_mb() - before < 200
        status, said = here.ask("Content-Length: 18000000", body=b"a" * 18_000_000)
        assert (status, "try again later" in said) == (503, True)
        for to in held:
            to.close()  # type: ignore[attr-defined]
        assert wait_until(
            lambda: here.ask("Content-Length: 9000000", body=b"a" * 9_000_000) == (200, "9000000")
        )


def test_connections_are_bounded_and_idle_ones_end() -> None:
    with door(connections=20, header_seconds=2) as here:
        held = [here.connect() for _ in range(20)]
        with here.connect() as one_more:
            status, said = answer(one_more)
        assert (status, "try again later" in said) == (503, True)
        assert [answer(to)[0] for to in held] == [408] * 20
        assert wait_until(lambda: here.ask()[0] == 200)


def test_a_client_that_does_not_take_its_answer_is_hung_up_on() -> None:
    with door(answer_seconds=1) as here, here.connect() as to:
        before = here.memory_mb()
        here.send(to, request="GET /long HTTP/1.1")
        assert wait_until(lambda: here.memory_mb() > before + 20)
        time.sleep(2.5)
        got = 0
        try:
            while part := to.recv(1 << 20):
                got += len(part)
        except OSError:
            pass
        assert got < 30_000_000
