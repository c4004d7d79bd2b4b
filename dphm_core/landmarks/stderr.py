"""Keeps the chatter of MediaPipe's C++ side off the terminal; everything else that it says is still shown."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

CHATTER = re.compile(r"^([IW]\d{4} |INFO: |WARNING: Logging before |WARNING: All log messages before )")
"""Start-up notes of absl and TensorFlow Lite; their environment variables for silence have no effect here."""
STDERR = 2


@contextmanager
def chatter_silenced() -> Iterator[None]:
    """While it lasts, what native code writes to standard error is held back; then all but the chatter is passed on."""
    try:
        original = os.dup(STDERR)
    except OSError:  # a window without a console has no standard error
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(original, STDERR)
            os.close(original)
            held_back.seek(0)
            _pass_on(held_back.read().decode(errors="replace"))


def _pass_on(text: str) -> None:
    for line in text.splitlines(keepends=True):
        if CHATTER.match(line):
            log.debug("mediapipe: %s", line.rstrip())
        else:
            os.write(STDERR, line.encode())
