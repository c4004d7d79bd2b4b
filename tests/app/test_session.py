"""Opening a session from a source's name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.main import DEMO
from app.session import open_session
from dphm_core.errors import SettingError, SourceError


def test_a_missing_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="gone does not exist"):
        open_session(str(tmp_path / "gone"))


def test_a_missing_device_is_told() -> None:
    with pytest.raises(SettingError, match="'abacus' cannot be used here"):
        open_session(str(DEMO), device="abacus")


def test_a_missing_source_is_told_without_loading_the_tracker() -> None:
    code = (
        "import sys; from app.session import open_session\n"
        "try: open_session('/nonexistent')\n"
        "except Exception as error: assert 'does not exist' in str(error)\n"
        "assert not {'torch', 'mediapipe'} & set(sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
