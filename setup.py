"""Which folder becomes which package; pyproject.toml says everything else.

Installed, nothing has a name that others may use, too: the checkout's `app/` is the package `dphm_app`, and the default
model and the demo recording lie inside of `dphm_core`.
"""

from setuptools import find_packages, setup

APP = find_packages(include=["app", "app.*"], exclude=["app.bench"])
SHIPPED = {
    "dphm_core.shipped.models.default": "models/default",
    "dphm_core.shipped.recordings.demo": "recordings/demo",
}
"""Package (a folder without Python in it) → folder of the checkout."""

setup(
    packages=[*find_packages(include=["dphm_core", "dphm_core.*"]), *(f"dphm_{name}" for name in APP), *SHIPPED],
    package_dir={"dphm_app": "app", **SHIPPED},
    package_data={
        "dphm_core": ["py.typed"],
        "dphm_core.shipped.models.default": ["README.md", "config.json", "*.safetensors"],
        "dphm_core.shipped.recordings.demo": ["*.json", "*.npz", "*/*.png"],
    },
    include_package_data=False,
)
