"""From the default model's expression weights, ICT-FaceKit's shapes, to ARKit's 52 blendshapes: an explicit table.

ICT-FaceKit names its shapes after ARKit's, with `_L` and `_R` for the subject's left and right. Most are the same
shape; some are one there and two here; what a depth camera cannot see is never made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import SettingError
from dphm_core.frames import FloatArray


class Relation(Enum):
    """How one of ARKit's blendshapes comes of the generator's shapes."""

    SAME = "same"
    """One shape, the same movement."""
    MERGED = "merged"
    """The generator has the two sides apart: their mean."""
    UNSEEN = "unseen"
    """A direction of gaze: a depth camera sees lids, not pupils. 0, or the face detector's score where asked for."""
    MISSING = "missing"
    """The generator has no such shape: always 0."""


@dataclass(frozen=True)
class ArkitShape:
    """One row of the table."""

    name: str
    """As Apple writes it; left and right are the subject's."""
    relation: Relation
    sources: tuple[str, ...] = ()
    """The generator's shapes, whose mean it is; none where it is unseen or missing."""


def _same(name: str, source: str) -> ArkitShape:
    return ArkitShape(name, Relation.SAME, (source,))


def _merged(name: str) -> ArkitShape:
    return ArkitShape(name, Relation.MERGED, (f"{name}_L", f"{name}_R"))


def _unseen(name: str) -> ArkitShape:
    return ArkitShape(name, Relation.UNSEEN)


ARKIT: tuple[ArkitShape, ...] = (
    _same("eyeBlinkLeft", "eyeBlink_L"),
    _unseen("eyeLookDownLeft"),
    _unseen("eyeLookInLeft"),
    _unseen("eyeLookOutLeft"),
    _unseen("eyeLookUpLeft"),
    _same("eyeSquintLeft", "eyeSquint_L"),
    _same("eyeWideLeft", "eyeWide_L"),
    _same("eyeBlinkRight", "eyeBlink_R"),
    _unseen("eyeLookDownRight"),
    _unseen("eyeLookInRight"),
    _unseen("eyeLookOutRight"),
    _unseen("eyeLookUpRight"),
    _same("eyeSquintRight", "eyeSquint_R"),
    _same("eyeWideRight", "eyeWide_R"),
    _same("jawForward", "jawForward"),
    _same("jawRight", "jawRight"),
    _same("jawLeft", "jawLeft"),
    _same("jawOpen", "jawOpen"),
    _same("mouthClose", "mouthClose"),
    _same("mouthFunnel", "mouthFunnel"),
    _same("mouthPucker", "mouthPucker"),
    _same("mouthRight", "mouthRight"),
    _same("mouthLeft", "mouthLeft"),
    _same("mouthSmileLeft", "mouthSmile_L"),
    _same("mouthSmileRight", "mouthSmile_R"),
    _same("mouthFrownLeft", "mouthFrown_L"),
    _same("mouthFrownRight", "mouthFrown_R"),
    _same("mouthDimpleLeft", "mouthDimple_L"),
    _same("mouthDimpleRight", "mouthDimple_R"),
    _same("mouthStretchLeft", "mouthStretch_L"),
    _same("mouthStretchRight", "mouthStretch_R"),
    _same("mouthRollLower", "mouthRollLower"),
    _same("mouthRollUpper", "mouthRollUpper"),
    _same("mouthShrugLower", "mouthShrugLower"),
    _same("mouthShrugUpper", "mouthShrugUpper"),
    _same("mouthPressLeft", "mouthPress_L"),
    _same("mouthPressRight", "mouthPress_R"),
    _same("mouthLowerDownLeft", "mouthLowerDown_L"),
    _same("mouthLowerDownRight", "mouthLowerDown_R"),
    _same("mouthUpperUpLeft", "mouthUpperUp_L"),
    _same("mouthUpperUpRight", "mouthUpperUp_R"),
    _same("browDownLeft", "browDown_L"),
    _same("browDownRight", "browDown_R"),
    _merged("browInnerUp"),
    _same("browOuterUpLeft", "browOuterUp_L"),
    _same("browOuterUpRight", "browOuterUp_R"),
    _merged("cheekPuff"),
    _same("cheekSquintLeft", "cheekSquint_L"),
    _same("cheekSquintRight", "cheekSquint_R"),
    _same("noseSneerLeft", "noseSneer_L"),
    _same("noseSneerRight", "noseSneer_R"),
    ArkitShape("tongueOut", Relation.MISSING),
)
"""All 52, in the order of Live Link Face's columns."""
ARKIT_NAMES: tuple[str, ...] = tuple(shape.name for shape in ARKIT)

NOT_PASSED_ON: dict[str, str] = {
    **{
        f"eyeLook{way}_{side}": "gaze: what is fitted of it is the lids' part alone"
        for side in "LR"
        for way in ("Down", "In", "Out", "Up")
    },
    **{f"PupilDilate_{side}": "pupils have no depth; not in the default model's code" for side in "LR"},
    **{f"cheekRaiser_{side}": "a double of cheekSquint; not in the default model's code" for side in "LR"},
}
"""The generator's shapes that ARKit gets nothing of, and why."""


@dataclass(frozen=True)
class ArkitTable:
    """The table for one model's expression code."""

    matrix: FloatArray
    """(E, 52) parts of each weight in each blendshape."""

    @classmethod
    def of(cls, expression_names: Sequence[str]) -> ArkitTable:
        """Table of a model by the names of its expression weights, E of them.

        Raises
        ------
        SettingError
            The model's code has no such names: its numbers are no blendshape weights.
        """
        matrix = np.zeros((len(expression_names), len(ARKIT)), dtype=np.float32)
        places = {name: row for row, name in enumerate(expression_names)}
        for column, shape in enumerate(ARKIT):
            rows = [places[source] for source in shape.sources if source in places]
            matrix[rows, column] = 1 / max(1, len(rows))
        if not matrix.any():
            raise SettingError(
                "this head model's expression code has no named shapes, so there are no blendshape weights in it; "
                "export csv, jsonl or npz codes, or track with a model that has names, such as 'default'"
            )
        return cls(matrix)

    def weights(self, codes: NDArray[Any]) -> FloatArray:
        """Blendshape weights (…, 52) in 0..1 of expression codes (…, E); NaN where a code is."""
        return np.clip(np.asarray(codes, dtype=np.float32) @ self.matrix, 0, 1)
