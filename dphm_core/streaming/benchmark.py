"""What streaming costs: the tracking thread's time, a stream's own, a frame's bytes, and its way to a receiver here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, sleep

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import DphmError
from dphm_core.evaluation.timing import WARM_UP, check_repeats, time_call
from dphm_core.export.arkit import ARKIT
from dphm_core.frames import Observation, RGBDFrame, Similarity, TrackedFrame, TrackStatus
from dphm_core.streaming.address import LOOPBACK, StreamAddress
from dphm_core.streaming.encoders import ENCODERS, json_object, vertices_message
from dphm_core.streaming.face import FaceReader
from dphm_core.streaming.stream import Stream

KINDS = {
    "OSC": "osc://{host}:{port}",
    "VMC": "vmc://{host}:{port}",
    "JSON over UDP": "udp://{host}:{port}",
    "WebSocket": "ws://{host}:{port}",
    "WebSocket with vertices": "ws://{host}:{port}?vertices=1",
}
"""What is measured: addresses by their names."""
VERTICES = 16_434
"""Of the default model's mesh."""
PERIOD_S = 0.01
"""Rest between frames, as there is one between a camera's."""
PATIENCE_S = 5.0
DATAGRAM_BYTES = 1 << 16
NAMES = tuple(source for shape in ARKIT for source in shape.sources)
"""Of expression weights."""

Receive = Callable[[], object]


@dataclass(frozen=True)
class StreamCost:
    """What one kind of stream costs for each frame."""

    kind: str
    bytes: int
    hand_over_us: float
    """Median on the tracking thread."""
    encode_us: float
    """Median on the stream's own thread, for working the numbers out and writing them."""
    latency_ms: tuple[float, float]
    """Median and 95th percentile, from the tracking thread to the receiver."""


def stream_benchmark(repeats: int) -> list[StreamCost]:
    """Stream a made-up frame again and again, one at a time, to a receiver in this process.

    Raises
    ------
    SettingError
        Less than one repeat.
    DphmError
        A frame did not arrive.
    """
    check_repeats(repeats)
    return [_cost(kind, made_up_face(), repeats) for kind in KINDS]


def made_up_face() -> TrackedFrame:
    """A tracked frame with every number that can be streamed."""
    rng = np.random.default_rng(0)
    nothing = np.zeros((0, 3), np.float32)
    camera = Intrinsics(320, 240, 300.0, 300.0, 160.0, 120.0)
    frame = RGBDFrame(0, 0.0, None, np.zeros((0, 0), np.float32), camera)
    return TrackedFrame(
        Observation(frame, nothing, nothing, None),
        TrackStatus.TRACKING,
        "following the head",
        Similarity(np.diag([1, -1, -1]).astype(np.float32), np.array([0, 0, 0.6], np.float32)),
        rng.random(len(NAMES), dtype=np.float32),
        rng.standard_normal((VERTICES, 3)).astype(np.float32),
        confidence=1.0,
    )


def _cost(kind: str, tracked: TrackedFrame, repeats: int) -> StreamCost:
    address = StreamAddress.parse(KINDS[kind].format(host=LOOPBACK, port=_free_port()))
    reader = FaceReader(vertices=address.vertices)

    def encode() -> bytes:
        face = reader.read(tracked, NAMES)
        return ENCODERS.get(address.kind, json_object)(face) + (vertices_message(face) or b"")

    encoding = time_call(encode, repeats)
    handing, arriving = _times(address, tracked, repeats)
    median, late = np.percentile(arriving, [50, 95]) * 1e3
    costs = (float(np.median(handing)) * 1e6, encoding["median_ms"] * 1e3)
    return StreamCost(kind, len(encode()), *costs, (float(median), float(late)))


def _times(address: StreamAddress, tracked: TrackedFrame, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of handing over and until arrival, frame by frame."""
    handing, arriving = [], []
    with _receiver(address) as (stream, receive):
        for _ in range(repeats + WARM_UP):
            started = perf_counter()
            stream.send(tracked, NAMES)
            handed = perf_counter()
            receive()
            arriving.append(perf_counter() - started)
            handing.append(handed - started)
            sleep(PERIOD_S)
    return handing[WARM_UP:], arriving[WARM_UP:]


@contextmanager
def _receiver(address: StreamAddress) -> Iterator[tuple[Stream, Receive]]:
    """A stream to somebody who waits for it."""
    opened = _web_client if address.kind == "ws" else _datagrams
    try:
        with opened(address) as both:
            yield both
    except OSError as error:  # time limits, too
        raise DphmError(f"{address}: a frame did not arrive ({error}); is a firewall in its way?") from error


@contextmanager
def _datagrams(address: StreamAddress) -> Iterator[tuple[Stream, Receive]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
        box.bind((address.host, address.port))
        box.settimeout(PATIENCE_S)
        stream = Stream(address)
        try:
            yield stream, lambda: box.recv(DATAGRAM_BYTES)
        finally:
            stream.close()


@contextmanager
def _web_client(address: StreamAddress) -> Iterator[tuple[Stream, Receive]]:
    from websockets.sync.client import connect

    stream = Stream(address)
    try:
        ends = perf_counter() + PATIENCE_S
        while stream.status.clients is None and perf_counter() < ends:
            sleep(PERIOD_S)
        with connect(f"ws://{address.host}:{address.port}", max_size=None, compression=None) as client:
            while not stream.status.clients and perf_counter() < ends:
                sleep(PERIOD_S)
            yield stream, lambda: [client.recv(PATIENCE_S) for _ in range(1 + address.vertices)]
    finally:
        stream.close()


def _free_port() -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as box:
        box.bind((LOOPBACK, 0))
        return int(box.getsockname()[1])
