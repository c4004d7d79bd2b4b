"""How each camera was set the last time."""

from __future__ import annotations

import logging

from dphm_core.errors import SettingError
from dphm_core.sources import KINECT, scheme_of
from dphm_core.sources.kinect_settings import KinectSettings, kinect_uri, parse_settings, split_kinect_uri

from .settings import WindowSettings

log = logging.getLogger(__name__)

FIRST = "first"
"""Stands for the serial number of a camera that is named without one: it is set as the last one was."""


class CameraMemory:
    """Remembers an Azure Kinect's settings by its serial number. Lives on the GUI thread."""

    def __init__(self, settings: WindowSettings) -> None:
        self._settings = settings

    def keep(self, serial: str | None, settings: KinectSettings) -> str:
        """Remember how a camera shall be set, and return its name with that."""
        for name in {serial or FIRST, FIRST}:
            self._settings.keep(_key(name), settings.text())
        return kinect_uri(serial, settings)

    def recall(self, uri: str) -> str:
        """Add what is remembered to a camera's name that tells no settings itself; leave any other name alone."""
        if scheme_of(uri) != KINECT or split_kinect_uri(uri)[1] is not None:
            return uri
        return kinect_uri(split_kinect_uri(uri)[0], self.settings_of(uri))

    def settings_of(self, uri: str) -> KinectSettings:
        """How a camera is, or will be, set: by its name, by what is remembered of it, or as usual."""
        serial, text = split_kinect_uri(uri)
        if text is None:
            text = self._settings.text(_key(serial or FIRST), "")
        try:
            return parse_settings(text)
        except SettingError as error:
            log.warning("settings of %s are passed over: %s", uri, error)
            return KinectSettings()


def _key(serial: str) -> str:
    return f"cameras/{serial}"
