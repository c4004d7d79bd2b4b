"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real captures and the head generator beside the checkout; tests that need it skip without it."""
    path = REPO.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs ../shared/data (real captures and the ICT-FaceKit generator), which is absent")
    return path


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread for torch, since threads that wait for each other on a busy machine take a hundred times longer.

    What commands and trainers set for their process is as before afterwards: other tests should not notice.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
