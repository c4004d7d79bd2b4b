"""Tiny models with priors; one thread, since threads that wait for each other take a hundred times longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny_models import write_tiny_model


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """The commands set these for their process; other tests should not notice."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with template and priors."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model", template=True, priors=True)


@pytest.fixture(scope="package")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of fields and codebook alone."""
    return write_tiny_model(tmp_path_factory.mktemp("plain") / "model")
