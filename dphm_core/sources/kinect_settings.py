"""How a live Azure Kinect is set, as a dataclass and as the text after its name: "kinect:SERIAL?color=1080p&fps=15"."""

from __future__ import annotations

from dataclasses import dataclass, fields

from dphm_core.errors import SettingError

COLORS = {
    "720p": "RES_720P",
    "1080p": "RES_1080P",
    "1440p": "RES_1440P",
    "1536p": "RES_1536P",
    "2160p": "RES_2160P",
    "3072p": "RES_3072P",
}
"""Colour resolutions, by their heights, and the names of pyk4a's ColorResolution."""
DEPTHS = {
    "nfov": "NFOV_UNBINNED",
    "nfov-binned": "NFOV_2X2BINNED",
    "wfov": "WFOV_UNBINNED",
    "wfov-binned": "WFOV_2X2BINNED",
}
"""Depth modes and the names of pyk4a's DepthMode: a narrow or a wide field of view, at full or half resolution."""
RATES = (5, 15, 30)
"""Frames per second."""
SLOW = {"color": ("3072p",), "depth": ("wfov",)}
"""What the camera gives at 15 frames per second at most."""
AUTO, LOCK = "auto", "lock"
EXPOSURES_US = (500, 133_330)
"""Shortest and longest exposure, microseconds."""
WHITE_BALANCES_K = (2500, 12_500)
"""Warmest and coldest light, kelvin."""
WHITE_BALANCE_STEP_K = 10
POWER_LINES_HZ = (50, 60)


@dataclass(frozen=True)
class KinectSettings:
    """How the camera is set; refuses what it cannot do.

    Raises
    ------
    SettingError
        A value is none of those there are, or they do not go together.
    """

    color: str = "720p"
    """Colour resolution: 720p, 1080p, 1440p, 1536p, 2160p or 3072p. The mesh is fitted to depth, colour only finds the
    face: more pixels cost time and hardly help."""
    depth: str = "nfov"
    """Depth mode: nfov, nfov-binned, wfov or wfov-binned."""
    fps: int = 30
    """Frames per second: 5, 15 or 30."""
    exposure: str | int = LOCK
    """"auto", "lock" (automatic until it has settled, then fixed, so that neither colour nor motion blur changes while
    somebody moves about), or microseconds."""
    whitebalance: str | int = LOCK
    """"auto", "lock" likewise, or kelvin."""
    powerline: int | None = None
    """Frequency of the mains, 50 or 60 Hz, whose lamps would flicker in the picture; None leaves the camera's own."""

    def __post_init__(self) -> None:
        _one_of("color", self.color, tuple(COLORS))
        _one_of("depth", self.depth, tuple(DEPTHS))
        _one_of("fps", self.fps, RATES)
        if self.powerline is not None:
            _one_of("powerline", self.powerline, POWER_LINES_HZ)
        _control("exposure", self.exposure, EXPOSURES_US, "microseconds")
        _control("whitebalance", self.whitebalance, WHITE_BALANCES_K, "kelvin")
        self._check_together()

    def _check_together(self) -> None:
        for name, values in SLOW.items():
            value = getattr(self, name)
            if value in values and self.fps > 15:
                smaller = {"color": "color=2160p", "depth": "depth=wfov-binned"}[name]
                raise SettingError(f"{name}={value} comes at 15 frames per second at most; set fps=15 or {smaller}")
        if isinstance(self.exposure, int) and self.exposure > (longest := 1_000_000 // self.fps):
            raise SettingError(
                f"exposure={self.exposure} is longer than a frame at fps={self.fps}; set {longest} or less, or fewer"
                " frames per second"
            )

    def text(self) -> str:
        """What differs from the usual, as `parse_settings` takes it; empty where nothing does."""
        usual = KinectSettings()
        return "&".join(
            f"{field.name}={value}"
            for field in fields(self)
            if (value := getattr(self, field.name)) != getattr(usual, field.name)
        )

    def words(self) -> str:
        """All of them, to be read: "color 720p, depth nfov, …"."""
        return ", ".join(f"{name} {value}" for name, value in vars(self).items() if value is not None)


def kinect_uri(serial: str | None, settings: KinectSettings) -> str:
    """Name of a camera (None: of the first one) with its settings, as `open_source` takes it."""
    name, text = f"kinect:{serial}" if serial else "kinect", settings.text()
    return f"{name}?{text}" if text else name


def split_kinect_uri(uri: str) -> tuple[str | None, str | None]:
    """Serial number and settings of a camera's name, as text, each None where it is not told."""
    name, asked, text = uri.partition("?")
    return name.partition(":")[2] or None, text if asked else None


def parse_settings(text: str) -> KinectSettings:
    """Read settings as they stand in a camera's name: "color=1080p&fps=15".

    Raises
    ------
    SettingError
        A setting is unknown, told twice, or none that the camera has.
    """
    values: dict[str, str | int] = {}
    known = [field.name for field in fields(KinectSettings)]
    for part in text.split("&") if text else []:
        name, _, value = part.partition("=")
        if name not in known or not value:
            raise SettingError(f"{part[:40]!r} is no setting of the Azure Kinect; settings are {_known_settings()}")
        if name in values:
            raise SettingError(f"{name} is set twice; set it once")
        values[name] = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value
    return KinectSettings(**values)  # type: ignore[arg-type]


def _known_settings() -> str:
    """Every setting with its values, in one line."""
    return (
        f"color={'|'.join(COLORS)}, depth={'|'.join(DEPTHS)}, fps={'|'.join(map(str, RATES))}, "
        "exposure=auto|lock|MICROSECONDS, whitebalance=auto|lock|KELVIN, powerline=50|60"
    )


def _one_of(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        raise SettingError(f"{name}={value!s:.40} is unknown; set {', '.join(map(str, known[:-1]))} or {known[-1]}")


def _control(name: str, value: str | int, limits: tuple[int, int], unit: str) -> None:
    lowest, highest = limits
    if value not in (AUTO, LOCK) and not (isinstance(value, int) and lowest <= value <= highest):
        raise SettingError(f"{name}={value!s:.40} is unknown; set auto, lock, or {lowest} to {highest} {unit}")
