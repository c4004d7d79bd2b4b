"""A person's identity as a small file, so that one who comes back is tracked at once.

It holds what a calibration found, and which model its numbers belong to; no name, no date, no picture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dphm_core.errors import CalibrationError
from dphm_core.files import bytes_in, write_atomically
from dphm_core.frames import FloatArray
from dphm_core.heads.model import HeadModel
from dphm_core.heads.offset import SurfaceOffset
from dphm_core.heads.subject import Subject, build_subject, personalised
from dphm_core.tracking.rigid import HEAD_SCALES

FORMAT = "dphm-subject/1"
MAX_FILE_BYTES = 1_000_000
MAX_COEFFICIENT = 10.0
"""Coefficients vary as N(0, 1); what is further out is no head."""
MAX_RESIDUAL_M = 0.01
FINGERPRINT_DIGITS = 16
OFFSET = "offset"
"""Tensor of the personal offset, in files that have one."""
CALIBRATE_AGAIN = "calibrate again and save the subject anew (--save-subject)"


@dataclass(frozen=True)
class KnownSubject:
    """What a calibration found out about a person."""

    coefficients: FloatArray
    """(M,) in the span of the model's identity codes."""
    scale: float
    """Of the head → camera similarity."""
    residual_m: float
    """Mean distance of the calibration's own frames, metres: what to expect of this head."""
    shape_error_m: float
    """What of it is not noise (`shape_error`), metres: what tells this head from others."""
    model: str
    """Name of the model, for messages."""
    fingerprint: str
    """Of the model, by `model_fingerprint`: coefficients mean nothing to another one."""
    offset: SurfaceOffset | None = None
    """What the person has beyond the model."""

    def subject(self, model: HeadModel, check: Callable[[], None] = lambda: None) -> Subject:
        """Build the subject of these numbers, which takes about a second; `check` is called often and may raise."""
        subject = build_subject(model, self.coefficients, self.scale, check)
        return subject if self.offset is None else personalised(subject, self.offset)

    def check(self, model: HeadModel) -> None:
        """Raise `ValueError` where the numbers are no head of this model."""
        expected = model.identity_basis.shape[1]
        if self.fingerprint != (own := model_fingerprint(model)):
            raise ValueError(
                f"it was calibrated with another model ('{self.model}', {self.fingerprint}; this is {own})"
            )
        if self.coefficients.shape != (expected,) or not (np.abs(self.coefficients) <= MAX_COEFFICIENT).all():
            raise ValueError(f"its coefficients are not {expected} plausible numbers")
        if not HEAD_SCALES[0] <= self.scale <= HEAD_SCALES[1]:
            raise ValueError(f"its scale {self.scale:.3f} is no head's")
        if not 0 < self.residual_m <= MAX_RESIDUAL_M:
            raise ValueError("its residual is no calibration's")
        if not 0 <= self.shape_error_m <= MAX_RESIDUAL_M:
            raise ValueError("its shape error is no calibration's")
        if self.offset is not None:
            self.offset.check()


def model_fingerprint(model: HeadModel) -> str:
    """Sixteen hexadecimal digits that tell models apart by what their coefficients mean: fields, basis, template."""
    digest = hashlib.sha256(json.dumps(asdict(model.config), sort_keys=True).encode())
    arrays = [model.identity_mean, model.identity_basis]
    for field in (model.identity_field, model.expression_field):
        arrays += [tensor.detach().cpu().numpy() for _, tensor in sorted(field.state_dict().items())]
    if model.template is not None:
        arrays.append(model.template.mean)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:FINGERPRINT_DIGITS]


def save_subject(known: KnownSubject, path: Path) -> None:
    """Write a subject file, all of it or nothing.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    write_atomically(path, encode_subject(known))


def encode_subject(known: KnownSubject) -> bytes:
    """Content of a subject file."""
    tensors = {
        "coefficients": torch.from_numpy(np.ascontiguousarray(known.coefficients, dtype=np.float32)),
        "scale": torch.tensor(known.scale, dtype=torch.float64),
        "residual_m": torch.tensor(known.residual_m, dtype=torch.float64),
        "shape_error_m": torch.tensor(known.shape_error_m, dtype=torch.float64),
    }
    if known.offset is not None:
        tensors[OFFSET] = torch.from_numpy(known.offset.coefficients.astype(np.float16))
    facts = {"format": FORMAT, "model": known.model, "fingerprint": known.fingerprint}
    return save(tensors, facts)


def load_subject(path: Path) -> KnownSubject:
    """Read a subject file; whether it fits a model is for `KnownSubject.check`.

    Raises
    ------
    CalibrationError
        It is missing, too large, damaged or no subject file.
    """
    try:
        size = bytes_in(path)
        with path.open("rb"):  # safetensors says of every file that it cannot open that it is not there
            pass
        if size > MAX_FILE_BYTES:
            raise ValueError(f"{size} bytes are more than any subject takes")
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            if facts.get("format") != FORMAT:
                raise ValueError(f"its format is {facts.get('format')!r:.60}, not {FORMAT!r}")
            return KnownSubject(
                coefficients=file.get_tensor("coefficients").to(torch.float32).numpy(),
                scale=float(file.get_tensor("scale").item()),
                residual_m=float(file.get_tensor("residual_m").item()),
                shape_error_m=float(file.get_tensor("shape_error_m").item()),
                model=facts.get("model", "")[:80],
                fingerprint=facts.get("fingerprint", "")[:80],
                offset=SurfaceOffset(file.get_tensor(OFFSET).float().numpy()) if OFFSET in file.keys() else None,  # noqa: SIM118
            )
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror or error}; choose a subject file") from error
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise CalibrationError(f"{path} is not a subject file ({error}); {CALIBRATE_AGAIN}") from error


def load_subject_of(path: Path, model: HeadModel) -> KnownSubject:
    """Read the subject file of a person who was calibrated with this very model.

    Raises
    ------
    CalibrationError
        It cannot be read, or its numbers are no head of this model.
    """
    known = load_subject(path)
    try:
        known.check(model)
    except ValueError as error:
        raise CalibrationError(f"{path} cannot be used: {error}; {CALIBRATE_AGAIN}, or choose its --model") from error
    return known
