"""Three recordings, the second one without a face, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_parts import record


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data [1] ä"
    record(folder / "anna_smile", [True] * 6)
    record(folder / "ben_fastalk", [False] * 5)
    record(folder / "carl_eyeblink", [True] * 7)
    (folder / "notes").mkdir()
    (folder / "readme.txt").write_text("…")
    return folder
