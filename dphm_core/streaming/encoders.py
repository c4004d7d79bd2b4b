"""One frame of a stream as bytes: an OSC bundle, a VMC bundle, a JSON object, and vertices.

VMC is Unity's world: left-handed, x to the right of the avatar, y up, z where it looks. So its x is the other way round
than the head's, and a rotation about y or z turns the other way.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from dphm_core.export.arkit import ARKIT_NAMES
from dphm_core.streaming.face import LiveFace

FORMAT = "dphm-stream/1"
DECIMALS = 6
VMC_NAMES = tuple(name[0].upper() + name[1:] for name in ARKIT_NAMES)
"""As avatars for "perfect sync" call ARKit's blendshapes."""
VERTICES_HEAD = struct.Struct("<4sIII")
"""Magic, number of the frame, of its vertices, and 0; three float32 per vertex follow."""
MAGIC = b"DPHM"
LOADED, NOT_CALIBRATED, CALIBRATING, CALIBRATED, NORMAL_MODE = 1, 0, 2, 3, 0
"""VMC's numbers for the state of what sends."""
CALIBRATION = {"tracking": CALIBRATED, "lost": CALIBRATED, "calibrating": CALIBRATING}
ROOT = ("root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)

Encoder = Callable[[LiveFace], bytes]


def osc_bundle(face: LiveFace) -> bytes:
    """Messages `/dphm/frame`, `/dphm/status`, `/dphm/head` and one `/dphm/blendshapes/NAME` each, in one bundle."""
    bundle = OscBundleBuilder(IMMEDIATELY)
    _add(bundle, "/dphm/frame", ("i", face.frame), ("f", face.since_first_s))
    _add(bundle, "/dphm/status", ("s", face.status), ("f", face.confidence))
    if face.position_m is not None and face.quaternion is not None:
        _add(bundle, "/dphm/head", *(("f", float(value)) for value in (*face.position_m, *face.quaternion)))
    if face.blendshapes is not None:
        for name, value in zip(ARKIT_NAMES, face.blendshapes.tolist(), strict=True):
            _add(bundle, f"/dphm/blendshapes/{name}", ("f", value))
    return bytes(bundle.build().dgram)


def vmc_bundle(face: LiveFace) -> bytes:
    """What a VMC performer tells of its state, its head's turn and its blendshapes, in one bundle.

    The head bone has no offset, as an avatar has a neck of its own.
    """
    bundle = OscBundleBuilder(IMMEDIATELY)
    state = CALIBRATION.get(face.status, NOT_CALIBRATED)
    known = face.quaternion is not None
    _add(bundle, "/VMC/Ext/OK", *(("i", value) for value in (LOADED, state, NORMAL_MODE, int(known))))
    _add(bundle, "/VMC/Ext/T", ("f", face.since_first_s))
    _add(bundle, "/VMC/Ext/Root/Pos", ("s", ROOT[0]), *(("f", value) for value in ROOT[1:]))
    if face.quaternion is not None:
        w, x, y, z = face.quaternion.tolist()
        pose = (0.0, 0.0, 0.0, x, -y, -z, w)
        _add(bundle, "/VMC/Ext/Bone/Pos", ("s", "Head"), *(("f", value) for value in pose))
    if face.blendshapes is not None:
        for name, value in zip(VMC_NAMES, face.blendshapes.tolist(), strict=True):
            _add(bundle, "/VMC/Ext/Blend/Val", ("s", name), ("f", value))
        _add(bundle, "/VMC/Ext/Blend/Apply")
    return bytes(bundle.build().dgram)


def json_object(face: LiveFace) -> bytes:
    """One JSON object, UTF-8, without line breaks; unknown values are null."""
    shapes = face.blendshapes
    named = None if shapes is None else dict(zip(ARKIT_NAMES, _plain(shapes), strict=True))
    content = {
        "format": FORMAT,
        "frame": face.frame,
        "time_s": round(face.time_s, DECIMALS),
        "status": face.status,
        "reason": face.reason,
        "confidence": round(face.confidence, DECIMALS),
        "position_m": None if face.position_m is None else _plain(face.position_m),
        "quaternion_wxyz": None if face.quaternion is None else _plain(face.quaternion),
        "blendshapes": named,
        "blendshapes_from": face.shapes_from,
        "gaze_from": face.gaze_from,
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def vertices_message(face: LiveFace) -> bytes | None:
    """Vertices as little-endian float32 behind a header of 16 bytes; None where there are none."""
    if face.vertices is None:
        return None
    head = VERTICES_HEAD.pack(MAGIC, face.frame, len(face.vertices), 0)
    return head + np.ascontiguousarray(face.vertices, dtype="<f4").tobytes()


ENCODERS: dict[str, Encoder] = {"osc": osc_bundle, "vmc": vmc_bundle, "udp": json_object}
"""Datagrams by the kind of stream."""


def _add(bundle: OscBundleBuilder, address: str, *values: tuple[str, Any]) -> None:
    message = OscMessageBuilder(address)
    for kind, value in values:
        message.add_arg(value, kind)
    bundle.add_content(message.build())


def _plain(values: Any) -> list[float]:
    return [round(value, DECIMALS) for value in values.tolist()]
