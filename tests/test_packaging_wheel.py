"""The wheel: what is in it, what is not, and that an installation elsewhere finds what it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

REPO = Path(__file__).resolve().parent.parent
MODEL = "dphm_core/shipped/models/default"
DEMO = "dphm_core/shipped/recordings/demo"
MAX_BYTES = 60e6
APP = "dphm_app"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gebaute Räder")
    command = [sys.executable, str(REPO / "scripts" / "build_wheel.py"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_nothing_lands_in_site_packages_beside_the_two_packages(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"dphm_core", APP, "dphm_live-0.1.0.dist-info"}


def test_every_file_of_both_packages_is_there(names: set[str]) -> None:
    for folder, package in (("dphm_core", "dphm_core"), ("app", APP)):
        files = [path.relative_to(REPO / folder) for path in (REPO / folder).rglob("*") if path.is_file()]
        kept = [path for path in files if "__pycache__" not in path.parts and path.parts[0] not in ("bench", "shipped")]
        assert len(kept) > 20
        missing = [str(path) for path in kept if str(PurePosixPath(package, *path.parts)) not in names]
        assert missing == []


def test_the_default_model_and_the_demo_recording_are_there_and_nothing_else_of_size(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    shipped = {name.removeprefix(f"{MODEL}/") for name in sizes if name.startswith(MODEL)}
    networks = {f"{name}.safetensors" for name in ("model", "codebook", "expression_diffusion", "identity_diffusion")}
    assert shipped == {"README.md", "config.json"} | networks
    recording = {name.removeprefix(f"{DEMO}/") for name in sizes if name.startswith(DEMO)}
    images = {f"{part}/{index:05d}.png" for part in ("color", "depth") for index in range(75)}
    assert recording == {"calibration.json", "timestamps.json", "ground_truth.npz"} | images
    rest = {name: size for name, size in sizes.items() if not name.startswith((MODEL, DEMO))}
    assert max(rest.values()) < 1e6
    assert wheel.stat().st_size < MAX_BYTES


def test_types_licences_and_both_commands_are_there(wheel: Path, names: set[str]) -> None:
    info = "dphm_live-0.1.0.dist-info"
    assert {"dphm_core/py.typed", f"{info}/licenses/LICENSE", f"{info}/licenses/THIRD_PARTY.md"} <= names
    with zipfile.ZipFile(wheel) as archive:
        commands = archive.read(f"{info}/entry_points.txt").decode()
    assert "dphm = dphm_core.cli:main" in commands and f"dphm-app = {APP}.main:main" in commands


def test_modules_of_the_window_import_one_another_whatever_their_package_is_called() -> None:
    modules = sorted((REPO / "app").rglob("*.py"))
    absolute = re.compile(r"^\s*(from|import) app\b", re.MULTILINE)
    assert len(modules) > 50
    assert [path.name for path in modules if absolute.search(path.read_text(encoding="utf-8"))] == []


def test_unpacked_elsewhere_it_runs_on_its_own_model_and_recording(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site packages", tmp_path / "Müllers Köpfe"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    program = (
        "from dphm_core import places; from dphm_core.cli import main; from dphm_core.heads.model import model_folder; "
        "print(places.__file__, model_folder('default'), sep='\\n', flush=True); "
        "raise SystemExit(main(['convert', 'demo', 'drei Köpfe', '--stop', '3']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=elsewhere, env=os.environ | {"PYTHONPATH": str(site), "PYTHONUTF8": "1"},
        capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [str(site / "dphm_core" / "places.py"), str(site / MODEL)]
    assert len(list((elsewhere / "drei Köpfe" / "color").iterdir())) == 3
