"""How a source is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dphm_core.errors import SourceError
from dphm_core.sources import open_source


def refused(uri: str | Path) -> str:
    """Message with which a source is refused: one line."""
    with pytest.raises(SourceError) as caught:
        open_source(uri)
    message = str(caught.value)
    assert "\n" not in message
    return message
