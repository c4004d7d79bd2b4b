"""GLB: a whole sequence as one animated file, the expression as morph targets and the pose as a node's animation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dphm_core.jobs import Tell
from dphm_core.meshing.animation import Animation, FloatArray
from dphm_core.meshing.gltf_buffer import INDEX_DATA, VERTEX_DATA, GltfBuffer, index_type, write_glb
from dphm_core.meshing.morphs import STILL_M, morphs_of

BYTES_PER_VERTEX = 24
"""A position and a normal."""
USUAL_BASIS = 24
"""Principal shapes of a talking head, for an estimate."""
SKIN = {"baseColorFactor": [0.62, 0.5, 0.44, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.7}


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
        Told of samples; those that are looked at several times count as often.

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


def _document(animation: Animation, buffer: GltfBuffer, tell: Tell) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Make the scene, with all its numbers in the buffer, and a note for the user."""
    morphs = morphs_of(animation, tell)
    primitive = {
        "attributes": {
            "POSITION": buffer.add(morphs.rest, VERTEX_DATA, bounds=True),
            "NORMAL": buffer.add(morphs.normals, VERTEX_DATA),
        },
        "indices": buffer.add(animation.faces.ravel().astype(index_type(len(morphs.rest))), INDEX_DATA),
        "material": 0,
        "targets": [
            {"POSITION": buffer.add_offsets(moved, bounds=True), "NORMAL": buffer.add_offsets(turned)}
            for moved, turned in morphs.targets
        ],
    }
    mesh = {"name": "head", "primitives": [primitive], "weights": morphs.weights[0].tolist()}
    pose = {"rotation": _quaternions(animation), "translation": animation.translation.astype(np.float32)}
    extras = {**animation.all_facts(), **morphs.facts}
    document = {
        "asset": {"version": "2.0", "generator": "DPHM Live", "extras": extras},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "head", "mesh": 0, **{path: values[0].tolist() for path, values in pose.items()}}],
        "meshes": [{**mesh, "extras": {"targetNames": morphs.names}}],
        "materials": [{"name": "skin", "pbrMetallicRoughness": SKIN, "doubleSided": True}],
        "animations": [_clip(animation, buffer, {**pose, "weights": morphs.weights.ravel()})],
    }
    return document, (f"GLB: {morphs.words}",)


def _clip(animation: Animation, buffer: GltfBuffer, tracks: dict[str, FloatArray]) -> dict[str, Any]:
    """The animation: pose and weights at each sample's time, and linear between them."""
    times = buffer.add(animation.times_s.astype(np.float32), bounds=True)
    return {
        "name": "track",
        "samplers": [{"input": times, "output": buffer.add(values)} for values in tracks.values()],
        "channels": [{"sampler": number, "target": {"node": 0, "path": path}} for number, path in enumerate(tracks)],
    }


def _quaternions(animation: Animation) -> FloatArray:
    """Rotations (T, 4) x, y, z, w; each on its predecessor's side, so that none between two turns the long way."""
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_matrix(animation.rotation).as_quat()
    turned[1:] *= np.cumprod(np.where((turned[1:] * turned[:-1]).sum(axis=1) < 0, -1, 1))[:, None]
    return turned.astype(np.float32)
