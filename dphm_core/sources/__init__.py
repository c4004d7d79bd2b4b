"""Sources of frames: recording folders, Azure Kinect MKV files and cameras, live or simulated; see `open_source`."""

from __future__ import annotations

from pathlib import Path

from dphm_core.errors import SourceError
from dphm_core.places import recording_path
from dphm_core.sources.base import Source, SourceInfo, UnreadableFrame

__all__ = ["Source", "SourceInfo", "UnreadableFrame", "is_live", "open_source"]

STACK_SUFFIX = ".stack"
"""Of the file in which a recording folder has all its frames."""
BAG_SUFFIXES = (".bag", ".db3")
"""Of recordings made by RealSense's and Orbbec's own programs."""
KINECT = "kinect"
"""Scheme of the live camera: "kinect" or "kinect:SERIAL", either with settings: "kinect?color=1080p&fps=15"."""
SIMULATED = "simulated"
"""Scheme of a recording as a live camera: "simulated" for the demo, or "simulated:PATH"."""
REALSENSE = "realsense"
"""Scheme of Intel's cameras: "realsense" or "realsense:SERIAL"."""
ORBBEC = "orbbec"
"""Scheme of Orbbec's cameras: "orbbec" or "orbbec:SERIAL"."""
LIVE = (KINECT, SIMULATED, REALSENSE, ORBBEC)
WHAT_TO_GIVE = f"a recording folder, an .mkv, .bag or .db3 file, or a camera such as '{KINECT}'"


def open_source(uri: str | Path) -> Source:
    """Open whatever a path or name stands for.

    Parameters
    ----------
    uri : str or Path
        A recording folder (DPHM-Kinect's layout, or the same with meta.json; Open3D's; Record3D's export), an Azure
        Kinect recording (.mkv), one of Intel's or Orbbec's own programs (.bag, .db3), "demo" for the recording that
        came along, "kinect" for the first live camera, "kinect:SERIAL" for a certain one, either with settings
        ("kinect?fps=15", see `KinectSettings`), "realsense" and "orbbec" likewise, without, "simulated" for the demo
        recording as if it were a live camera, or "simulated:PATH" for another one.

    Raises
    ------
    SourceError
        It does not exist, is of no known kind, or cannot be read; the message says why and what to do.
    SettingError
        A camera's settings are none that it has.
    """
    if not isinstance(uri, str | Path):
        raise SourceError(f"a source is a path or a name, not {uri!r:.100}; give {WHAT_TO_GIVE}")
    if isinstance(uri, str):
        _check_name(uri)
    if isinstance(uri, str) and is_live(uri):
        return _open_live(scheme_of(uri), uri)
    try:
        path = recording_path(uri).expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError) as error:  # no permission for a folder above it, or "~nobody"
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{uri!s:.200} cannot be reached ({reason}); check the path and its permissions") from error
    if is_folder:
        return _open_folder(path)
    if is_file:
        return _open_file(path)
    wrong = "is a pipe or a device, not a file" if path.exists() else "does not exist"
    raise SourceError(f"{path} {wrong}; give {WHAT_TO_GIVE}")


def is_live(uri: str) -> bool:
    """Whether this names a camera, real or simulated, and not a path."""
    return scheme_of(uri) in LIVE


def scheme_of(uri: str) -> str:
    """What stands before a camera's serial number and settings."""
    return uri.partition("?")[0].partition(":")[0]


def _check_name(uri: str) -> None:
    if not uri.strip():
        raise SourceError(f"no source was named; give {WHAT_TO_GIVE}")
    if "://" in uri:
        raise SourceError(f"{uri:.200} is a web address; download the recording, then open its file or folder")


def _open_live(scheme: str, uri: str) -> Source:
    name = uri.removeprefix(scheme).removeprefix(":")
    if scheme == SIMULATED:
        from dphm_core.sources.simulated import open_simulated

        return open_simulated(name)
    if scheme == KINECT:
        from dphm_core.sources.kinect import KinectSource
        from dphm_core.sources.kinect_settings import parse_settings, split_kinect_uri

        serial, text = split_kinect_uri(uri)
        return KinectSource(serial, parse_settings(text or ""))
    if "?" in name:
        raise SourceError(f"{uri:.200}: only an Azure Kinect has settings; give {scheme} or {scheme}:SERIAL")
    if scheme == REALSENSE:
        from dphm_core.sources.realsense import RealSenseSource

        return RealSenseSource(name or None)
    from dphm_core.sources.orbbec import OrbbecSource

    return OrbbecSource(name or None)


def _open_folder(path: Path) -> Source:
    try:
        empty = not any(path.iterdir())
    except OSError as error:
        raise SourceError(f"{path} cannot be listed ({error.strerror}); check its permissions") from error
    if empty:
        raise SourceError(f"{path} is an empty folder; choose one with color/, depth/ and calibration.json")
    from dphm_core.sources.stack import StackSource
    from dphm_core.sources.stack_file import STACK_FILE

    if (path / STACK_FILE).is_file():
        return StackSource(path)
    return _open_images(path)


def _open_images(path: Path) -> Source:
    """Open a folder of single images by what lies beside them."""
    from dphm_core.sources.folder import FolderSource
    from dphm_core.sources.points_folder import PointsSource, has_points_only
    from dphm_core.sources.record3d import Record3DSource, export_folder
    from dphm_core.sources.rgbd_folder import RgbdFolderSource, intrinsic_file

    if (export := export_folder(path)) is not None:
        return Record3DSource(export)
    if has_points_only(path):
        return PointsSource(path)
    return FolderSource(path) if intrinsic_file(path) is None else RgbdFolderSource(path)


def _open_file(path: Path) -> Source:
    if path.suffix == STACK_SUFFIX:
        return _open_folder(path.absolute().parent)
    if path.suffix.lower() == ".r3d":
        raise SourceError(f"{path} is the app's own file; export it from Record3D as 'EXR + JPG sequence'")
    if path.suffix.lower() in BAG_SUFFIXES:
        from dphm_core.sources.bag_source import BagSource

        return BagSource(path)
    if path.suffix.lower() != ".mkv":
        raise SourceError(f"{path} is of no known kind; give a recording folder, an .mkv, .bag or .db3 file")
    from dphm_core.sources.mkv import MkvSource

    return MkvSource(path)
