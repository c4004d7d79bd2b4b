"""Streams leave no thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    ends = time.monotonic() + 10.0
    while threads() and time.monotonic() < ends:
        time.sleep(0.01)
    assert not threads()


def threads() -> list[str]:
    """All but the processing pool, which stays for the next frames."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("dphm-") and not name.startswith("dphm-camera_")]
