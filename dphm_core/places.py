"""Where files are that nobody names: what came with the program, and the user's own folders."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_data_path

PROGRAM = "dphm-live"
"""Name of the user's folders."""
_PACKAGE = Path(__file__).resolve().parent
INSTALLED = (_PACKAGE / "shipped").is_dir()
"""Whether this runs from an installation, and not from a checkout."""
SHIPPED_FOLDER = _PACKAGE / "shipped" if INSTALLED else _PACKAGE.parent
"""What came with the program: inside of the package where it is installed, else the checkout."""
MODELS_FOLDER = SHIPPED_FOLDER / "models"
DEMO = "demo"
"""Name that stands for the demo recording where a path is expected."""
DEMO_RECORDING = SHIPPED_FOLDER / "recordings" / DEMO
MODEL_FILES = ("config.json", "model.safetensors")
"""What makes a folder a head model."""


def data_folder() -> Path:
    """Return the user's folder for what the program keeps, by the platform's custom; it may not be there yet."""
    return user_data_path(PROGRAM, appauthor=False)


def cache_folder() -> Path:
    """Return the user's folder for fetched models, by the platform's custom; it may not be there yet."""
    return user_cache_path(PROGRAM, appauthor=False, opinion=False) / "models"


def compiled_folder() -> Path:
    """Return the user's folder for what an installation compiles at its first use; it may not be there yet."""
    return cache_folder().with_name("compiled")


def model_folders() -> tuple[Path, Path]:
    """Folders in which head models are known by their names: those that came along, and those that the user added."""
    return MODELS_FOLDER, data_folder() / "models"


def find_model(name: str | Path) -> Path | None:
    """Folder of the head model that lies at `name`, or is known by it; None where there is none."""
    candidates = (Path(name), *(folder / name for folder in model_folders()))
    return next((folder for folder in candidates if all((folder / file).is_file() for file in MODEL_FILES)), None)


def model_names() -> list[str]:
    """Names of all head models that are known by one, in alphabetical order; looks at the disk."""
    found = (path.parent for folder in model_folders() for path in folder.glob(f"*/{MODEL_FILES[0]}"))
    return sorted({folder.name for folder in found if find_model(folder) is not None})


def recording_path(uri: str | Path) -> Path:
    """Path of a recording: the demo recording for its name, unless there is such a path here; else as it is given."""
    path = Path(uri)
    return DEMO_RECORDING if str(uri) == DEMO and not path.exists() else path
