"""Folders of images that are damaged, absurd or something else."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from damage import Harm, Malformed, spoilt
from folder_recordings import HEIGHT, WIDTH, color_image, depth_image, write_image


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
    Malformed("no depth/", spoilt(_without("depth")), "no images in 'depth/'"),
    Malformed("no color/", spoilt(_without("color")), "no images in 'color/'"),
    Malformed("colour in depth/ and depth in color/", spoilt(_swap), "is an 8-bit image; depth must be 16-bit"),
    Malformed("8-bit depth", spoilt(_depths(lambda i: depth_image(i).astype(np.uint8))), "is an 8-bit image"),
    Malformed("3-channel depth", spoilt(_depths(lambda i: np.dstack([depth_image(i)] * 3))), "has 3 channels"),
    Malformed("bytes of depth swapped", spoilt(_depths(lambda i: depth_image(i).byteswap())), "bytes may be", 4),
    Malformed("depth cut at random bytes", spoilt(_each("depth", _cut)), "is cut off"),
    Malformed("depth of zero length", spoilt(_each("depth", lambda *_: b"")), "is empty"),
    Malformed("colour of zero length", spoilt(_each("color", lambda *_: b"")), "is empty"),
    Malformed("depth of random bytes", spoilt(_each("depth", _noise)), "not a PNG or JPEG"),
    Malformed("colour is a JPEG cut at several places", spoilt(_each("color", _cut_jpeg)), "cut off"),
    Malformed("colour claims 60000x60000 (JPEG)", spoilt(_each("color", _huge_jpeg)), "claims a size of 60000x60000"),
    Malformed(
        "depth claims 2147483647x2147483647",
        spoilt(_each("depth", lambda *_: png(2**31 - 1, 2**31 - 1, zlib.compress(b"")))),
        "claims a size of 2147483647x2147483647",
    ),
    Malformed("depth claims 0x0", spoilt(_each("depth", lambda *_: png(0, 0, b""))), "claims a size of 0x0"),
    Malformed(
        "zeros packed a thousandfold (64 MiB) in one depth image",
        spoilt(_one(lambda path: path.write_bytes(png(WIDTH, HEIGHT, zlib.compress(bytes(64 << 20)))))),
        readable=-1,
    ),
    Malformed(
        "one depth image of 8192x8192 zeros",
        spoilt(_one(lambda path: path.write_bytes(png(8192, 8192, zlib.compress(bytes(8192 * 16385)))))),
        "depth is 8192x8192 (not registered)",
        3,
    ),
    Malformed(
        "one depth image with pixels that do not unpack",
        spoilt(_one(lambda path: path.write_bytes(png(WIDTH, HEIGHT, b"no zlib")))),
        readable=-1,
    ),
    Malformed(
        "a size of its own for every depth image",
        spoilt(_depths(lambda i: np.full((HEIGHT + i, WIDTH), 500, np.uint16))),
        "not registered",
        1,
    ),
    Malformed("a depth image is a pipe", spoilt(_one(lambda path: os.mkfifo(path))), "00001.png is no file", 3),
    Malformed(
        "a depth image is a link to /dev/zero",
        spoilt(_one(lambda path: path.symlink_to("/dev/zero"))),
        "is no file",
        3,
    ),
    Malformed("a depth image is a folder", spoilt(_one(Path.mkdir)), "is no file", 3),
    Malformed("a depth image is a link to itself", spoilt(_one(lambda path: path.symlink_to(path))), "symbolic", 3),
    Malformed("a depth image is a link to nowhere", spoilt(_one(lambda p: p.symlink_to("gone"))), "No such file", 3),
    Malformed("links in a ring instead of a folder", _ring, "does not exist"),
    Malformed("frame number 10000000 after 0", spoilt(_rename("00003", "10000000")), readable=4),
    Malformed("frame number 99999999", spoilt(_rename("00003", "99999999")), "frame numbers end at", 3),
    Malformed("depth/ without permission", spoilt(_unreadable), "check its permissions"),
)
