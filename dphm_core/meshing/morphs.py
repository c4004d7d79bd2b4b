"""What the morph targets of a file are made of: the model's expressions, the fewest shapes, or every mesh by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dphm_core.errors import SettingError
from dphm_core.jobs import Tell
from dphm_core.meshing.animation import Animation, FloatArray, Passes, Shapes
from dphm_core.meshing.basis import BOUND_M, MOST_SHAPES, principal_shapes, shapes_error

MOST_FRAME_TARGETS = 256
"""Layers of a texture array that every WebGL 2 has; viewers keep one target in each."""
STILL_M, STILL_NORMAL = 1e-6, 1e-3
"""Offsets below these count as none."""
MILLIMETRES = 1000.0
DAMPING = 1e-5
"""Of the normals' fit, relative to the mean square of a weight: weights that are never apart share their effect."""


@dataclass(frozen=True)
class Morphs:
    """Morph targets, and how they are mixed: ``rest + weights · offsets``."""

    names: list[str]
    """(K,)"""
    rest: FloatArray
    """(V, 3)"""
    normals: FloatArray
    """(V, 3) unit normals of the rest."""
    targets: Iterator[tuple[FloatArray, FloatArray]]
    """K times what is added to vertices and to normals, (V, 3) each; made one after another."""
    weights: FloatArray
    """(T, K) 0..1, as some programs take no others."""
    facts: dict[str, Any]
    """How well they meet the meshes."""
    words: str
    """The same in words."""


def morphs_of(animation: Animation, tell: Tell) -> Morphs:
    """Make morph targets of an animation, of the kind that it asks for.

    Parameters
    ----------
    animation : Animation
        "codes" becomes "basis" where it has no shapes of its own.
    tell : Tell
        Told of samples; those that are looked at several times count as often.

    Raises
    ------
    SettingError
        A target for each frame is asked for, and there are too many.
    """
    if animation.morph_targets == "frames":
        return _frames(animation, tell)
    if animation.morph_targets == "codes" and animation.shapes is not None:
        shapes = animation.shapes
        return _mixed(Passes(animation, 1, tell), shapes, "expressions of the model", _turned(animation, shapes))
    passes = Passes(animation, 4, tell)
    shapes = principal_shapes(passes)
    return _mixed(passes, shapes, "principal shapes", _fitted(passes, shapes))


def _mixed(passes: Passes, shapes: Shapes, kind: str, turned: Iterator[FloatArray]) -> Morphs:
    """Few shapes that are mixed."""
    animation = passes.animation
    kept = np.where(np.abs(shapes.offsets) * animation.metres_per_unit > STILL_M, shapes.offsets, 0)
    error = shapes_error(passes, Shapes(shapes.names, shapes.rest, kept, shapes.weights))
    error_mm = error * animation.metres_per_unit * MILLIMETRES
    words = f"{len(kept)} {kind}, within {error_mm:.3f} mm"
    if error_mm > BOUND_M * MILLIMETRES:
        words += f", as {MOST_SHAPES} are not enough; --glb-targets frames is exact"
    facts = {"targets": kind, "max_error_mm": round(error_mm, 4)}
    normals = unit_normals(shapes.rest, animation)
    targets = zip(kept, (_still(offsets) for offsets in turned), strict=True)
    return Morphs(shapes.names, shapes.rest, normals, targets, shapes.weights, facts, words)


def _frames(animation: Animation, tell: Tell) -> Morphs:
    """Every mesh as a target of its own, one at a time."""
    count = len(animation)
    if count > MOST_FRAME_TARGETS:
        raise SettingError(
            f"a GLB with a target for each of {count} frames opens in few programs; choose {MOST_FRAME_TARGETS} frames "
            "or fewer, or another choice of targets"
        )
    normals = unit_normals(animation.rest, animation)

    def targets() -> Iterator[tuple[FloatArray, FloatArray]]:
        for sample in range(count):
            head = animation.head(sample)
            yield head - animation.rest, _still(unit_normals(head, animation) - normals)
            tell(sample + 1, count)

    names = [f"frame_{index:05d}" for index in animation.frames.tolist()]
    facts = {"targets": "frames", "max_error_mm": 0.0}
    weights = np.eye(count, dtype=np.float32)
    return Morphs(names, animation.rest, normals, targets(), weights, facts, f"{count} frames, exact")


def _turned(animation: Animation, shapes: Shapes) -> Iterator[FloatArray]:
    """What each shape alone does to the normals: good for shapes that each move a part of the face a little."""
    normals = unit_normals(shapes.rest, animation)
    for offsets in shapes.offsets:
        yield unit_normals(shapes.rest + offsets, animation) - normals


def _fitted(passes: Passes, shapes: Shapes) -> Iterator[FloatArray]:
    """What shapes that mean nothing alone must do to the normals, to meet those of all samples best; one pass."""
    animation = passes.animation
    weights = shapes.weights.astype(np.float64)
    rest = unit_normals(shapes.rest, animation)
    total = np.zeros((weights.shape[1], rest.size))
    for part, heads in passes.chunks():
        turned = np.stack([unit_normals(head, animation) for head in heads]) - rest
        total += weights[part].T @ turned.reshape(len(heads), -1)
    gram = weights.T @ weights
    gram += np.eye(len(gram)) * (DAMPING * float(np.trace(gram)) / len(gram) or 1.0)  # 1 where nothing moves
    yield from np.linalg.solve(gram, total).reshape(-1, *rest.shape).astype(np.float32)


def unit_normals(vertices: FloatArray, animation: Animation) -> FloatArray:
    """Unit normals (V, 3), also where a vertex has no face: formats want that."""
    from dphm_core.meshing.normals import vertex_normals

    normals = vertex_normals(vertices, animation.faces)
    normals[~normals.any(axis=1)] = (0, 0, 1)
    return normals


def _still(turned: FloatArray) -> FloatArray:
    """The same without what nobody sees, so that it need not be kept."""
    turned[np.abs(turned).max(axis=1) < STILL_NORMAL] = 0
    return turned
