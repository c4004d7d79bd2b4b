"""A small saved track, on disk and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_tracks import write_results

from dphm_core.output.saved_track import SavedTrack, load_saved_track


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder, as `dphm track` writes it."""
    return write_results(tmp_path_factory.mktemp("saved"))


@pytest.fixture(scope="module")
def saved(results: Path) -> SavedTrack:
    return load_saved_track(results)
