"""Which folder becomes which package; pyproject.toml says everything else.

Installed, the default model and the demo recording lie inside of `dphm_core`, where nothing of others is.
"""

from setuptools import find_packages, setup

SHIPPED = {
    "dphm_core.shipped.models.default": "models/default",
    "dphm_core.shipped.recordings.demo": "recordings/demo",
}
"""Package (a folder without Python in it) → folder of the checkout."""

setup(
    packages=[*find_packages(include=["dphm_core", "dphm_core.*", "app", "app.*"], exclude=["app.bench"]), *SHIPPED],
    package_dir=SHIPPED,
    package_data={
        "dphm_core": ["py.typed"],
        "dphm_core.shipped.models.default": ["README.md", "config.json", "*.safetensors"],
        "dphm_core.shipped.recordings.demo": ["*.json", "*.npz", "*/*.png"],
    },
    include_package_data=False,
)
