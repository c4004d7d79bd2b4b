"""JSON by datagrams; and that no receiver, bad or gone, ever holds up or ends tracking."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time

import pytest
from stream_parts import NAMES, SHAPES, free_port, local, lost, receiver, tracked
from waiting import PATIENCE_S, wait_until

from dphm_core.streaming.address import StreamAddress
from dphm_core.streaming.face import LiveFace
from dphm_core.streaming.links import DatagramLink
from dphm_core.streaming.stream import RETRY_S, Broadcast, Stream, StreamStatus


def test_json_arrives_as_it_was_tracked() -> None:
    box, port = receiver()
    with box, Broadcast([local("udp", port)]) as broadcast:
        for frame in (tracked(5), lost(6)):
            broadcast.send(frame, NAMES)
            content = json.loads(box.recv(65536))
            assert content["frame"] == frame.index and content["status"] == frame.status.value
        broadcast.send(tracked(8), NAMES)
        shapes = json.loads(box.recv(65536))["blendshapes"]
        assert {name: value for name, value in shapes.items() if value} == pytest.approx(SHAPES)
        wait_until(lambda: broadcast.statuses[0].sent == 3)
        assert broadcast.statuses[0].words == "3 frames sent"


def test_several_streams_get_the_same_frames() -> None:
    boxes = [receiver() for _ in range(3)]
    with Broadcast([local("udp", port) for _, port in boxes]) as broadcast:
        broadcast.send(tracked(9), NAMES)
        assert [json.loads(box.recv(65536))["frame"] for box, _ in boxes] == [9, 9, 9]
    for box, _ in boxes:
        box.close()


def test_the_newest_frame_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network hangs; whoever sends is not held up, and what goes out once it is back is not old."""
    send, entered, free = DatagramLink.send, threading.Event(), threading.Event()

    def hanging(link: DatagramLink, face: LiveFace) -> bool:
        entered.set()
        assert free.wait(PATIENCE_S)
        return send(link, face)

    monkeypatch.setattr(DatagramLink, "send", hanging)
    box, port = receiver()
    with box, Broadcast([local("udp", port)]) as broadcast:
        broadcast.send(tracked(0), NAMES)
        assert entered.wait(PATIENCE_S)
        for index in range(1, 101):
            broadcast.send(tracked(index), NAMES)
        free.set()
        assert [json.loads(box.recv(65536))["frame"] for _ in range(2)] == [0, 100]
        wait_until(lambda: broadcast.statuses[0].sent == 2)
        assert broadcast.statuses[0].dropped == 99
        assert broadcast.statuses[0].words == "2 frames sent, 99 dropped"


def test_a_receiver_that_is_not_there_is_told_once_and_may_come(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with Broadcast([local("udp", port)]) as broadcast:

        def goes_on() -> StreamStatus:
            broadcast.send(tracked(), NAMES)
            time.sleep(0.01)
            return broadcast.statuses[0]

        wait_until(lambda: goes_on().error is not None)
        for _ in range(5):
            goes_on()
        assert "nobody listens there yet" in broadcast.statuses[0].words
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
            box.bind(("127.0.0.1", port))
            wait_until(lambda: goes_on().error is None)
            box.settimeout(PATIENCE_S)
            assert json.loads(box.recv(65536))["frame"] == 3
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1 and "start the receiver" in told[0].getMessage()


def test_a_host_that_nobody_knows_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with Broadcast([StreamAddress.parse("osc://no-such-host.invalid")]) as broadcast:
        broadcast.send(tracked(), NAMES)
        wait_until(lambda: broadcast.statuses[0].error is not None)
        assert "the host 'no-such-host.invalid' is not known" in broadcast.statuses[0].words
        assert broadcast.statuses[0].sent == 0
    assert len(caplog.records) == 1 and "\n" not in caplog.records[0].getMessage()


def test_a_host_that_takes_long_to_look_up_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found, asked = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:  # as where a network's name server does not answer
        asked.set()
        found.wait(PATIENCE_S)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr("dphm_core.streaming.links.socket.getaddrinfo", look_up)
    broadcast = Broadcast([StreamAddress.parse("osc://studio.example")])
    assert asked.wait(PATIENCE_S)
    started = time.monotonic()
    broadcast.close()
    took_s = time.monotonic() - started
    found.set()
    assert took_s < 2.0
    assert "still waits" not in caplog.text


def test_what_could_not_be_opened_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RETRY_S > 0
    monkeypatch.setattr("dphm_core.streaming.stream.RETRY_S", 0.05)
    port = free_port(socket.SOCK_STREAM)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        stream = Stream(local("ws", port))
        wait_until(lambda: stream.status.error is not None)
        assert f"another program uses port {port}" in stream.status.words

    def opened() -> bool:
        stream.send(tracked(), NAMES)
        return stream.status.error is None

    wait_until(opened)
    assert stream.status.clients == 0
    stream.close()


def test_a_slip_in_a_stream_ends_the_stream_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Not even what nobody thought of may reach the tracking thread."""
    box, port = receiver()
    with box, Broadcast([local("udp", port)]) as broadcast:
        broadcast.send("no frame", NAMES)  # type: ignore[arg-type]
        wait_until(lambda: broadcast.statuses[0].error is not None)
        broadcast.send(tracked(), NAMES)
        assert "AttributeError" in broadcast.statuses[0].words
    assert "ends" in caplog.text


def test_closing_twice_is_harmless() -> None:
    broadcast = Broadcast([local("udp", free_port()), local("ws", free_port(socket.SOCK_STREAM))])
    broadcast.close()
    broadcast.close()
    broadcast.send(tracked(), NAMES)  # to nobody
    assert [status.sent for status in broadcast.statuses] == [0, 0]
