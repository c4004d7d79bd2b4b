"""These networks are computed by one thread."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="module")
def always(one_thread: None) -> None:
    """All of these tests compute with torch."""
