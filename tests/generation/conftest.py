"""Tiny models with priors."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_models import write_tiny_model


@pytest.fixture(autouse=True, scope="module")
def always(one_thread: None) -> None:
    """All of these tests compute with torch."""


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with template and priors."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model", template=True, priors=True)


@pytest.fixture(scope="package")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of fields and codebook alone."""
    return write_tiny_model(tmp_path_factory.mktemp("plain") / "model")
