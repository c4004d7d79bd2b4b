"""Recordings of RealSense and Orbbec cameras that are damaged, absurd or something else."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import orbbec_bag
from damage import Make, Malformed, cut_at, file, flip_at

BAG_DATA = Path(__file__).parent / "data"


def _recorded(name: str, change: Callable[[bytes], bytes]) -> Make:
    """A recording of RealSense's driver, changed."""
    return lambda place: file(name, change((BAG_DATA / name).read_bytes()))(place)


def _orbbec(*changed: orbbec_bag.Message, harm: Callable[[bytes], bytes] = lambda content: content) -> Make:
    """An Orbbec recording in which these messages stand for those of their topics; what is told comes first in it."""
    topics = {message.topic for message in changed}
    messages = [message for message in orbbec_bag.whole() if message.topic not in topics]

    def make(place: Path) -> Path:
        in_order = sorted([*messages, *changed], key=lambda message: message.kind.endswith("Image"))
        path = orbbec_bag.write_bag(place / "take.bag", in_order)
        path.write_bytes(harm(path.read_bytes()))
        return path

    return make


def _chunk_of_zeros(content: bytes) -> bytes:
    """Pack 256 MiB into the last chunk."""
    start = content.rindex(b"\x04\x22\x4d\x18")
    size = int.from_bytes(content[start - 4 : start], "little")
    packed = orbbec_bag.packed_lz4(bytes(256 << 20))
    return content[: start - 4] + struct.pack("<I", len(packed)) + packed + content[start + size :]


def _huge_image(size: tuple[int, int]) -> orbbec_bag.Message:
    return orbbec_bag.image(3, orbbec_bag.START_S, size, "mono16", b"\0" * 64)


def _record_of_4_gib(content: bytes) -> bytes:
    place = content.index(b"op=\x05")
    return content[: place - 8] + struct.pack("<I", 0xFFFFFFF0) + content[place - 4 :]


def _grown() -> list[orbbec_bag.Message]:
    width, height = (2 * side for side in orbbec_bag.DEPTH)
    pixels = np.full((height, width), 500, np.uint16).tobytes()
    return [orbbec_bag.image(3, orbbec_bag.START_S + i / 30, (width, height), "mono16", pixels) for i in range(4)]


def _profile(size: tuple[int, int], focal: float | None = None) -> orbbec_bag.Message:
    return orbbec_bag.profile(3, size, focal=focal)


def _renamed_profile(content: bytes) -> bytes:
    return content.replace(b"streamProfileType_3", b"streamProfileType_9")


def _robot(place: Path) -> Path:
    return orbbec_bag.write_bag(place / "take.bag", [orbbec_bag.Message("/chatter", "std_msgs/String", 1.0, b"hello")])


def _without_color(place: Path) -> Path:
    messages = [message for message in orbbec_bag.whole() if "sensor_2" not in message.topic]
    return orbbec_bag.write_bag(place / "take.bag", messages)


def _other_database(place: Path) -> Path:
    return _database(place, "CREATE TABLE people (name TEXT)")


def _endless_database(place: Path) -> Path:
    endless = (
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 1 AS topic_id, 0 AS timestamp"
    )
    return _database(
        place, f"CREATE TABLE topics (id INTEGER, name TEXT); CREATE VIEW messages AS {endless}, '' AS data FROM n"
    )


def _database(place: Path, script: str) -> Path:
    with closing(sqlite3.connect(place / "take.db3")) as database:
        database.executescript(script)
    return place / "take.db3"


BAGS = (
    Malformed("bag of zero length", file("take.bag", b""), "is an empty file"),
    Malformed("bag is a text", file("take.bag", b"hello" * 99), "no recording of a RealSense or Orbbec camera"),
    Malformed("bag of a robot", _robot, "it is of no RealSense or Orbbec camera"),
    *(
        Malformed(f"bag cut at {share:.0%}", _orbbec(harm=cut_at(share)), readable=-1)
        for share in (0.01, 0.5, 0.7, 0.95)
    ),
    *(
        Malformed(f"bag: a byte flipped at {share:.1%}", _orbbec(harm=flip_at(share)), readable=-1)
        for share in (0.0, 0.3, 0.5, 0.6, 0.8, 1.0)
    ),
    Malformed("bag of a RealSense cut at 60%", _recorded("realsense.bag", cut_at(0.6)), readable=-1),
    Malformed("bag of a RealSense: a byte flipped at 9.5%", _recorded("realsense.bag", flip_at(0.095)), readable=-1),
    Malformed("bag claims a record of 4 GiB", _orbbec(harm=_record_of_4_gib), "ends before its first picture"),
    Malformed("bag: 256 MiB of zeros packed into 1 MiB", _orbbec(harm=_chunk_of_zeros), "no colour image", 3),
    Malformed("bag: depth claims 4294967295x1", _orbbec(_huge_image((2**32 - 1, 1))), "no readable frame"),
    Malformed("bag: depth claims 65535x65535", _orbbec(_huge_image((65535, 65535))), "too few for 65535x65535"),
    Malformed("bag: depth is twice as large as its calibration", _orbbec(*_grown()), "were not set"),
    Malformed("bag: calibration for 60000x60000", _orbbec(_profile((60000, 60000))), "claims images of 60000x60000"),
    Malformed("bag: focal length 0", _orbbec(_profile(orbbec_bag.DEPTH, 1e-9)), "its calibration (focal lengths"),
    Malformed("bag: focal length NaN", _orbbec(_profile(orbbec_bag.DEPTH, float("nan"))), "its calibration (focal"),
    Malformed("bag: no calibration", _orbbec(harm=_renamed_profile), "it lacks its calibration"),
    Malformed("bag without colour", _without_color, "it holds no colour images"),
    Malformed("database of zero length", file("take.db3", b""), "is an empty file"),
    Malformed("database of something else", _other_database, "it is of no RealSense or Orbbec camera"),
    Malformed("database whose messages are a view without end", _endless_database, "it is of no RealSense"),
    *(
        Malformed(f"database cut at {share:.0%}", _recorded("realsense.db3", cut_at(share)), readable=-1)
        for share in (0.05, 0.5, 0.9)
    ),
    *(
        Malformed(f"database: a byte flipped at {share:.0%}", _recorded("realsense.db3", flip_at(share)), readable=-1)
        for share in (0.01, 0.3, 0.6, 0.9)
    ),
)
