"""Where models, the demo recording and the user's folders are looked for, in a checkout and in an installation."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tiny_models import write_tiny_model

from dphm_core import cli, places
from dphm_core.errors import CheckpointError
from dphm_core.heads.model import load_model
from dphm_core.sources import open_source

REPO = Path(__file__).resolve().parent.parent


def places_in(package: Path) -> ModuleType:
    """The module as another installation of the package would have it."""
    package.mkdir(parents=True, exist_ok=True)
    spec = importlib.util.spec_from_file_location("places_elsewhere", shutil.copy(places.__file__, package))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, empty."""
    monkeypatch.setattr(places, "data_folder", lambda: tmp_path / "Jörg's data")
    return tmp_path / "Jörg's data"


def test_a_checkout_finds_its_own_folders() -> None:
    assert places.MODELS_FOLDER == REPO / "models"
    assert places.DEMO_RECORDING == REPO / "recordings" / "demo"


def test_an_installation_finds_what_was_shipped_inside_of_the_package(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "dphm_core"
    (package / "shipped").mkdir(parents=True)
    (package.parent / "models").mkdir()  # of somebody else
    installed = places_in(package)
    assert package / "shipped" / "models" == installed.MODELS_FOLDER
    assert package / "shipped" / "recordings" / "demo" == installed.DEMO_RECORDING


@pytest.mark.skipif(sys.platform != "linux", reason="these variables are Linux's")
def test_the_users_folders_follow_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/someone/cache")
    monkeypatch.setenv("XDG_DATA_HOME", "/var/someone/data")
    assert places.cache_folder() == Path("/var/someone/cache/dphm-live/models")
    assert places.data_folder() == Path("/var/someone/data/dphm-live")


def test_a_model_that_the_user_added_is_known_by_its_name(user_folder: Path) -> None:
    assert "mine" not in places.model_names()
    write_tiny_model(user_folder / "models" / "mine")
    (user_folder / "models" / "half").mkdir()
    (user_folder / "models" / "half" / "config.json").touch()
    assert "mine" in places.model_names() and "default" in places.model_names()
    assert "half" not in places.model_names()  # its weights are missing
    assert load_model("mine").name == "mine"


def test_the_message_about_a_missing_model_says_which_there_are_and_where_to_put_one(user_folder: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_model("sculpted")
    assert "'sculpted'" in str(caught.value) and "default" in str(caught.value)
    assert str(user_folder / "models") in str(caught.value)


def test_demo_is_the_recording_that_came_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_source("demo") as source:
        assert (source.info.length, source.info.kind) == (75, "folder")
    assert cli.main(["convert", "demo", str(tmp_path / "copy"), "--stop", "2"]) == 0
    with open_source(tmp_path / "copy") as source:
        assert source.info.length == 2


def test_a_path_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places.recording_path("demo") == places.DEMO_RECORDING
    (tmp_path / "demo").mkdir()
    assert places.recording_path("demo") == Path("demo")
    assert places.recording_path("demo/") == Path("demo")
