"""Whether there is a display for a window; Qt ends the process with a core dump where it finds none."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
from pathlib import Path

XCB = "libxcb.so.1"
"""Library through which Qt itself talks to an X server."""
PATIENCE_S = 5.0
"""For an answer of a display on this computer."""
CURE = "start it in a desktop session, or work without one: `dphm track` for recordings, `dphm stream` for cameras"


def missing_display() -> str | None:
    """Why Qt would find no display here, and what to do, in one line; None where there is one.

    Takes some milliseconds, or as long as a display on another computer takes to answer.
    """
    platform = re.split("[:-]", os.environ.get("QT_QPA_PLATFORM", ""))[0]
    if sys.platform != "linux" or platform not in SHOWN_ON_DISPLAYS:
        return None
    named = [name for name in SHOWN_ON_DISPLAYS[platform] if os.environ.get(name)]
    if not named:
        return f"there is no display for a window here; {CURE}"
    if any(DISPLAYS[name]() for name in named):
        return None
    return f"the display {os.environ[named[0]]}, which {named[0]} names, cannot be used; {CURE}"


def wayland_answers() -> bool:
    """Whether somebody listens where WAYLAND_DISPLAY tells."""
    place = Path(os.environ.get("XDG_RUNTIME_DIR", ""), os.environ["WAYLAND_DISPLAY"])  # or that alone: a whole path
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(str(place))
        except OSError:
            return False
    return True


def x_answers() -> bool:
    """Whether the X server that DISPLAY names lets a program in; also where that cannot be asked."""
    try:
        xcb = ctypes.CDLL(XCB)
    except OSError:  # Qt tells that in words of its own
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused


DISPLAYS = {"DISPLAY": x_answers, "WAYLAND_DISPLAY": wayland_answers}
"""Environment variables that tell Qt where a window can be, and who knows whether it can."""
SHOWN_ON_DISPLAYS = {"": tuple(DISPLAYS), "xcb": ("DISPLAY",), "wayland": ("WAYLAND_DISPLAY",)}
"""Values of QT_QPA_PLATFORM, up to a colon or dash, and which of these then count."""
