"""Whom a server answers for."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.http_server.hosts import host_of, hosts_for


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("localhost.:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("[0:0::1]", True),
        ("lean.example.org:80", True),
        ("a.b.example.net", True),
        ("example.net", False),
        ("evilexample.net", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("evil.example.localhost:1", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.2", False),
        ("2130706433", False),
        ("localhost@evil.example", False),
        ("evil.example#localhost", False),
        ("localhost evil.example", False),
        ("localhost\tx", False),
        ("localhost:80:80", False),
        ("localhost:8o", False),
        ("[::1", False),
        ("", False),
        ("\xfc", False),
    ],
)
def test_only_the_names_that_are_meant(header: str, allowed: bool) -> None:
    hosts = hosts_for("127.0.0.1", ["lean.example.org", "*.example.net"])
    host = host_of(header.encode("latin-1"))
    assert (host is not None and hosts.allow(host)) == allowed


def test_where_it_listens_is_a_name_of_its_own() -> None:
    assert hosts_for("lean.lan").allow("Lean.LAN") and hosts_for("10.0.0.7").allow("10.0.0.7")
    assert not hosts_for("10.0.0.7").allow("10.0.0.8")


@pytest.mark.parametrize("listening", ["0.0.0.0", "::"])
def test_on_every_network_addresses_and_its_own_name_are_good_but_no_other_name(listening: str) -> None:
    hosts = hosts_for(listening)
    assert all(map(hosts.allow, ["10.1.2.3", "[fe80::1]", "localhost", socket.gethostname()]))
    assert not hosts.allow("evil.example")
    assert hosts_for(listening, ["*"]).allow("evil.example")


@pytest.mark.parametrize("name", ["http://a.b", "a.b:80", "a/b", "", "*.*", "a*", "*.", "a b"])
def test_what_is_no_name_is_said(name: str) -> None:
    with pytest.raises(ValueError, match="is no host name"):
        hosts_for("127.0.0.1", [name])


@given(st.binary(max_size=30))
def test_any_header_is_read(header: bytes) -> None:
    host = host_of(header)
    assert (
        host is None
        or not hosts_for("127.0.0.1").allow(host)
        or b"localhost" in header.lower()
        or b"1" in header
    )
