"""Codes by the names that a user gives them: samples, the mean, rows of the codebook, files."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.diffusion.prior_file import Part
from dphm_core.errors import DataError, SettingError
from dphm_core.files import bytes_in, read_npz
from dphm_core.frames import FloatArray
from dphm_core.generation.draw import PARTS, CodeSampler
from dphm_core.generation.options import SamplerConfig
from dphm_core.heads.codebook import Codebook, load_codebook
from dphm_core.heads.latent_prior import load_model_prior
from dphm_core.heads.model import HeadModel, load_model

SAMPLE, MEANS = "sample", ("mean", "neutral")
ARRAYS: dict[Part, tuple[str, ...]] = {
    "identity": ("identity_codes", "identity_code"),
    "expression": ("expression_codes", "expression_code"),
}
"""Arrays of an .npz file that hold codes: of `dphm sample` and of `dphm track`."""
MAX_FILE_BYTES = 1 << 30


class CodeChooser:
    """Knows a model's codes by name; priors and codebook are read when a name needs them."""

    def __init__(self, name: str | Path, config: SamplerConfig) -> None:
        """Read the model of this name or folder."""
        self.name, self.config = name, config
        self.model = load_model(name)
        self._samplers: dict[Part, CodeSampler] = {}

    def codes(self, part: Part, text: str, count: int) -> FloatArray:
        """Codes (count, D) float32 of one name: all the same, but for "sample".

        Parameters
        ----------
        part : Part
            Which codes.
        text : str
            "sample", "sample:K", "mean" or "neutral", a row of the codebook, or FILE or FILE:ROW.
        count : int
            How many.

        Raises
        ------
        CheckpointError
            The model has no prior or no codebook.
        DataError
            The file holds no such code.
        SettingError
            The name means nothing.
        """
        if text == SAMPLE:
            return self.sampler(part).codes(range(count))
        return np.tile(self._one(part, text), (count, 1))

    def sampler(self, part: Part) -> CodeSampler:
        """Sampler of one of the model's priors."""
        if part not in self._samplers:
            self._samplers[part] = CodeSampler(
                self.model, load_model_prior(self.name, part, self.model), part, self.config
            )
        return self._samplers[part]

    def _one(self, part: Part, text: str) -> FloatArray:
        number = sample_number(text)
        if number is not None:
            return self.sampler(part).codes([number])[0]
        if text in MEANS:
            return mean_code(part, self.model)
        if re.fullmatch(r"-?\d+", text):
            return self._row(part, int(text))
        return _read_code(part, text, len(mean_code(part, self.model)))

    @cached_property
    def _codebook(self) -> Codebook:
        return load_codebook(self.name)

    def _row(self, part: Part, row: int) -> FloatArray:
        codes = self._codebook.of(part)
        if not 0 <= row < len(codes):
            raise SettingError(f"the codebook of '{self.name}' holds {part} codes 0 to {len(codes) - 1}, not {row}.")
        return np.asarray(codes[row])


def sample_number(text: str) -> int | None:
    """K of "sample:K" (0 of "sample"); None of anything else."""
    if text == SAMPLE:
        return 0
    match = re.fullmatch(SAMPLE + r":(\d{1,9})", text)
    return int(match[1]) if match else None


def mean_code(part: Part, model: HeadModel) -> FloatArray:
    """The mean identity (D,), or the neutral expression (E,): zeros, the weights of rest."""
    if part == "identity":
        return model.identity_mean
    return np.zeros(model.config.expression_dim, dtype=np.float32)


def _read_code(part: Part, text: str, length: int) -> FloatArray:
    """One code (length,) of a file, named as FILE or FILE:ROW."""
    name, _, row = text.rpartition(":") if re.search(r":\d{1,9}$", text) else (text, "", "")
    path = Path(name)
    if path.suffix not in (".npy", ".npz"):
        known = f"'sample', 'sample:K', '{MEANS[PARTS.index(part)]}', a row of the codebook, or an .npy or .npz file"
        raise SettingError(f"'{text}' is no {part} code: give {known}.")
    try:
        codes = np.atleast_2d(_array(part, path))
        if codes.ndim != 2 or codes.shape[1] != length or codes.dtype.kind != "f" or not len(codes):
            raise ValueError(f"it is of shape {codes.shape} and type {codes.dtype}, not ({length},)")
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} holds no {part} code of this model: {_reason(error)}.") from error
    if not row and len(codes) > 1:
        raise DataError(f"{path} holds {len(codes)} {part} codes; name one as {path}:ROW, from 0 to {len(codes) - 1}.")
    chosen = int(row or 0)
    if chosen >= len(codes):
        raise DataError(f"{path} holds {part} codes 0 to {len(codes) - 1}, not {chosen}.")
    code = np.array(codes[chosen], dtype=np.float32)
    if not np.isfinite(code).all():
        raise DataError(f"{part} code {chosen} of {path} is not finite: it may be of a frame that was not tracked.")
    return code


def _reason(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) else None
    return told or " ".join(str(error).split())


def _array(part: Part, path: Path) -> NDArray[Any]:
    if path.suffix == ".npz":
        arrays = read_npz(path, MAX_FILE_BYTES, ARRAYS[part])
        if not arrays:
            raise ValueError(f"it has no {' or '.join(ARRAYS[part])}")
        return next(iter(arrays.values()))
    bytes_in(path)
    # Mapped, so that a false header cannot make numpy allocate what the file does not hold.
    return np.asarray(np.lib.format.open_memmap(path, mode="r"))  # type: ignore[no-untyped-call]
