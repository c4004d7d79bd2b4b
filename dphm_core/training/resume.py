"""What makes a training this one and no other: a resume with other settings or other data is refused by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dphm_core.errors import CheckpointError
from dphm_core.frames import FloatArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = dict[str, Any]
"""By name, nested ones with a dot, as JSON holds them."""
DATA = ("scans", "codes")
"""Settings that are digests of what is trained on."""


def told_settings(config: DataclassInstance, free: Collection[str], **more: Any) -> Settings:
    """Settings of a configuration and others, without those that a resume is `free` to change."""
    told: Settings = dict(more)
    for name, value in asdict(config).items():
        nested = value if isinstance(value, dict) else None
        told |= {f"{name}.{key}": entry for key, entry in nested.items()} if nested is not None else {name: value}
    kept = {name: value for name, value in told.items() if name not in free}
    return json.loads(json.dumps(kept))


def refuse_another(path: Path, told: Settings, settings: Settings) -> None:
    """Compare what a checkpoint tells with the settings of now.

    Raises
    ------
    CheckpointError
        One differs, which the message names.
    """
    for name, value in settings.items():
        if told.get(name) != value:
            difference = f"its {name} are others" if name in DATA else f"{name}: {told.get(name)} then, {value} now"
            raise CheckpointError(f"{path} is of another training ({difference}); choose another folder for --out.")


def fingerprint(codes: FloatArray) -> str:
    """Digest of an array."""
    return hashlib.sha256(repr(codes.shape).encode() + np.ascontiguousarray(codes).tobytes()).hexdigest()
