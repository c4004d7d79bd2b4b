"""The tracker's settings, kept from one start to the next."""

from __future__ import annotations

from dphm_core.errors import SettingError
from dphm_core.tracking.live_settings import LiveSettings

from .settings import WindowSettings


def remembered_settings(settings: WindowSettings) -> LiveSettings:
    """The tracker's settings as they were last; the usual ones where they are none."""
    usual = LiveSettings()
    try:
        return LiveSettings(
            points=int(settings.number("points", usual.points)),
            smoothness=settings.number("smoothness", usual.smoothness),
            prior_spread=settings.number("prior_spread", usual.prior_spread),
        )
    except (SettingError, ValueError, OverflowError):
        return usual


def keep_settings(settings: WindowSettings, live: LiveSettings) -> None:
    """Remember the tracker's settings."""
    settings.keep("points", live.points)
    settings.keep("smoothness", live.smoothness)
    settings.keep("prior_spread", live.prior_spread)
