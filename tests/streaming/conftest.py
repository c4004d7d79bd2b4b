"""Streams leave no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from waiting import wait_until


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    wait_until(lambda: not threads())


def threads() -> list[str]:
    """All but the processing pool, which stays for the next frames."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("dphm-") and not name.startswith("dphm-camera_")]
