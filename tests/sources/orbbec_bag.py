"""Writes bags as Orbbec's SDK 2 does: the same topics, messages and records; its own player opens them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import lz4.frame
import numpy as np

DEPTH, COLOR = (64, 48), (128, 96)
"""Width and height."""
LENS = (0.1, -0.05, 0.01, 0.0, 0.0, 0.0, 0.001, 0.002)
ROTATION = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
"""A quarter turn about the optical axis, row by row."""
TRANSLATION_MM = (0.0, 0.0, 10.0)
START_S = 7.0
SUMS = {
    "sensor_msgs/Image": "060021388200f6f0f447d0fcd9c64743",
    "custom_msg/OBStreamProfileInfo": "0123456789abcdef0123456789abcdef",
    "custom_msg/OBProperty": "0123456789abcdef0123456789abcdef",
    "custom_msg/OBDeviceInfo": "afef5328bb4abebd1a309e1ea8b26b3a",
    "custom_msg/OBDisparityParam": "afef5328bb4abebd1a309e1ea8b26b3a",
}


@dataclass(frozen=True)
class Message:
    """A message of a topic."""

    topic: str
    kind: str
    time_s: float
    content: bytes


def blob(content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return struct.pack("<I", len(content)) + content


def head(time_s: float) -> bytes:
    return struct.pack("<III", 0, int(time_s), round(time_s % 1 * 1e9)) + blob("")


def image(kind: int, time_s: float, size: tuple[int, int], encoding: str, content: bytes) -> Message:
    """A picture of the sensor of this number."""
    micros = round(time_s * 1e6)
    body = struct.pack("<II", size[1], size[0]) + blob(encoding) + struct.pack("<BI", 0, 0) + blob(content)
    rest = struct.pack("<fQQQQ", 0.0, 1, micros, micros, micros) + blob(b"") + struct.pack("<I", 0)
    return Message(f"/cam/sensor_{kind}/frameType_{kind}", "sensor_msgs/Image", time_s, head(time_s) + body + rest)


def profile(kind: int, size: tuple[int, int], model: int = 4, focal: float | None = None) -> Message:
    """What is told of the stream of this number."""
    width, height = size
    camera = (focal or width, focal or width, width / 2 - 0.5, height / 2 - 0.5)
    numbers = (*ROTATION, *TRANSLATION_MM) if kind == 3 else (0.0,) * 12
    body = struct.pack("<BB12fHHH", kind, {2: 5, 3: 8}[kind], *numbers, width, height, 30)
    body += struct.pack("<12fB", *camera, *(LENS if kind == 2 else (0.0,) * 8), model)
    return Message(f"/cam/streamProfileType_{kind}", "custom_msg/OBStreamProfileInfo", START_S, head(START_S) + body)


def device() -> Message:
    """Of which camera it is."""
    texts = [blob(text) for text in ("Orbbec Femto Bolt", "Orbbec Femto Bolt", "?")]
    body = b"".join(texts) + struct.pack("<HH", 0x2BC5, 0x066B)
    body += b"".join(blob(text) for text in ("uid", "0007", "1.1.2", "", "2.0.0", "USB3.0"))
    body += struct.pack("<HB", 0, 0) + blob("") + blob("")
    return Message("/cam/deviceInfo", "custom_msg/OBDeviceInfo", START_S, head(START_S) + body)


def pictures(count: int, color_encoding: str = "mjpg") -> list[Message]:
    """Depth at 500 mm and one more per frame, and colour whose green is 20 per frame."""
    messages = []
    for number in range(count):
        time_s = START_S + number / 30
        depth = np.full(DEPTH[::-1], 500 + number, np.uint16)
        bgr = np.full((*COLOR[::-1], 3), (5, 20 * number, 200), np.uint8)
        packed = bytes(cv2.imencode(".jpg", bgr)[1]) if color_encoding == "mjpg" else bgr.tobytes()
        messages += [
            image(3, time_s, DEPTH, "mono16", depth.tobytes()),
            image(2, time_s + 0.002, COLOR, color_encoding, packed),
        ]
    return messages


def version() -> Message:
    """The format's version, 2, without which the player takes the file for an older one."""
    body = struct.pack("<I", 0) + blob(struct.pack("<d", 2.0)) + struct.pack("<I", 8)
    return Message("/cam/property", "custom_msg/OBProperty", START_S, head(START_S) + body)


def whole(count: int = 4) -> list[Message]:
    """All messages of a recording."""
    return [version(), *pictures(count), device(), profile(2, COLOR), profile(3, DEPTH)]


def record(fields: dict[str, bytes], content: bytes) -> bytes:
    listed = b"".join(blob(name.encode() + b"=" + value) for name, value in fields.items())
    return blob(listed) + blob(content)


def number(value: int) -> bytes:
    return struct.pack("<I", value)


def stamp(time_s: float) -> bytes:
    return struct.pack("<II", int(time_s), round(time_s % 1 * 1e9))


def write_bag(path: Path, messages: Sequence[Message], packing: str = "lz4") -> Path:
    """Write them, each in a chunk of its own, with the index at the end."""
    topics = {message.topic: message.kind for message in messages}
    numbers = {topic: index for index, topic in enumerate(topics)}
    connections = [_connection(numbers[topic], topic, kind) for topic, kind in topics.items()]
    body, facts, start = b"", b"", 13 + 4096
    for message in messages:
        chunk, fact = _chunk(message, numbers[message.topic], connections, packing, start + len(body))
        body, facts = body + chunk, facts + fact
    index = start + len(body)
    fields = {"op": b"\x03", "index_pos": struct.pack("<Q", index)}
    counts = {"conn_count": number(len(topics)), "chunk_count": number(len(messages))}
    bag_head = record(fields | counts, b"")
    bag_head = bag_head[:-4] + blob(b" " * (4096 - len(bag_head)))
    path.write_bytes(b"#ROSBAG V2.0\n" + bag_head + body + b"".join(connections) + facts)
    return path


def _connection(connection: int, topic: str, kind: str) -> bytes:
    told = {"topic": topic, "type": kind, "md5sum": SUMS.get(kind, "0" * 32), "message_definition": "?"}
    fields = {"op": b"\x07", "conn": number(connection), "topic": topic.encode()}
    return record(fields, b"".join(blob(f"{name}={value}") for name, value in told.items()))


def _chunk(
    message: Message, connection: int, connections: Iterable[bytes], packing: str, start: int
) -> tuple[bytes, bytes]:
    """A chunk with its index, and what the end of the file tells of it."""
    told = list(connections)[connection]
    fields = {"op": b"\x02", "conn": number(connection), "time": stamp(message.time_s)}
    content = told + record(fields, message.content)
    packed = packed_lz4(content) if packing == "lz4" else content
    chunk = record({"op": b"\x05", "compression": packing.encode(), "size": number(len(content))}, packed)
    index = {"op": b"\x04", "ver": number(1), "conn": number(connection), "count": number(1)}
    times = {"start_time": stamp(message.time_s), "end_time": stamp(message.time_s)}
    fact = {"op": b"\x06", "ver": number(1), "chunk_pos": struct.pack("<Q", start), **times, "count": number(1)}
    placed = record(index, stamp(message.time_s) + number(len(told)))
    return chunk + placed, record(fact, number(connection) + number(1))


def packed_lz4(content: bytes) -> bytes:
    """As ROS packs, with blocks by themselves and a checksum: the camera's player unpacks nothing else."""
    return lz4.frame.compress(content, block_linked=False, store_size=False, content_checksum=True)
