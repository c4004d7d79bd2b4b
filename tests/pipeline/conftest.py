"""No test of the pipeline leaves a thread behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pipeline_parts import dphm_threads


@pytest.fixture(autouse=True)
def no_thread_survives() -> Iterator[None]:
    yield
    assert dphm_threads() == []
