"""Saves what a synthetic recording shows; `dphm_core.evaluation.ground_truth` reads it and describes the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.files import written_atomically
from dphm_core.frames import UNITS_PER_METRE
from dphm_core.sources.folder import TRUTH_FILE
from dphm_core.training.ict import FACE_VERTICES
from dphm_core.training.recording_paint import face_regions
from dphm_core.training.recording_scene import Actor

NEGLIGIBLE = 5e-6 * UNITS_PER_METRE
"""Offsets below 5 µm are saved as 0: the file shrinks."""


def save_truth(folder: Path, actor: Actor, visible: NDArray[np.bool_]) -> None:
    """Save the subject's face.

    Parameters
    ----------
    folder : Path
        The recording.
    actor : Actor
        Subject and motion.
    visible : (T, 9409) bool
        Face vertices that the camera sees.
    """
    generator = actor.subject.generator
    regions = face_regions(generator)
    count = FACE_VERTICES.stop
    basis = generator.expression[:, FACE_VERTICES]
    arrays = {
        "neutral": actor.subject.neutral[FACE_VERTICES],
        "expression": np.where(np.abs(basis) < NEGLIGIBLE, 0, basis).astype(np.float16),
        "expression_names": np.array(generator.expression_names),
        "weights": actor.expressions,
        "rotation": actor.rotations,
        "translation_m": actor.translations_m,
        "scale": np.float32(1.0),
        "faces": generator.faces[(generator.faces < count).all(axis=1)].astype(np.uint16),
        "landmark_vertices": generator.landmark_vertices,
        "face_vertices": regions.face,
        "lip_vertices": regions.lips,
        "eyelid_vertices": regions.eyelids,
        "visible": np.packbits(visible, axis=1),
    }
    with written_atomically(folder / TRUTH_FILE) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
