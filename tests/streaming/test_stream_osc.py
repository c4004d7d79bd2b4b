"""OSC and VMC as python-osc's own server receives them: one bundle per frame, with the frame's numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_server import BlockingOSCUDPServer
from scipy.spatial.transform import Rotation
from stream_parts import NAMES, SHAPES, local, lost, receiver, tracked
from waiting import wait_until

from dphm_core.export.arkit import ARKIT_NAMES
from dphm_core.streaming.encoders import osc_bundle, vmc_bundle
from dphm_core.streaming.face import FaceReader
from dphm_core.streaming.stream import Broadcast

Messages = list[tuple[str, tuple[object, ...]]]


@contextmanager
def osc_server() -> Iterator[tuple[int, Messages]]:
    """A server of another's making, its port, and what it has received."""
    got: Messages = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: got.append((address, values)))
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1], got
        finally:
            server.shutdown()
            thread.join()


def test_osc_arrives_as_it_was_tracked() -> None:
    with osc_server() as (port, got), Broadcast([local("osc", port)]) as broadcast:
        broadcast.send(tracked(7, turn=(0.5, 0, 0)), NAMES)
        wait_until(lambda: len(got) == 3 + 52)
    values = dict(got)
    assert values["/dphm/frame"] == (7, 0.0)
    assert values["/dphm/status"] == ("tracking", pytest.approx(0.9))
    assert values["/dphm/head"] == pytest.approx((0.1, 0.02, -0.6, np.cos(0.25), 0, np.sin(0.25), 0), abs=1e-6)
    for name in ARKIT_NAMES:
        assert values[f"/dphm/blendshapes/{name}"] == (pytest.approx(SHAPES.get(name, 0.0)),)


def test_vmc_arrives_as_it_was_tracked() -> None:
    with osc_server() as (port, got), Broadcast([local("vmc", port)]) as broadcast:
        broadcast.send(tracked(turn=(0.5, 0, 0)), NAMES)
        wait_until(lambda: got and got[-1][0] == "/VMC/Ext/Blend/Apply")
    assert [address for address, _ in got[:4]] == [f"/VMC/Ext/{name}" for name in ("OK", "T", "Root/Pos", "Bone/Pos")]
    assert got[0][1] == (1, 3, 0, 1)
    assert got[2][1] == ("root", 0, 0, 0, 0, 0, 0, 1)
    # to the subject's left: in Unity, counter-clockwise seen from above is a negative turn about y
    assert got[3][1][:4] == ("Head", 0, 0, 0)
    assert got[3][1][4:] == pytest.approx((0, -np.sin(0.25), 0, np.cos(0.25)), abs=1e-6)
    blends = {values[0]: values[1] for address, values in got if address == "/VMC/Ext/Blend/Val"}
    assert len(blends) == 52
    assert blends["JawOpen"] == 0.5 and blends["EyeBlinkLeft"] == 0.25 and blends["TongueOut"] == 0


def test_the_head_of_an_avatar_turns_as_the_subjects() -> None:
    """In Unity's left-handed world, x is the avatar's right: rotate its nose (z) and right ear (x) by what is sent."""
    for turn, nose, right_ear in (
        ((0.4, 0, 0), [-1, 0, 1], [1, 0, 1]),  # to the left: the nose leaves to −x, the right ear comes forward
        ((0, 0.4, 0), [0, -1, 1], [1, 0, 0]),  # down
        ((0, 0, 0.4), [0, 0, 1], [1, -1, 0]),  # left ear up: the right one goes down
    ):
        bundle = OscBundle(vmc_bundle(FaceReader().read(tracked(turn=turn), NAMES)))
        # the rule v' = q v q* holds in either hand, with the same numbers
        rotation = Rotation.from_quat(bundle.content(3).params[4:]).as_matrix()
        assert np.sign(np.round(rotation @ [0, 0, 1], 6)).tolist() == nose
        assert np.sign(np.round(rotation @ [1, 0, 0], 6)).tolist() == right_ear


@pytest.mark.parametrize("kind", ["osc", "vmc"])
def test_one_bundle_per_frame(kind: str) -> None:
    box, port = receiver()
    with box, Broadcast([local(kind, port)]) as broadcast:
        broadcast.send(tracked(), NAMES)
        whole = box.recv(65536)
        broadcast.send(lost(), NAMES)
        empty = box.recv(65536)
    assert OscBundle.dgram_is_bundle(whole) and OscBundle(whole).num_contents > 52
    addresses = [message.address for message in OscBundle(empty)]
    known = {"osc": ["/dphm/frame", "/dphm/status"], "vmc": ["/VMC/Ext/OK", "/VMC/Ext/T", "/VMC/Ext/Root/Pos"]}
    assert addresses == known[kind]


def test_vmc_tells_that_the_head_is_lost() -> None:
    bundle = OscBundle(vmc_bundle(FaceReader().read(lost(), NAMES)))
    assert bundle.content(0).params == [1, 3, 0, 0]


def test_numbers_that_osc_cannot_hold_do_not_end_a_stream() -> None:
    """A device's clock after a year; OSC's short numbers count from the first frame."""
    reader = FaceReader()
    reader.read(tracked(10**9), NAMES)
    bundle = OscBundle(osc_bundle(reader.read(tracked(10**9 + 15), NAMES)))
    assert bundle.content(0).params == [10**9 + 15, pytest.approx(0.5)]
