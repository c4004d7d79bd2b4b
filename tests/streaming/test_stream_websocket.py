"""The WebSocket server with real clients: what they get, and who is turned away."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from stream_parts import NAMES, VERTICES, local, lost, tracked
from waiting import PATIENCE_S, wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from dphm_core.streaming.address import StreamAddress
from dphm_core.streaming.face import FaceReader
from dphm_core.streaming.stream import Stream
from dphm_core.streaming.websocket import LONGEST_MESSAGE, MOST_CLIENTS, WebSocketLink

ANY_PORT = StreamAddress("ws", "127.0.0.1", 0)
FACE = FaceReader().read(tracked(5), NAMES)


@pytest.fixture
def link() -> Iterator[WebSocketLink]:
    link = WebSocketLink(ANY_PORT)
    yield link
    link.close()


@contextmanager
def client(link: WebSocketLink, origin: str | None = None) -> Iterator[ClientConnection]:
    """Another one that listens, once the server knows."""
    count, said = link.clients, None if origin is None else Origin(origin)
    with connect(f"ws://127.0.0.1:{link.port}", origin=said, open_timeout=PATIENCE_S) as opened:
        wait_until(lambda: link.clients > count)
        yield opened


def close_code(opened: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        opened.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_every_client_gets_every_frame(link: WebSocketLink) -> None:
    assert link.send(FACE) is False  # nobody is there
    with client(link) as first, client(link) as second:
        for frame in (tracked(5), lost(6)):
            assert link.send(FaceReader().read(frame, NAMES)) is True
            for opened in (first, second):
                text = opened.recv(timeout=PATIENCE_S)
                assert isinstance(text, str)
                content = json.loads(text)
                assert (content["frame"], content["status"]) == (frame.index, frame.status.value)
    wait_until(lambda: link.clients == 0)


def test_vertices_follow_where_they_are_asked_for() -> None:
    stream = Stream(StreamAddress("ws", "127.0.0.1", 0, vertices=True))
    wait_until(lambda: stream._link is not None)
    link = stream._link
    assert isinstance(link, WebSocketLink)
    with client(link) as opened:
        stream.send(tracked(5), NAMES)
        assert json.loads(opened.recv(timeout=PATIENCE_S))["frame"] == 5
        message = opened.recv(timeout=PATIENCE_S)
        assert isinstance(message, bytes) and message[:4] == b"DPHM"
        np.testing.assert_allclose(
            np.frombuffer(message, "<f4", offset=16).reshape(-1, 3), VERTICES * [1, -1, -1], atol=1e-6
        )
    assert stream.status.words.startswith("1 frame sent")
    stream.close()


@pytest.mark.parametrize(
    "origin", [None, "http://localhost", "http://127.0.0.1:8000", "https://localhost:5173", "http://[::1]:80"]
)
def test_programs_and_pages_of_this_computer_may_read(link: WebSocketLink, origin: str | None) -> None:
    with client(link, origin) as opened:
        link.send(FACE)
        assert json.loads(opened.recv(timeout=PATIENCE_S))["frame"] == 5


@pytest.mark.parametrize(
    "origin",
    ["https://example.org", "null", "file://", "http://localhost.example.org", "http://127.0.0.1.example.org:80",
     "https://example.org#http://localhost", "http://localhost:8000@example.org"],
)  # fmt: skip
def test_pages_of_other_sites_may_not(link: WebSocketLink, origin: str) -> None:
    """Not "null" either: every site can have frames of that origin."""
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{link.port}", origin=Origin(origin), open_timeout=PATIENCE_S)
    assert refused.value.response.status_code == 403
    assert link.clients == 0


@pytest.mark.parametrize(("message", "code"), [("stop", 1008), (b"\0", 1008), ("x" * (LONGEST_MESSAGE + 1), 1009)])
def test_who_speaks_is_sent_away(link: WebSocketLink, message: str | bytes, code: int) -> None:
    with client(link) as quiet:
        with client(link) as opened:
            opened.send(message)
            assert close_code(opened) == code
        wait_until(lambda: link.clients == 1)
        link.send(FACE)
        assert json.loads(quiet.recv(timeout=PATIENCE_S))["frame"] == 5


def test_no_more_than_so_many(link: WebSocketLink) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CLIENTS):
            stack.enter_context(client(link))
        with connect(f"ws://127.0.0.1:{link.port}", open_timeout=PATIENCE_S) as late:
            assert close_code(late) == 1013
        assert link.clients == MOST_CLIENTS


def test_one_that_does_not_read_gets_fewer_frames_and_slows_nobody_down(link: WebSocketLink) -> None:
    """It neither reads nor answers; memory stays bounded, and another client misses nothing."""
    with socket.create_connection(("127.0.0.1", link.port)) as asleep:
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        wait_until(lambda: link.clients == 1)
        (sleeper,) = link._clients
        with client(link) as awake:
            for _ in range(1500):
                link.send(FACE)
                awake.recv(timeout=PATIENCE_S)
            assert sleeper.transport.get_write_buffer_size() < 100_000
            assert sleeper.transport.get_write_buffer_size() > 0


def test_strangers_at_the_door_are_no_concern(link: WebSocketLink, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", link.port)) as stranger:
        stranger.sendall(b"hello\r\n\r\n")
        assert stranger.recv(4096)[:12] in (b"", b"HTTP/1.1 400")
    with client(link) as opened:
        link.send(FACE)
        assert opened.recv(timeout=PATIENCE_S)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_all_who_can_reach_this_computer_only_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    open_to_all = WebSocketLink(StreamAddress("ws", "0.0.0.0", 0))
    open_to_all.close()
    assert "can be read by everybody" in caplog.text
    caplog.clear()
    WebSocketLink(ANY_PORT).close()
    assert not caplog.records


def test_clients_are_told_goodbye_and_the_port_is_free_at_once() -> None:
    link = WebSocketLink(ANY_PORT)
    with client(link) as opened:
        started = time.perf_counter()
        link.close()
        assert time.perf_counter() - started < 6
        assert close_code(opened) == 1001
    WebSocketLink(local("ws", link.port)).close()


def test_an_address_of_another_computer_is_told() -> None:
    stream = Stream(StreamAddress("ws", "192.0.2.1", 8765))
    wait_until(lambda: stream.status.error is not None)
    assert "this computer has no address 192.0.2.1" in stream.status.words
    stream.close()
