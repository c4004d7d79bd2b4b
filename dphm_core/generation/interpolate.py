"""Passages from one code to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dphm_core.diffusion.prior_file import Part
from dphm_core.errors import SettingError
from dphm_core.frames import FloatArray
from dphm_core.generation.choose import CodeChooser, sample_number
from dphm_core.generation.options import Blend

SMALLEST_ANGLE = 1e-4
"""Radians below which an arc is a straight line."""


def passage(chooser: CodeChooser, part: Part, ends: Sequence[str], count: int, blend: Blend) -> FloatArray:
    """Codes (count, D) from one code to another, in equal steps; the first and last are those codes exactly.

    `blend` is "linear", or "noise" for a passage along the sphere of the start noises of two DDIM samples.
    """
    first, last = (chooser.codes(part, end, 1)[0] for end in ends)
    share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    if blend == "linear":
        codes = first * (1 - share) + last * share
    else:
        numbers = [sample_number(end) for end in ends]
        if None in numbers or chooser.config.sampler != "ddim":
            raise SettingError("--blend noise passes between two samples of ddim: --between PART sample:J sample:K.")
        sampler = chooser.sampler(part)
        noises = [sampler.noise(number) for number in numbers if number is not None]
        codes = sampler.of_noise(slerp(noises[0], noises[1], share))
    codes[0], codes[-1] = first, last
    return codes


def slerp(first: FloatArray, last: FloatArray, share: FloatArray) -> FloatArray:
    """Points (n, D) on the great circle from `first` (D,) to `last` (D,) at parts `share` (n, 1) of the way."""
    cosine = first @ last / (np.linalg.norm(first) * np.linalg.norm(last))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if angle < SMALLEST_ANGLE:
        return np.asarray(first * (1 - share) + last * share, dtype=np.float32)
    mixed = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * last) / np.sin(angle)
    return np.asarray(mixed, dtype=np.float32)
