"""Settings are checked where they are made, so that a wrong one is told at once and by name."""

from __future__ import annotations

from collections.abc import Mapping

from dphm_core.errors import SettingError


def check_limits(settings: object, what: str, limits: Mapping[str, tuple[float, float]]) -> None:
    """Check numbers against their smallest and largest allowed values.

    Parameters
    ----------
    settings : object
        Has an attribute of each name.
    what : str
        Whose settings they are, for the message: "a recording".
    limits : mapping
        Name → (smallest, largest), both allowed.

    Raises
    ------
    SettingError
        One is outside, or not a number.
    """
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        if not low <= value <= high:  # not so either where it is NaN
            raise SettingError(f"{what}'s {name} must be {low} to {high}, not {value}.")
