"""Made-up head scans in the layout of NPHM's data set, from ICT-FaceKit: something to train on without that data set.

Every scan is what can be seen of a head from outside, in metres, somewhere and turned a little, with the similarity
that leads into the head frame. Every registration is the generator's skin.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dphm_core.files import make_folder, write_atomically
from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.meshing.writers import write_mesh
from dphm_core.training.binding import bind
from dphm_core.training.expressions import random_expression
from dphm_core.training.ict import SKIN_VERTEX_COUNT, HeadGenerator, visible_faces
from dphm_core.training.prepare_config import SyntheticScansConfig
from dphm_core.training.sampling import random_identity
from dphm_core.training.sequences import plausible_codes

CLOSED, OPEN = 0, 1
"""Every subject's first two expressions: neutral with the mouth closed, and slightly open."""
UNITS_PER_METRE = 4.0
SCALE_SPREAD = 0.03
"""Standard deviation of how much larger or smaller than life a subject was scanned."""
TURN_DEGREES = 8.0
SHIFT = 0.2
"""Standard deviations of where a head is: turned about each axis, and moved along it (head-frame units)."""
LIFELIKE_SHARE = 0.5
"""How many of the expressions are of faces that talk and feel; the others are single shapes and mixtures."""
OnScan = Callable[[int, int], object]


def write_synthetic_scans(
    generator: HeadGenerator, out: Path, config: SyntheticScansConfig, on_scan: OnScan | None = None
) -> None:
    """Write a folder of scans that `dphm train prepare` takes.

    A subject's scans follow from the seed and its number, however many others there are.

    Parameters
    ----------
    generator : HeadGenerator
        Makes the heads.
    out : Path
        Made if need be.
    config : SyntheticScansConfig
        How many.
    on_scan : callable, optional
        Called with the number of scans written and of all.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    make_folder(out)
    _write_array(out / "anchor_vertices.npy", bind(generator, HeadConfig()).anchor_vertices)
    names = [f"{subject + 1:03d}" for subject in range(config.subjects)]
    for subject, name in enumerate(names):
        rng = np.random.default_rng((config.seed, subject))
        identity = random_identity(generator, rng)
        scale = UNITS_PER_METRE * np.exp(rng.normal(0, SCALE_SPREAD))
        for number, weights in enumerate(subject_expressions(generator, config.expressions, rng)):
            vertices = generator.vertices(identity, weights)
            _write_scan(generator, vertices, out / name / f"{number:03d}", scale, rng)
            if on_scan is not None:
                on_scan(subject * config.expressions + number + 1, config.subjects * config.expressions)
    for file, number in (("neutrals_closed.json", CLOSED), ("neutrals.json", OPEN)):
        table = dict.fromkeys(names, f"{number:03d}")
        write_atomically(out / file, (json.dumps(table, indent=1) + "\n").encode())


def subject_expressions(generator: HeadGenerator, count: int, rng: np.random.Generator) -> FloatArray:
    """Expression weights (count, 53) of a subject's scans: closed and open neutral, then others."""
    names = generator.expression_names
    lifelike = round((count - 2) * LIFELIKE_SHARE)
    # One code of each sequence: neighbours in time would be too alike.
    others = [plausible_codes(names, 1, rng)[0] for _ in range(lifelike)]
    others += [random_expression(names, rng) for _ in range(count - 2 - lifelike)]
    closed = np.zeros(len(names), dtype=np.float32)
    return np.stack([closed, generator.canonical_weights, *others])


def _write_scan(
    generator: HeadGenerator, vertices: FloatArray, folder: Path, scale: float, rng: np.random.Generator
) -> None:
    """Write one scan's meshes in a space of its own, and the way from there: x_head = s · R · x + t."""
    rotation = Rotation.from_euler("xyz", rng.normal(0, TURN_DEGREES, 3), degrees=True).as_matrix()
    shift = rng.normal(0, SHIFT, 3)
    own = ((vertices - shift) @ rotation / scale).astype(np.float32)
    make_folder(folder)
    seen = generator.faces[visible_faces(vertices, generator.faces)]
    used, faces = np.unique(seen, return_inverse=True)
    write_mesh(folder / "scan.ply", own[used], faces.reshape(-1, 3).astype(np.int32))
    write_mesh(folder / "registration.ply", own[:SKIN_VERTEX_COUNT], skin_faces(generator))
    for name, value in (("s", scale), ("R", rotation), ("t", shift)):
        _write_array(folder / f"{name}.npy", np.asarray(value))


def skin_faces(generator: HeadGenerator) -> NDArray[np.int32]:
    """Triangles (F, 3) of face, head and neck: the registrations' template."""
    return generator.faces[(generator.faces < SKIN_VERTEX_COUNT).all(axis=1)]


def _write_array(path: Path, array: NDArray[np.float64] | NDArray[np.int64]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_atomically(path, buffer.getvalue())
