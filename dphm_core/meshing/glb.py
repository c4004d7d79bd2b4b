"""GLB: a whole sequence as one animated file, the expression as morph targets and the pose as a node's animation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dphm_core.errors import SettingError
from dphm_core.jobs import Tell
from dphm_core.meshing.animation import Animation, FloatArray, Shapes
from dphm_core.meshing.basis import BOUND_M, MOST_SHAPES, principal_shapes, shapes_error
from dphm_core.meshing.gltf_buffer import INDEX_DATA, VERTEX_DATA, GltfBuffer, index_type, write_glb

MOST_FRAME_TARGETS = 256
"""Layers of a texture array that every WebGL 2 has; viewers keep one target in each."""
BYTES_PER_VERTEX = 24
"""A position and a normal."""
STILL_M, STILL_NORMAL = 1e-6, 1e-3
"""Offsets below these count as none."""
USUAL_BASIS = 16
"""Principal shapes of a talking head, for an estimate."""
SKIN = {"baseColorFactor": [0.62, 0.5, 0.44, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.7}
MILLIMETRES = 1000.0


def write_glb_animation(animation: Animation, path: Path, tell: Tell) -> tuple[str, ...]:
    """Write a GLB file; its nodes, targets and times are streamed, so that long sequences fit into memory.

    Parameters
    ----------
    animation : Animation
        In metres with y up, as glTF has it. Its `morph_targets` say what the targets are: "codes", the model's own
        expressions by name, or "basis" where there are none; "basis", the fewest shapes that come within 0.1 mm;
        "frames", every mesh by itself.
    path : Path
        File to write; for the time being there is another beside it.
    tell : Tell
        Told of samples, of those that are looked at twice, twice.

    Returns
    -------
    tuple of str
        How well the targets meet the meshes.

    Raises
    ------
    SettingError
        There are too many frames for a target each.
    OutputError
        The format cannot hold that much.
    """
    spool = path.with_name(f"{path.name}.numbers")
    try:
        with spool.open("wb") as file:
            buffer = GltfBuffer(file)
            document, notes = _document(animation, buffer, tell)
        write_glb(path, document, buffer, spool)
    finally:
        spool.unlink(missing_ok=True)
    return notes


def glb_bytes(animation: Animation) -> int:
    """Size of such a file, by and large."""
    count = len(animation) if animation.morph_targets == "frames" else USUAL_BASIS
    dense = BYTES_PER_VERTEX * len(animation.rest)
    targets = count * dense
    if animation.morph_targets == "codes" and animation.shapes is not None:
        moving = int((np.abs(animation.shapes.offsets).max(axis=-1) > STILL_M).sum())
        targets, count = moving * (BYTES_PER_VERTEX + 4), len(animation.shapes.names)
    return dense + targets + animation.faces.size * 2 + len(animation) * 4 * (count + 8)


@dataclass(frozen=True)
class _Morphs:
    """Targets as they lie in a file, and how they are mixed."""

    names: list[str]
    targets: list[dict[str, int]]
    weights: FloatArray
    """(T, K)"""
    facts: dict[str, Any]
    note: str


def _document(animation: Animation, buffer: GltfBuffer, tell: Tell) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Make the scene, with all its numbers in the buffer."""
    indices = buffer.add(animation.faces.ravel().astype(index_type(len(animation.rest))), INDEX_DATA)
    base = {
        "POSITION": buffer.add(animation.rest, VERTEX_DATA, bounds=True),
        "NORMAL": buffer.add(_normals(animation.rest, animation), VERTEX_DATA),
    }
    morphs = _frame_targets(animation, buffer, tell) if animation.morph_targets == "frames" else None
    morphs = morphs or _shape_targets(animation, buffer, tell)
    primitive = {"attributes": base, "indices": indices, "material": 0, "targets": morphs.targets}
    rotation, translation = _quaternions(animation), animation.translation.astype(np.float32)
    document = {
        "asset": {
            "version": "2.0",
            "generator": "DPHM Live",
            "extras": {**animation.all_facts(), **morphs.facts},
        },
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"name": "head", "mesh": 0, "rotation": rotation[0].tolist(), "translation": translation[0].tolist()}
        ],
        "meshes": [
            {
                "name": "head",
                "primitives": [primitive],
                "weights": morphs.weights[0].tolist(),
                "extras": {"targetNames": morphs.names},
            }
        ],
        "materials": [{"name": "skin", "pbrMetallicRoughness": SKIN, "doubleSided": True}],
        "animations": [_clip(animation, buffer, {"rotation": rotation, "translation": translation}, morphs.weights)],
    }
    return document, (morphs.note,)


def _clip(
    animation: Animation, buffer: GltfBuffer, moved: dict[str, FloatArray], weights: FloatArray
) -> dict[str, Any]:
    """The animation: pose and weights at each sample's time, and linear between them."""
    times = buffer.add(animation.times_s.astype(np.float32), bounds=True)
    tracks = {**moved, "weights": weights.ravel()}
    return {
        "name": "track",
        "samplers": [{"input": times, "output": buffer.add(values)} for values in tracks.values()],
        "channels": [{"sampler": number, "target": {"node": 0, "path": path}} for number, path in enumerate(tracks)],
    }


def _shape_targets(animation: Animation, buffer: GltfBuffer, tell: Tell) -> _Morphs:
    """Few shapes that are mixed: the model's own, or the sequence's principal ones."""
    named = animation.morph_targets == "codes" and animation.shapes is not None
    if named and animation.shapes is not None:
        shapes = animation.shapes
        tell(len(animation), 2 * len(animation))
    else:
        shapes = principal_shapes(animation, tell)
    kept = np.where(np.abs(shapes.offsets) * animation.metres_per_unit > STILL_M, shapes.offsets, 0)
    error = shapes_error(animation, Shapes(shapes.names, kept, shapes.weights))
    error_mm = error * animation.metres_per_unit * MILLIMETRES
    targets = [_target(offsets, animation, buffer) for offsets in kept]
    tell(2 * len(animation), 2 * len(animation))
    kind = "expressions of the model" if named else "principal shapes"
    note = f"GLB: {len(targets)} {kind}, within {error_mm:.3f} mm"
    if error_mm > BOUND_M * MILLIMETRES:
        note += f", as {MOST_SHAPES} are not enough; --glb-targets frames is exact"
    return _Morphs(shapes.names, targets, shapes.weights, {"targets": kind, "max_error_mm": round(error_mm, 4)}, note)


def _frame_targets(animation: Animation, buffer: GltfBuffer, tell: Tell) -> _Morphs:
    """Every mesh as a target of its own, one at a time."""
    count = len(animation)
    if count > MOST_FRAME_TARGETS:
        raise SettingError(
            f"a GLB with a target for each of {count} frames opens in few programs; choose {MOST_FRAME_TARGETS} frames "
            "or fewer, or another choice of targets"
        )
    targets = []
    for sample in range(count):
        targets.append(_target(animation.head(sample) - animation.rest, animation, buffer))
        tell(sample + 1, count)
    names = [f"frame_{index:05d}" for index in animation.frames.tolist()]
    weights = np.eye(count, dtype=np.float32)
    return _Morphs(names, targets, weights, {"targets": "frames", "max_error_mm": 0.0}, f"GLB: {count} frames, exact")


def _target(offsets: FloatArray, animation: Animation, buffer: GltfBuffer) -> dict[str, int]:
    """Put one morph target into the buffer, with what it does to the normals."""
    turned = _normals(animation.rest + offsets, animation) - _normals(animation.rest, animation)
    turned[np.abs(turned).max(axis=1) < STILL_NORMAL] = 0
    return {
        "POSITION": buffer.add_offsets(offsets, bounds=True),
        "NORMAL": buffer.add_offsets(turned),
    }


def _normals(vertices: FloatArray, animation: Animation) -> FloatArray:
    """Unit normals (V, 3), also where a vertex has no face: the format wants that."""
    from dphm_core.meshing.normals import vertex_normals

    normals = vertex_normals(vertices, animation.faces)
    normals[~normals.any(axis=1)] = (0, 0, 1)
    return normals


def _quaternions(animation: Animation) -> FloatArray:
    """Rotations (T, 4) x, y, z, w; each on its predecessor's side, so that none between two turns the long way."""
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_matrix(animation.rotation).as_quat()
    turned[1:] *= np.cumprod(np.where((turned[1:] * turned[:-1]).sum(axis=1) < 0, -1, 1))[:, None]
    return turned.astype(np.float32)
