"""A head model: both fields, the space of plausible identities, and (where it has one) the template mesh."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in, make_folder, write_atomically
from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.template import Template
from dphm_core.places import MODEL_FILES, find_model, model_folders, model_names

FORMAT = "dphm-head-model/1"
CONFIG, WEIGHTS = MODEL_FILES
MAX_WEIGHTS_BYTES = 2_000_000_000
QUANTISED_MAX = 127


@dataclass(frozen=True)
class HeadModel:
    """Everything that a tracker needs to know of heads."""

    config: HeadConfig
    identity_field: IdentityField
    expression_field: ExpressionField
    identity_mean: FloatArray
    """(D,) mean identity code."""
    identity_basis: FloatArray
    """(D, M): code = mean + basis @ coefficients, and the coefficients of real heads vary as N(0, 1)."""
    expression_names: tuple[str, ...]
    """Names of the expression code's entries; empty where they have none."""
    template: Template | None
    name: str = ""
    """Of its folder, for messages."""

    def identity_code(self, coefficients: FloatArray) -> FloatArray:
        """Identity code (D,) of coefficients (M,)."""
        return np.asarray(self.identity_mean + self.identity_basis @ coefficients, dtype=np.float32)

    def identity_codes(self, coefficients: FloatArray) -> FloatArray:
        """Identity codes (n, D) of coefficients (n, M)."""
        return np.asarray(self.identity_mean + coefficients @ self.identity_basis.T, dtype=np.float32)

    def coefficients(self, codes: FloatArray) -> FloatArray:
        """Coefficients (n, M) whose codes are nearest to codes (n, D), by least squares."""
        solution = np.linalg.lstsq(self.identity_basis, (codes - self.identity_mean).T, rcond=None)[0]
        return np.ascontiguousarray(solution.T, dtype=np.float32)

    def anchors(self, code: FloatArray) -> FloatArray:
        """Anchors (39, 3) of an identity code (D,), canonical space."""
        with torch.no_grad():
            return self.identity_field.anchors(torch.from_numpy(code)[None])[0].numpy()


def save_model(model: HeadModel, folder: Path) -> None:
    """Write a model folder: `config.json` and `model.safetensors`."""
    tensors = {f"identity_field.{k}": v for k, v in model.identity_field.state_dict().items()}
    tensors |= {f"expression_field.{k}": v for k, v in model.expression_field.state_dict().items()}
    tensors["identity_mean"] = torch.from_numpy(model.identity_mean)
    tensors["identity_basis"] = torch.from_numpy(model.identity_basis)
    if model.template is not None:
        tensors |= {f"template.{k}": v for k, v in _pack_template(model.template).items()}
    make_folder(folder)
    config = {"format": FORMAT, "head": asdict(model.config), "expression_names": list(model.expression_names)}
    write_atomically(folder / WEIGHTS, save({name: tensor.contiguous() for name, tensor in tensors.items()}))
    write_atomically(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def load_model(name: str | Path) -> HeadModel:
    """Read a model by its name in `models/` or by its folder.

    Raises
    ------
    CheckpointError
        The folder is missing, is of another kind, or does not fit its own configuration.
    """
    folder = model_folder(name)
    config, names = read_config(folder)
    tensors = _read_tensors(folder)

    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

    try:
        identity_tensors = part("identity_field.")
        identity_field = IdentityField(config, identity_tensors["mean_anchors"])
        identity_field.load_state_dict(identity_tensors)
        expression_field = ExpressionField(config)
        expression_field.load_state_dict(part("expression_field."))
        template = part("template.")
        model = HeadModel(
            config=config,
            identity_field=identity_field.requires_grad_(False).eval(),
            expression_field=expression_field.requires_grad_(False).eval(),
            identity_mean=tensors["identity_mean"].numpy(),
            identity_basis=tensors["identity_basis"].numpy(),
            expression_names=names,
            template=_unpack_template(template) if template else None,
            name=folder.resolve().name,
        )
        _check_shapes(model)
    except (KeyError, RuntimeError, ValueError) as error:
        reason = str(error).replace("\n", " ")
        raise CheckpointError(f"{folder / WEIGHTS} does not fit {CONFIG}: {reason}") from error
    return model


def _check_shapes(model: HeadModel) -> None:
    if len(model.identity_mean) != model.config.identity_dim or len(model.identity_basis) != model.config.identity_dim:
        raise ValueError(f"the identity basis is not of length {model.config.identity_dim}")
    if model.expression_names and len(model.expression_names) != model.config.expression_dim:
        raise ValueError(f"{len(model.expression_names)} names for {model.config.expression_dim} expression weights")
    template = model.template
    if template is None:
        return
    count = len(template.mean)
    if template.faces.min() < 0 or template.faces.max() >= count or template.landmark_vertices.max() >= count:
        raise ValueError("the template's faces or landmarks point beyond its vertices")
    if template.identity_basis.shape[:2] != (model.identity_basis.shape[1], count):
        raise ValueError("the template's identity basis does not fit the model's")
    if template.expression_basis.shape[:2] != (model.config.expression_dim, count):
        raise ValueError("the template's expression basis does not fit the model's")


def model_folder(name: str | Path) -> Path:
    """Folder of the model that lies at `name`, or is known by that name.

    Raises
    ------
    CheckpointError
        There is no model.
    """
    folder = find_model(name)
    if folder is None:
        raise CheckpointError(
            f"no head model '{name}': give a folder with {CONFIG} and {WEIGHTS}, or one of the names "
            f"{', '.join(model_names())}; more can be put in {model_folders()[-1]}"
        )
    return folder


def read_config(folder: Path) -> tuple[HeadConfig, tuple[str, ...]]:
    """Sizes of a model's fields, and the names of its expression code's entries.

    Raises
    ------
    CheckpointError
        The folder's `config.json` is of another kind.
    """
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format is {content['format']!r}, not {FORMAT!r}")
        values = content["head"]
        known = {field.name: field.type for field in fields(HeadConfig)}
        for key, value in values.items():
            if key not in known or not isinstance(value, (int, float)) or not 0 <= value <= 4096:
                raise ValueError(f"head.{key} = {value!r} is not a plausible setting")
        return HeadConfig(**values), tuple(str(item) for item in content["expression_names"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / CONFIG} is not a head model's configuration: {error}") from error


def _read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / WEIGHTS
    if bytes_in(path) > MAX_WEIGHTS_BYTES:
        raise CheckpointError(f"{path} is larger than any head model; is it the right file?")
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a safetensors file ({error}); get the model again.") from error


def _pack_template(template: Template) -> dict[str, torch.Tensor]:
    """Arrays as stored: identity modes as 8-bit steps of their largest offset (≤ 0.1 mm), expressions as float16."""
    step = np.abs(template.identity_basis).max(axis=(1, 2)) / QUANTISED_MAX
    quantised = np.round(template.identity_basis / step[:, None, None]).astype(np.int8)
    return {
        "mean": torch.from_numpy(template.mean),
        "identity_basis": torch.from_numpy(quantised),
        "identity_step": torch.from_numpy(step.astype(np.float32)),
        "expression_basis": torch.from_numpy(template.expression_basis).half(),
        "canonical_weights": torch.from_numpy(template.canonical_weights),
        "faces": torch.from_numpy(template.faces),
        "landmark_vertices": torch.from_numpy(template.landmark_vertices),
        "tracked": torch.from_numpy(template.tracked),
    }


def _unpack_template(tensors: dict[str, torch.Tensor]) -> Template:
    step = tensors["identity_step"][:, None, None]
    return Template(
        mean=tensors["mean"].numpy(),
        identity_basis=(tensors["identity_basis"].float() * step).numpy(),
        expression_basis=tensors["expression_basis"].float().numpy(),
        canonical_weights=tensors["canonical_weights"].numpy(),
        faces=tensors["faces"].numpy(),
        landmark_vertices=tensors["landmark_vertices"].numpy(),
        tracked=tensors["tracked"].numpy(),
    )
