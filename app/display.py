"""Whether there is a display for a window; Qt ends the process with a core dump where it finds none."""

from __future__ import annotations

import ctypes
import os
import re
import sys

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
"""Any of these environment variables tells Qt where a window can be."""
SHOWN_ON_DISPLAYS = ("", "xcb", "wayland")
"""Values of QT_QPA_PLATFORM, up to a colon or dash, that need one of them."""
XCB = "libxcb.so.1"
"""Library through which Qt itself talks to an X server."""
CURE = "start it in a desktop session, or work without one: `dphm track` for recordings, `dphm stream` for cameras"


def missing_display() -> str | None:
    """Why Qt would find no display here, and what to do, in one line; None where there is one.

    Takes some milliseconds, or as long as a display on another computer takes to answer.
    """
    platform = re.split("[:-]", os.environ.get("QT_QPA_PLATFORM", ""))[0]
    if sys.platform != "linux" or platform not in SHOWN_ON_DISPLAYS:
        return None
    if not any(map(os.environ.get, DISPLAYS)):
        return f"there is no display for a window here; {CURE}"
    if os.environ.get("WAYLAND_DISPLAY") or answers():
        return None
    return f"the display {os.environ['DISPLAY']}, which DISPLAY names, cannot be used; {CURE}"


def answers() -> bool:
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
