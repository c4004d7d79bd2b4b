"""Calibrations and timestamps that are damaged or absurd."""

from __future__ import annotations

import json
import os
from pathlib import Path

from damage import Harm, Malformed, spoilt
from folder_recordings import CALIBRATION


def _text(name: str, text: str | bytes) -> Harm:
    """Write a file of the folder."""

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


def _sparse(name: str, size: int) -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).touch()
        os.truncate(folder / name, size)

    return harm


CALIBRATIONS = (
    *(
        Malformed(f"'{name}' is {value}", spoilt(_calibration(**{name: value})), f"'{name}'")
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
    Malformed("calibration.json of zero length", spoilt(_text("calibration.json", "")), "is not valid JSON"),
    Malformed("calibration.json cut", spoilt(_text("calibration.json", '{"color": {"fx": 6')), "is not valid JSON"),
    Malformed("calibration.json is a list", spoilt(_text("calibration.json", "[1]")), "must hold a JSON object"),
    Malformed("'color' is a list", spoilt(_text("calibration.json", '{"color": [1]}')), "'color' must be an object"),
    Malformed("100000 nested brackets", spoilt(_text("calibration.json", "[" * 100_000)), "is not valid JSON"),
    Malformed("a number of 5000 digits", spoilt(_text("calibration.json", "9" * 5000)), "is not valid JSON"),
    Malformed("calibration.json in UTF-16", spoilt(_text("calibration.json", "{}".encode("utf-16"))), "is no text"),
    Malformed("calibration.json of 65 MiB", spoilt(_sparse("calibration.json", 65 << 20)), "is larger than"),
    Malformed("no calibration", spoilt(lambda folder: (folder / "calibration.json").unlink()), "no calibration"),
    Malformed("column file of 3 numbers", spoilt(_column("1 2 3")), "holds 3 numbers"),
    Malformed("column file with NaN", spoilt(_column("nan " * 12)), "'fx' is nan"),
    Malformed("column file of words", spoilt(_column("cx cy fx")), "must be a column of numbers"),
    Malformed("meta.json: depth unit 0", spoilt(_meta(depth_unit_m=0)), "'depth_unit_m' is 0"),
    Malformed("meta.json: depth unit of metres", spoilt(_meta(depth_unit_m=0.1)), "its unit needs", 4),
    Malformed("meta.json: fewer entries than frames", spoilt(_meta((0.0, 1.0))), "'frames' has 2 entries"),
    Malformed("meta.json: 'frames' is a number", spoilt(_meta(frames=7)), "'frames' must be a list"),
)
CLOCKS = (
    Malformed("a time is NaN", spoilt(_times([0, float("nan"), 0.2, 0.3])), "'timestamps_s[1]' is nan"),
    Malformed("a time is a text", spoilt(_times(["0:00", 1, 2, 3])), "'timestamps_s[0]' must be a number"),
    Malformed("times is an object", spoilt(_times({})), "must be a list of seconds"),
    Malformed("times fall", spoilt(_times([3, 2, 1, 0])), "do not rise", 4),
    Malformed("all times are the same", spoilt(_times([5, 5, 5, 5])), "do not rise", 4),
    Malformed("too few times", spoilt(_times([7.0, 7.1])), "2 times, but the last frame is 3", 4),
    Malformed("no times", spoilt(_times([])), "0 times, but the last frame is 3", 4),
    Malformed("frame rate 0", spoilt(_times([0, 1, 2, 3], fps=0)), "'fps' is 0"),
    Malformed("meta.json: a time is NaN", spoilt(_meta((0.0, float("nan"), 1.0, 2.0))), "'timestamp_s' is nan"),
    Malformed("meta.json: times fall", spoilt(_meta((3.0, 2.0, 1.0, 0.0))), "do not rise", 4),
    Malformed("meta.json: centuries between the times", spoilt(_meta((0.0, 1e10, 2e10, 3e10))), readable=4),
)
