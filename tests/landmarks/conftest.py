"""Fixtures of the landmark tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from dphm_core.frames import RGBDFrame
from dphm_core.landmarks.model_file import FILE_NAME
from dphm_core.places import MODELS_FOLDER, cache_folder
from dphm_core.sources import open_source


@pytest.fixture(scope="session")
def mannequin(shared_data: Path) -> list[RGBDFrame]:
    """90 frames of a mannequin's head that turns from its right profile to its left."""
    return list(open_source(shared_data / "truedepth_mannequin"))


@pytest.fixture(scope="session")
def model_on_disk() -> None:
    """Tests need no network: those that detect faces need the model to have been fetched before."""
    if not any((folder / FILE_NAME).is_file() for folder in (MODELS_FOLDER, cache_folder())):
        pytest.skip(f"needs {FILE_NAME}: python -c 'from dphm_core.landmarks.model_file import *; landmarker_model()'")
