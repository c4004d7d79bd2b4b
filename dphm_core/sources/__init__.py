"""Sources of frames: recording folders, Azure Kinect MKV files and the live camera, opened by `open_source`."""

from __future__ import annotations

from pathlib import Path

from dphm_core.errors import SourceError
from dphm_core.sources.base import Source, SourceInfo, UnreadableFrame

__all__ = ["Source", "SourceInfo", "UnreadableFrame", "open_source"]

KINECT = "kinect"
"""Scheme of the live camera: "kinect" or "kinect:SERIAL"."""


def open_source(uri: str | Path) -> Source:
    """Open whatever a path or name stands for.

    Parameters
    ----------
    uri : str or Path
        A recording folder (DPHM-Kinect layout, or the same with meta.json), an Azure Kinect recording (.mkv),
        "kinect" for the first live camera, or "kinect:SERIAL" for a certain one.

    Raises
    ------
    SourceError
        It does not exist, is of no known kind, or cannot be read; the message says why and what to do.
    """
    if isinstance(uri, str) and (uri == KINECT or uri.startswith(f"{KINECT}:")):
        from dphm_core.sources.kinect import KinectSource

        return KinectSource(uri.partition(":")[2] or None)
    path = Path(uri).expanduser()
    if path.is_dir():
        return _open_folder(path)
    if path.is_file():
        return _open_file(path)
    raise SourceError(f"{path} does not exist; give a recording folder, an .mkv file or '{KINECT}'")


def _open_folder(path: Path) -> Source:
    try:
        empty = not any(path.iterdir())
    except OSError as error:
        raise SourceError(f"{path} cannot be listed ({error.strerror}); check its permissions") from error
    if empty:
        raise SourceError(f"{path} is an empty folder; a recording has color/, depth/ and calibration.json")
    from dphm_core.sources.folder import FolderSource

    return FolderSource(path)


def _open_file(path: Path) -> Source:
    if path.suffix.lower() != ".mkv":
        raise SourceError(f"{path} is of no known kind; give a recording folder or an Azure Kinect .mkv file")
    from dphm_core.sources.mkv import MkvSource

    return MkvSource(path)
