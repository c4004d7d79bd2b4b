"""Malformed recordings, each made from a whole one by one kind of damage; the rows of docs/bad-input.md."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import orbbec_bag
from folder_recordings import CALIBRATION, HEIGHT, WIDTH, color_image, depth_image, make_recording, write_image
from k4a_recording import RecordedImages, record
from stack_recordings import make_stack

from dphm_core.sources.stack_file import MAGIC, STACK_FILE

BAG_DATA = Path(__file__).parent / "data"
CAMERA_DATA = Path(__file__).parents[1] / "camera/data/k4a_calibration.json"
Harm = Callable[[Path], object]
"""Spoils the whole recording in a folder, or the file it is given."""


@dataclass(frozen=True)
class Malformed:
    """One kind of malformed recording."""

    name: str
    make: Callable[[Path], Path]
    """Makes it in an empty folder, and gives what to open."""
    told: str = ""
    """Part of the error, or of a warning; empty where another library's words are passed on."""
    readable: int = 0
    """Frames that can be read all the same; -1 where it depends on where the damage lies."""


def _folder(harm: Harm) -> Callable[[Path], Path]:
    def make(place: Path) -> Path:
        recording = make_recording(place / "take")
        harm(recording)
        return recording

    return make


def _each(kind: str, change: Callable[[bytes, int], bytes]) -> Harm:
    """Change the bytes of all images in color/ or depth/; told the file's place in line."""

    def harm(folder: Path) -> None:
        for index, path in enumerate(sorted((folder / kind).iterdir())):
            path.write_bytes(change(path.read_bytes(), index))

    return harm


def _one(change: Callable[[Path], object]) -> Harm:
    """Put something else in the place of the depth image 1."""

    def harm(folder: Path) -> None:
        path = folder / "depth/00001.png"
        path.unlink()
        change(path)

    return harm


def _depths(make: Callable[[int], np.ndarray]) -> Harm:
    def harm(folder: Path) -> None:
        for index in range(4):
            write_image(folder / f"depth/{index:05d}.png", make(index))

    return harm


def _swap(folder: Path) -> None:
    (folder / "color").rename(folder / "c")
    (folder / "depth").rename(folder / "color")
    (folder / "c").rename(folder / "depth")


def _without(name: str) -> Harm:
    return lambda folder: shutil.rmtree(folder / name)


def _text(name: str, text: str | bytes) -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    return harm


def _calibration(**changes: object) -> Harm:
    return _text("calibration.json", json.dumps({"color": CALIBRATION | changes}))


def _column(text: str) -> Harm:
    def harm(folder: Path) -> None:
        (folder / "calibration.json").unlink()
        _text("camera/c00_color_intrinsic.txt", text)(folder)

    return harm


def _times(times: object, **more: object) -> Harm:
    return _text("timestamps.json", json.dumps({"timestamps_s": times} | more))


def _meta(times: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3), **changes: object) -> Harm:
    frames = [{"timestamp_s": time, "fx": 30.0, "fy": 30.0, "cx": 16.0, "cy": 12.0} for time in times]
    return _text("meta.json", json.dumps({"depth_unit_m": 0.001, "frames": frames} | changes))


def png(width: int, height: int, pixels: bytes) -> bytes:
    """A one-channel 16-bit PNG that claims this size, with right checksums, whatever its compressed pixels are."""
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _rename(old: str, new: str) -> Harm:
    def harm(folder: Path) -> None:
        for kind in ("color", "depth"):
            (folder / kind / f"{old}.png").rename(folder / kind / f"{new}.png")

    return harm


def _sparse(name: str, size: int) -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).touch()
        os.truncate(folder / name, size)

    return harm


def _huge_jpeg(content: bytes, index: int) -> bytes:
    jpeg = bytes(cv2.imencode(".jpg", color_image(index))[1])
    size = jpeg.find(b"\xff\xc0") + 5
    return jpeg[:size] + struct.pack(">HH", 60000, 60000) + jpeg[size + 4 :]


def _cut_jpeg(content: bytes, index: int) -> bytes:
    jpeg = bytes(cv2.imencode(".jpg", color_image(index))[1])
    return jpeg[: len(jpeg) * (index + 1) // 5]


def _cut(content: bytes, index: int) -> bytes:
    return content[: int(np.random.default_rng(index).integers(1, len(content)))]


def _noise(content: bytes, index: int) -> bytes:
    return np.random.default_rng(index).bytes(len(content))


def _ring(place: Path) -> Path:
    (place / "one").symlink_to(place / "two")
    (place / "two").symlink_to(place / "one")
    return place / "one"


def _unreadable(folder: Path) -> None:
    (folder / "depth").chmod(0)


IMAGES = (
    Malformed("empty folder", lambda place: place, "is an empty folder"),
    Malformed("no depth/", _folder(_without("depth")), "no images in 'depth/'"),
    Malformed("no color/", _folder(_without("color")), "no images in 'color/'"),
    Malformed("colour in depth/ and depth in color/", _folder(_swap), "is an 8-bit image; depth must be 16-bit"),
    Malformed("8-bit depth", _folder(_depths(lambda i: depth_image(i).astype(np.uint8))), "is an 8-bit image"),
    Malformed("3-channel depth", _folder(_depths(lambda i: np.dstack([depth_image(i)] * 3))), "has 3 channels"),
    Malformed("bytes of depth swapped", _folder(_depths(lambda i: depth_image(i).byteswap())), "bytes may be", 4),
    Malformed("depth cut at random bytes", _folder(_each("depth", _cut)), "is cut off"),
    Malformed("depth of zero length", _folder(_each("depth", lambda *_: b"")), "is empty"),
    Malformed("colour of zero length", _folder(_each("color", lambda *_: b"")), "is empty"),
    Malformed("depth of random bytes", _folder(_each("depth", _noise)), "not a PNG or JPEG"),
    Malformed("colour is a JPEG cut at several places", _folder(_each("color", _cut_jpeg)), "cut off"),
    Malformed("colour claims 60000x60000 (JPEG)", _folder(_each("color", _huge_jpeg)), "claims a size of 60000x60000"),
    Malformed(
        "depth claims 2147483647x2147483647",
        _folder(_each("depth", lambda *_: png(2**31 - 1, 2**31 - 1, zlib.compress(b"")))),
        "claims a size of 2147483647x2147483647",
    ),
    Malformed("depth claims 0x0", _folder(_each("depth", lambda *_: png(0, 0, b""))), "claims a size of 0x0"),
    Malformed(
        "zeros packed a thousandfold (64 MiB) in one depth image",
        _folder(_one(lambda path: path.write_bytes(png(WIDTH, HEIGHT, zlib.compress(bytes(64 << 20)))))),
        readable=-1,
    ),
    Malformed(
        "one depth image of 8192x8192 zeros",
        _folder(_one(lambda path: path.write_bytes(png(8192, 8192, zlib.compress(bytes(8192 * 16385)))))),
        "depth is 8192x8192 (not registered)",
        3,
    ),
    Malformed(
        "one depth image with pixels that do not unpack",
        _folder(_one(lambda path: path.write_bytes(png(WIDTH, HEIGHT, b"no zlib")))),
        readable=-1,
    ),
    Malformed(
        "a size of its own for every depth image",
        _folder(_depths(lambda i: np.full((HEIGHT + i, WIDTH), 500, np.uint16))),
        "not registered",
        1,
    ),
    Malformed("a depth image is a pipe", _folder(_one(lambda path: os.mkfifo(path))), "00001.png is no file", 3),
    Malformed(
        "a depth image is a link to /dev/zero",
        _folder(_one(lambda path: path.symlink_to("/dev/zero"))),
        "is no file",
        3,
    ),
    Malformed("a depth image is a folder", _folder(_one(Path.mkdir)), "is no file", 3),
    Malformed("a depth image is a link to itself", _folder(_one(lambda path: path.symlink_to(path))), "symbolic", 3),
    Malformed("a depth image is a link to nowhere", _folder(_one(lambda p: p.symlink_to("gone"))), "No such file", 3),
    Malformed("links in a ring instead of a folder", _ring, "does not exist"),
    Malformed("frame number 10000000 after 0", _folder(_rename("00003", "10000000")), readable=4),
    Malformed("frame number 99999999", _folder(_rename("00003", "99999999")), "frame numbers end at", 3),
    Malformed("depth/ without permission", _folder(_unreadable), "check its permissions"),
)

CALIBRATIONS = (
    *(
        Malformed(f"'{name}' is {value}", _folder(_calibration(**{name: value})), f"'{name}'")
        for name, value in (
            ("fx", float("nan")),
            ("fx", 0),
            ("fy", -600.0),
            ("fy", 1e9),
            ("fx", float("inf")),
            ("fx", "six hundred"),
            ("fx", None),
            ("fx", True),
            ("fx", [600]),
            ("cx", -1e9),
            ("cy", 700.0),
            ("k1", 1e300),
            ("width", 1280),
            ("height", 0.5),
            ("metric_radius", -1),
        )
    ),
    Malformed("calibration.json of zero length", _folder(_text("calibration.json", "")), "is not valid JSON"),
    Malformed("calibration.json cut", _folder(_text("calibration.json", '{"color": {"fx": 6')), "is not valid JSON"),
    Malformed("calibration.json is a list", _folder(_text("calibration.json", "[1]")), "must hold a JSON object"),
    Malformed("'color' is a list", _folder(_text("calibration.json", '{"color": [1]}')), "'color' must be an object"),
    Malformed("100000 nested brackets", _folder(_text("calibration.json", "[" * 100_000)), "is not valid JSON"),
    Malformed("a number of 5000 digits", _folder(_text("calibration.json", "9" * 5000)), "is not valid JSON"),
    Malformed("calibration.json in UTF-16", _folder(_text("calibration.json", "{}".encode("utf-16"))), "is no text"),
    Malformed("calibration.json of 65 MiB", _folder(_sparse("calibration.json", 65 << 20)), "is larger than"),
    Malformed("no calibration", _folder(lambda folder: (folder / "calibration.json").unlink()), "no calibration"),
    Malformed("column file of 3 numbers", _folder(_column("1 2 3")), "holds 3 numbers"),
    Malformed("column file with NaN", _folder(_column("nan " * 12)), "'fx' is nan"),
    Malformed("column file of words", _folder(_column("cx cy fx")), "must be a column of numbers"),
    Malformed("meta.json: depth unit 0", _folder(_meta(depth_unit_m=0)), "'depth_unit_m' is 0"),
    Malformed("meta.json: depth unit of metres", _folder(_meta(depth_unit_m=0.1)), "its unit needs", 4),
    Malformed("meta.json: fewer entries than frames", _folder(_meta((0.0, 1.0))), "'frames' has 2 entries"),
    Malformed("meta.json: 'frames' is a number", _folder(_meta(frames=7)), "'frames' must be a list"),
)
CLOCKS = (
    Malformed("a time is NaN", _folder(_times([0, float("nan"), 0.2, 0.3])), "'timestamps_s[1]' is nan"),
    Malformed("a time is a text", _folder(_times(["0:00", 1, 2, 3])), "'timestamps_s[0]' must be a number"),
    Malformed("times is an object", _folder(_times({})), "must be a list of seconds"),
    Malformed("times fall", _folder(_times([3, 2, 1, 0])), "do not rise", 4),
    Malformed("all times are the same", _folder(_times([5, 5, 5, 5])), "do not rise", 4),
    Malformed("too few times", _folder(_times([7.0, 7.1])), "2 times, but the last frame is 3", 4),
    Malformed("no times", _folder(_times([])), "0 times, but the last frame is 3", 4),
    Malformed("frame rate 0", _folder(_times([0, 1, 2, 3], fps=0)), "'fps' is 0"),
    Malformed("meta.json: a time is NaN", _folder(_meta((0.0, float("nan"), 1.0, 2.0))), "'timestamp_s' is nan"),
    Malformed("meta.json: times fall", _folder(_meta((3.0, 2.0, 1.0, 0.0))), "do not rise", 4),
    Malformed("meta.json: centuries between the times", _folder(_meta((0.0, 1e10, 2e10, 3e10))), readable=4),
)


def _stack(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def make(place: Path) -> Path:
        make_stack(place / "take")
        path = place / "take" / STACK_FILE
        path.write_bytes(change(path.read_bytes()))
        return place / "take"

    return make


def _flipped(content: bytes, share: float) -> bytes:
    """Invert the byte after this share of the file."""
    place = int(share * (len(content) - 1))
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _swapped_header(content: bytes) -> bytes:
    return content[:8] + content[8:16][::-1] + content[16:]


STACKS = (
    Malformed("frames.stack of zero length", _stack(lambda _: b""), "was cut off at its beginning"),
    Malformed("frames.stack is something else", _stack(lambda c: bytes(len(c))), "is not a recording of this program"),
    Malformed("frames.stack: bytes of the header swapped", _stack(_swapped_header), "claims a header of"),
    Malformed(
        "frames.stack claims a header of 1 GiB",
        _stack(lambda c: MAGIC + struct.pack("<II", 1 << 30, 0) + c[16:]),
        "claims a header of 1073741824 bytes",
    ),
    Malformed("frames.stack: a byte flipped in the header", _stack(lambda c: _flipped(c, 0.004)), "at its beginning"),
    *(
        Malformed(
            f"frames.stack: a byte flipped at {share:.0%}", _stack(lambda c, s=share: _flipped(c, s)), readable=-1
        )
        for share in (0.1, 0.3, 0.6, 0.9, 1.0)
    ),
    *(
        Malformed(f"frames.stack cut at {share:.0%}", _stack(lambda c, s=share: c[: int(s * len(c))]), readable=-1)
        for share in (0.05, 0.5, 0.98)
    ),
)


def _sensor(kind: str, part: str) -> dict[str, object]:
    """An inertial sensor that measures as it should: without two of them the SDK refuses a calibration."""
    return {
        "SensorType": f"CALIBRATION_InertialSensorType_{kind}",
        "Id": f"CALIBRATION_InertialSensorId_{part}",
        "ModelTypeMask": 16,
        "BiasTemperatureModel": [0.0] * 12,
        "BiasUncertainty": [1e-4] * 3,
        "MixingMatrixTemperatureModel": [float(i in (0, 16, 32)) for i in range(36)],
        "Noise": [1e-3] * 6,
        "Rt": {"Rotation": [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0], "Translation": [0.0] * 3},
        "SecondOrderScaling": [0.0] * 9,
        "TemperatureBounds": [5.0, 60.0],
        "TemperatureC": 0.0,
    }


def kinect_calibration() -> str:
    """The factory calibration of the test data, with inertial sensors."""
    told = json.loads(CAMERA_DATA.read_text())
    told["CalibrationInformation"]["InertialSensors"] = [
        _sensor("Gyro", "LSM6DSM"),
        _sensor("Accelerometer", "LSM6DSM"),
    ]
    return json.dumps(told)


def _mkv(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A Kinect recording of depth alone, changed."""

    def make(place: Path) -> Path:
        return _kinect(place, kinect_calibration().encode(), change)

    return make


def _mkv_calibration(change: Callable[[str], str]) -> Callable[[Path], Path]:
    return lambda place: _kinect(place, change(kinect_calibration()).encode(), lambda content: content)


def _kinect(place: Path, calibration: bytes, change: Callable[[bytes], bytes]) -> Path:
    path = place / "take.mkv"
    rng = np.random.default_rng(0)
    depths = [rng.integers(500, 520, (576, 640), dtype=np.uint16) for _ in range(6)]
    record(
        path, calibration, [RecordedImages(33_333 * i, None, depth) for i, depth in enumerate(depths)], "COLOR_MJPG", 0
    )
    path.write_bytes(change(path.read_bytes()))
    return path


def _color_alone(place: Path) -> Path:
    path, color = place / "take.mkv", cv2.imencode(".jpg", np.full((720, 1280, 3), 90, np.uint8))[1].ravel()
    images = [RecordedImages(33_333 * i, color, None) for i in range(3)]
    record(path, kinect_calibration().encode(), images, depth_mode=0)
    return path


def _foreign(place: Path) -> Path:
    path = place / "film.mkv"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for index in range(5):
        film.write(np.full((48, 64, 3), 40 * index, np.uint8))
    film.release()
    return path


def _file(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(place: Path) -> Path:
        (place / name).write_bytes(content)
        return place / name

    return make


def _recorded(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A recording of RealSense's driver, changed."""
    return lambda place: _file(name, change((BAG_DATA / name).read_bytes()))(place)


def _orbbec(
    *changed: orbbec_bag.Message, harm: Callable[[bytes], bytes] = lambda content: content
) -> Callable[[Path], Path]:
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


def _cut_at(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(share * len(content))]


def _flip_at(share: float) -> Callable[[bytes], bytes]:
    return lambda content: _flipped(content, share)


def _pipe(place: Path) -> Path:
    os.mkfifo(place / "take.mkv")
    return place / "take.mkv"


KINECTS = (
    Malformed("MKV of zero length", _file("take.mkv", b""), "is an empty file"),
    Malformed("MKV is a text", _file("take.mkv", b"hello" * 99), "not a Matroska file"),
    Malformed("MKV ends behind its first four bytes", _file("take.mkv", b"\x1a\x45\xdf\xa3"), ""),
    Malformed("MKV of another camera", _foreign, "is no Kinect recording"),
    Malformed("MKV of colour alone", _color_alone, "has no depth: it can be shown", 3),
    *(
        Malformed(f"MKV cut at {share:.2%}", _mkv(lambda c, s=share: c[: int(s * len(c))]), readable=-1)
        for share in (0.0005, 0.01, 0.3, 0.6, 0.95, 0.999)
    ),
    *(
        Malformed(f"MKV: a byte flipped at {share:.2%}", _mkv(lambda c, s=share: _flipped(c, s)), readable=-1)
        for share in (0.0, 0.0001, 0.0005, 0.2, 0.5, 0.8, 1.0)
    ),
    Malformed("MKV: calibration is no JSON", _mkv_calibration(lambda text: text[:100])),
    Malformed("MKV: calibration is a list", _mkv_calibration(lambda _: "[]")),
    Malformed(
        "MKV: 'ModelParameters' is a text",
        _mkv_calibration(lambda text: text.replace('"ModelParameters": [', '"ModelParameters": "", "x": [')),
    ),
    Malformed("MKV: calibration with NaN", _mkv_calibration(lambda text: text.replace("0.5129697918891907", "NaN"))),
    Malformed("MKV is a pipe", _pipe, "does not exist"),
    Malformed("file of no known kind", _file("take.bag2", b"?"), "is of no known kind"),
    Malformed("nothing there", lambda place: place / "gone", "does not exist"),
)

BAGS = (
    Malformed("bag of zero length", _file("take.bag", b""), "is an empty file"),
    Malformed("bag is a text", _file("take.bag", b"hello" * 99), "no recording of a RealSense or Orbbec camera"),
    Malformed("bag of a robot", _robot, "it is of no RealSense or Orbbec camera"),
    *(
        Malformed(f"bag cut at {share:.0%}", _orbbec(harm=_cut_at(share)), readable=-1)
        for share in (0.01, 0.5, 0.7, 0.95)
    ),
    *(
        Malformed(f"bag: a byte flipped at {share:.1%}", _orbbec(harm=_flip_at(share)), readable=-1)
        for share in (0.0, 0.3, 0.5, 0.6, 0.8, 1.0)
    ),
    Malformed("bag of a RealSense cut at 60%", _recorded("realsense.bag", _cut_at(0.6)), readable=-1),
    Malformed("bag of a RealSense: a byte flipped at 9.5%", _recorded("realsense.bag", _flip_at(0.095)), readable=-1),
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
    Malformed("database of zero length", _file("take.db3", b""), "is an empty file"),
    Malformed("database of something else", _other_database, "it is of no RealSense or Orbbec camera"),
    Malformed("database whose messages are a view without end", _endless_database, "it is of no RealSense"),
    *(
        Malformed(f"database cut at {share:.0%}", _recorded("realsense.db3", _cut_at(share)), readable=-1)
        for share in (0.05, 0.5, 0.9)
    ),
    *(
        Malformed(f"database: a byte flipped at {share:.0%}", _recorded("realsense.db3", _flip_at(share)), readable=-1)
        for share in (0.01, 0.3, 0.6, 0.9)
    ),
)

OWN_READERS = (*IMAGES, *CALIBRATIONS, *CLOCKS, *STACKS, *BAGS)
"""Read by this program alone."""
ALL = (*OWN_READERS, *KINECTS)
WHOLE = (
    Malformed("whole folder", _folder(lambda folder: None), readable=4),
    Malformed("whole frames.stack", _stack(lambda content: content), readable=4),
    Malformed("whole MKV", _mkv(lambda content: content), readable=6),
)
"""What the damaged ones are made from: it is the damage that is told of, and nothing else."""
