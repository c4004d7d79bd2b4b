"""Build the wheel, from a copy, so that no earlier build gets in: `python scripts/build_wheel.py dist`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PARTS = (
    "pyproject.toml", "setup.py", "README.md", "LICENSE", "THIRD_PARTY.md", "dphm_core", "app", "models/default",
    "recordings/demo",
)  # fmt: skip


def build_wheel(out: Path) -> Path:
    """Build the wheel; returns its path."""
    with tempfile.TemporaryDirectory(prefix="dphm-") as folder:
        for part in PARTS:
            source, copy = CHECKOUT / part, Path(folder) / part
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*command, "--wheel-dir", str(out), folder], check=True)
    return max(out.glob("dphm_live-*.whl"), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    sys.stdout.write(f"{build_wheel(Path(sys.argv[1]).resolve())}\n")
