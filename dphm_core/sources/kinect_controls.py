"""Exposure, white balance and mains frequency of a running Azure Kinect: set, left to settle, then locked."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Protocol

from dphm_core.sources.kinect_settings import AUTO, LOCK, WHITE_BALANCE_STEP_K, KinectSettings

log = logging.getLogger(__name__)

SETTLE_S = 2.0
"""What the camera chooses is locked after so long at the latest."""
STEADY_S = 1.0
"""It has settled once it stayed the same for so long, …"""
STEADY_PART = 0.05
"""… within this part of its value."""
POWER_LINES = {50: 1, 60: 2}
"""Numbers of the mains frequencies in the SDK."""


class ToldCapture(Protocol):
    """What a capture of pyk4a tells of how its colour was taken; each raises K4AException where it is not known."""

    @property
    def color_exposure_usec(self) -> int:
        """Microseconds."""

    @property
    def color_white_balance(self) -> int:
        """Kelvin."""

    @property
    def depth_timestamp_usec(self) -> int:
        """Device time, microseconds."""


@dataclass(frozen=True)
class Control:
    """One of the camera's controls, by its names in pyk4a."""

    name: str
    """For messages, and of the device's property."""
    told_by: str
    """Of the capture's property: the device tells no value while the control is automatic."""
    unit: str
    """For messages."""
    step: int
    """Values are multiples of this."""


EXPOSURE = Control("exposure", "color_exposure_usec", "µs", 1)
WHITE_BALANCE = Control("whitebalance", "color_white_balance", "K", WHITE_BALANCE_STEP_K)


class Settling:
    """Watches a value that the camera chooses until it stays the same."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._since_s, self._steady = 0.0, 0
        self._newest: int | None = None

    def settled(self, value: int | None, now_s: float) -> bool:
        """Whether it stays the same by now, or had time enough for it.

        Parameters
        ----------
        value : int or None
            None where the camera does not tell it.
        now_s : float
            Device time, seconds.
        """
        if self._first_s is None or now_s < self._first_s:
            self._first_s = now_s
        if value is not None and (self._newest is None or abs(value - self._steady) > STEADY_PART * self._steady):
            self._steady, self._since_s = value, now_s
        self._newest = value
        steady = value is not None and now_s - self._since_s >= STEADY_S
        return steady or now_s - self._first_s >= SETTLE_S


class ColorControls:
    """Sets what the settings say of colour, on the thread that reads the camera; nothing is raised.

    What the camera refuses is a warning, and stays as it is.

    Parameters
    ----------
    k4a : module
        pyk4a.
    settings : KinectSettings
        How the camera shall be set.
    label : str
        The camera's name, for messages.
    """

    def __init__(self, k4a: Any, settings: KinectSettings, label: str) -> None:
        self._k4a, self._settings, self._label = k4a, settings, label
        self._settling: dict[Control, Settling] = {}

    def apply(self, device: Any) -> None:
        """Set an opened camera: all, as it keeps what another program set until it loses its power."""
        self._settling = {}
        if self._settings.powerline is not None:
            self._set(device, "powerline_frequency", POWER_LINES[self._settings.powerline])
        for control in (EXPOSURE, WHITE_BALANCE):
            wanted = getattr(self._settings, control.name)
            if wanted in (AUTO, LOCK):
                self._set(device, f"{control.name}_mode_auto", True)
            else:
                self._set_value(device, control, wanted)
            if wanted == LOCK:
                self._settling[control] = Settling()

    def watch(self, device: Any, capture: ToldCapture) -> None:
        """Look how a capture was taken, and lock what has settled."""
        for control, settling in [*self._settling.items()]:
            try:
                value = int(getattr(capture, control.told_by))
            except self._k4a.K4AException:
                value = None
            if settling.settled(value, capture.depth_timestamp_usec * 1e-6):
                del self._settling[control]
                self._lock(device, control, value)

    def _lock(self, device: Any, control: Control, value: int | None) -> None:
        if value is None:
            log.warning("%s does not tell its %s, which stays automatic", self._label, control.name)
        else:
            self._set_value(device, control, value)

    def _set_value(self, device: Any, control: Control, value: int) -> None:
        """Fix a control, and tell at what: the camera takes the nearest value that it has."""
        value = round(value / control.step) * control.step
        if self._set(device, control.name, value):
            taken = getattr(device, control.name) or value  # pyk4a tells 0 where it cannot be asked
            log.info("%s: %s fixed at %d %s", self._label, control.name, taken, control.unit)

    def _set(self, device: Any, name: str, value: int) -> bool:
        try:
            setattr(device, name, value)
        except self._k4a.K4AException:
            log.warning("%s refuses %s = %s, which stays as it is", self._label, name, value)
            return False
        return True
