"""The codes of a model's training heads and expressions, as one safetensors file in the model's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dphm_core.diffusion.prior_file import Part
from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in, write_atomically
from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.model import model_folder, read_config

CODEBOOK = "codebook.safetensors"
FORMAT = "dphm-codebook/1"
MAX_FILE_BYTES = 500_000_000
NAMES: dict[Part, str] = {"identity": "identities", "expression": "expressions"}


@dataclass(frozen=True)
class Codebook:
    """Codes that a model was trained with."""

    identities: FloatArray
    """(n, D) float32, one row per training head."""
    expressions: FloatArray
    """(m, E) float32, one row per training expression."""

    def of(self, part: Part) -> FloatArray:
        """Rows of one of the two codes."""
        return self.identities if part == "identity" else self.expressions


def save_codebook(codebook: Codebook, folder: Path, half: bool = False) -> None:
    """Write the codebook of a model folder; `half` keeps 11 bits of each number, for a file half as large."""
    kind = np.float16 if half else np.float32
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(codebook.of(part), dtype=kind)) for part, name in NAMES.items()
    }
    write_atomically(folder / CODEBOOK, save(tensors, {"format": FORMAT}))


def load_codebook(name: str | Path) -> Codebook:
    """Read the codebook of a model, given by its name in `models/` or by its folder.

    Raises
    ------
    CheckpointError
        There is no such model, it has no codebook, or its codebook is of another kind, damaged, or of another model.
    """
    folder = model_folder(name)
    path = folder / CODEBOOK
    if not path.is_file():
        raise CheckpointError(
            f"the model in {folder} has no {CODEBOOK}, the codes it was trained with; import or export it again."
        )
    try:
        return _read(path, read_config(folder)[0])
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not this model's codebook: {error}; get the model again.") from error


def _read(path: Path, config: HeadConfig) -> Codebook:
    if bytes_in(path) > MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
    with safe_open(path, framework="pt") as file:
        found = (file.metadata() or {}).get("format")
        if found != FORMAT:
            raise ValueError(f"its format is {found!r}, not {FORMAT!r}")
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    lengths: dict[Part, int] = {"identity": config.identity_dim, "expression": config.expression_dim}
    return Codebook(*(_codes(tensors, NAMES[part], length) for part, length in lengths.items()))


def _codes(tensors: dict[str, torch.Tensor], name: str, length: int) -> FloatArray:
    codes = tensors.get(name)
    if codes is None:
        raise ValueError(f"'{name}' is missing")
    if codes.ndim != 2 or not len(codes) or codes.shape[1] != length:
        raise ValueError(f"'{name}' is of shape {tuple(codes.shape)}, not (n, {length})")
    if not codes.is_floating_point() or not bool(codes.isfinite().all()):
        raise ValueError(f"'{name}' does not hold finite numbers")
    return np.ascontiguousarray(codes.float().numpy())
