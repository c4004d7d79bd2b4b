"""Install the wheel into a new environment, use it from a folder with an awkward name, and uninstall it again.

`python scripts/install_check.py` borrows the dependencies of the environment that runs it; with `--full` they come from
pip's index, which are gigabytes, and the landmark model from where it is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from time import perf_counter

from build_wheel import build_wheel

from dphm_core.landmarks.model_file import landmarker_model

WINDOWS = sys.platform == "win32"
PYTHON_CODE = """
import dphm_core as dphm
with dphm.track("demo", frames=dphm.Selection(stop=4)) as tracking:
    for frame in tracking:
        print(frame.index, frame.vertices_cam.shape)
"""
TIMEOUT_S = 600


class Check:
    """An environment, and a folder to use it from."""

    def __init__(self, root: Path, borrow: bool) -> None:
        self.here = root / "Müllers Köpfe (März)"
        self.here.mkdir()
        environment = root / "new environment"
        venv.create(environment, with_pip=True)
        self.scripts = environment / ("Scripts" if WINDOWS else "bin")
        self.site = Path(self.output(self.scripts / "python", "-c", "import site; print(site.getsitepackages()[-1])"))
        self.before = self.installed()
        self._borrowed = self.site / "zz_borrowed.pth" if borrow else None
        folders = {f"XDG_{kind}_HOME": str(root / kind.lower()) for kind in ("CACHE", "DATA", "CONFIG")}
        self.environment = os.environ | folders | {"PYTHONUTF8": "1"}
        if borrow:
            models = root / "cache" / "dphm-live" / "models"
            models.mkdir(parents=True)
            shutil.copy(landmarker_model(), models)

    def install(self, wheel: Path) -> None:
        """Install the wheel, and its dependencies or a way to those that are here."""
        more = ["--no-deps"] if self._borrowed else []
        self.run(self.scripts / "python", "-m", "pip", "install", "--quiet", *more, wheel)
        if self._borrowed:
            self._borrowed.write_text(sysconfig.get_path("purelib"), encoding="utf-8")

    def uninstall(self) -> None:
        """Uninstall, and fail where something is left."""
        if self._borrowed:
            self._borrowed.unlink()
        self.run(self.scripts / "python", "-m", "pip", "uninstall", "--quiet", "--yes", "dphm-live")
        left = self.installed() - self.before
        assert not {name for name in left if "dphm" in name.lower() or self._borrowed}, f"left behind: {sorted(left)}"

    def installed(self) -> set[str]:
        """Names in site-packages and among the commands."""
        return {path.name for folder in (self.site, self.scripts) for path in folder.iterdir()}

    def dphm(self, *words: str | Path) -> str:
        """Run the command line."""
        return self.output(self.scripts / "dphm", *words)

    def window(self, picture: str) -> None:
        """Run the window until its first picture of a tracked frame, on a screen of its own where there is none."""
        screen = [] if WINDOWS or os.environ.get("DISPLAY") else ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
        self.run(*screen, self.scripts / "dphm-app", "demo", "--frames", "1", "--screenshot", picture)

    def run(self, *command: str | Path) -> None:
        """Run a program; what it says is shown where it fails."""
        self.output(*command)

    def output(self, *command: str | Path) -> str:
        """Run a program and return what it prints."""
        started = perf_counter()
        done = subprocess.run(
            [str(word) for word in command], cwd=self.here, env=getattr(self, "environment", None), timeout=TIMEOUT_S,
            capture_output=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        words = " ".join(str(word) for word in command[1:])[:90].replace("\n", " ")
        say(f"{perf_counter() - started:6.1f} s  {Path(command[0]).name} {words}")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout.strip()


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the whole check."""
    root = Path(tempfile.mkdtemp(prefix="dphm-install-"))
    try:
        wheel = build_wheel(root)
        say(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
        check = Check(root, borrow="--full" not in sys.argv)
        check.install(wheel)
        use(check)
        check.uninstall()
        say("installed, used and uninstalled")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def use(check: Check) -> None:
    """Do what a user does first."""
    assert check.dphm("--version").startswith("dphm ")
    assert "track" in check.dphm("--help")
    assert "75, 2.5 s" in check.dphm("info", "demo")
    say(check.dphm("track", "demo", "--stop", "10", "--out", "erste Köpfe"))
    made = {path.name for path in (check.here / "erste Köpfe").iterdir()}
    assert made == {"meshes", "track.npz", "subject.safetensors", "report.json", "contact_sheet.png"}, made
    assert len(list((check.here / "erste Köpfe" / "meshes").iterdir())) == 10
    assert check.output(check.scripts / "python", "-c", PYTHON_CODE).count("(16434, 3)") == 4
    check.window("Fenster.png")
    assert (check.here / "Fenster.png").stat().st_size > 20_000


if __name__ == "__main__":
    main()
