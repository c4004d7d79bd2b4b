"""Settings that no tracker can work with are refused by name."""

from __future__ import annotations

import pytest

from dphm_core.errors import SettingError
from dphm_core.tracking.config import TrackerConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": 0},
        {"calibration_frames": 0},
        {"iterations": -1},
        {"depth_sigma_m": 0.0},
        {"robust_end_m": float("nan")},
        {"lost_inliers": 2.0},
        {"threads": 0},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        TrackerConfig(**wrong)  # type: ignore[arg-type]
