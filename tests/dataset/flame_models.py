"""A model with FLAME's arrays and none of its numbers: the default model's mean head, thinned out, with a jaw joint."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from functools import cache

import numpy as np
from scipy.spatial import cKDTree

from dphm_core.heads.model import load_model
from dphm_core.landmarks.landmark_sets import FACE_OVAL

JOINT_PLACES = {  # head frame
    "root": (0, -0.45, -0.3), "neck": (0, -0.3, -0.25), "jaw": (0, -0.05, -0.15), "left": (0.12, 0.1, 0.1),
    "right": (-0.12, 0.1, 0.1),
}  # fmt: skip
NOT_EXPRESSIONS = ("jawOpen", "mouthClose", "jawLeft", "jawRight", "jawForward")
IDENTITY = 40
EXPRESSION_SIGMA = 0.4
"""Weight of an expression shape per standard deviation."""
MOVED_M = (0.002, -0.003, 0.003)
"""FLAME's origin is not quite the default model's."""


@cache
def flame_arrays(cell: float = 0.022) -> dict[str, np.ndarray]:
    """By the names in FLAME's file; float32 in place of its doubles."""
    model = load_model("default")
    template = model.template
    assert template is not None
    opening = template.expression_basis[model.expression_names.index("jawOpen")]
    kept, faces = thinned(template.mean, opening, template.faces, cell)
    closed = template.mean - template.canonical_weights[model.expression_names.index("jawOpen")] * opening
    vertices = (closed[kept] + 1.2 * template.identity_basis[2, kept]) / 4 + np.array(MOVED_M)
    shapes = np.zeros((len(kept), 3, 400), np.float32)
    shapes[:, :, :IDENTITY] = np.moveaxis(template.identity_basis[:IDENTITY, kept], 0, 2) / 4
    names = [k for k, name in enumerate(model.expression_names) if name not in NOT_EXPRESSIONS]
    moving = np.moveaxis(template.expression_basis[names][:, kept], 0, 2) / 4 * EXPRESSION_SIGMA
    shapes[:, :, 300 : 300 + len(names)] = moving
    jaw = np.linalg.norm(opening[kept], axis=1)
    jaw = np.clip(jaw / np.quantile(jaw, 0.99), 0, 1)
    weights = np.zeros((len(kept), 5), np.float32)
    weights[:, 2], weights[:, 1] = jaw, 1 - jaw
    poses = np.zeros((len(kept), 3, 36), np.float32)
    poses[:, 1, 9:18] = jaw[:, None] * np.linspace(-0.002, 0.002, 9)
    return {
        "v_template": vertices.astype(np.float32), "shapedirs": shapes, "posedirs": poses, "weights": weights,
        "J_regressor": regressor(vertices), "f": faces.astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    }  # fmt: skip


def landmark_arrays(cell: float = 0.022) -> dict[str, np.ndarray]:
    """By the names in FLAME's file of MediaPipe's landmarks: where the vertex next to each lies."""
    template = load_model("default").template
    assert template is not None
    opening = template.expression_basis[load_model("default").expression_names.index("jawOpen")]
    kept, faces = thinned(template.mean, opening, template.faces, cell)
    numbers = np.array([k for k in range(468) if k not in FACE_OVAL])
    vertices = cKDTree(template.mean[kept]).query(template.mean[template.landmark_vertices[numbers]])[1]
    in_face = [np.argwhere(faces == vertex) for vertex in vertices]
    there = np.array([len(found) > 0 for found in in_face])
    first = np.array([found[0] for found in in_face if len(found)])
    return {
        "lmk_face_idx": first[:, 0], "lmk_b_coords": np.eye(3)[first[:, 1]], "landmark_indices": numbers[there],
    }  # fmt: skip


def thinned(mean: np.ndarray, opening: np.ndarray, faces: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """One vertex per cell; what a jaw pulls apart stays apart."""
    keys = np.round(np.column_stack([mean / cell, opening / (2 * cell)])).astype(int)
    _, kept, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    fewer = number[faces]
    whole = (fewer[:, 0] != fewer[:, 1]) & (fewer[:, 1] != fewer[:, 2]) & (fewer[:, 2] != fewer[:, 0])
    return kept, fewer[whole]


def regressor(vertices: np.ndarray) -> np.ndarray:
    found = np.zeros((5, len(vertices)))
    for joint, place in enumerate(JOINT_PLACES.values()):
        found[joint, cKDTree(vertices).query(np.array(place) / 4, 60)[1]] = 1 / 60
    return found


def python_2_pickle(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays as Python 2 wrote FLAME's file: byte strings, chumpy around the shapes, a sparse regressor."""
    parts = b"".join(
        string(name)
        + (sparse(array) if name == "J_regressor" else chumpy(array) if name == "shapedirs" else numpy_(array))
        for name, array in arrays.items()
    )
    return b"\x80\x02}(" + string("bs_type") + string("lrotmin") + parts + b"u."


def string(text: str) -> bytes:
    return b"U" + bytes([len(text)]) + text.encode()


def whole(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def numpy_(array: np.ndarray) -> bytes:
    raw = array.tobytes(order="C")
    kind = b"cnumpy\ndtype\n" + string(array.dtype.str[1:]) + b"K\x00K\x01\x87R"
    kind += b"(K\x03" + string("<") + b"NNN" + whole(-1) + whole(-1) + b"K\x00tb"
    shape = b"(" + b"".join(whole(n) for n in array.shape) + b"t"
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + whole(0) + b"\x85" + string("b") + b"\x87R"
    return made + b"(K\x01" + shape + kind + b"\x89T" + struct.pack("<I", len(raw)) + raw + b"tb"


def old_object(name: str, state: bytes) -> bytes:
    return b"ccopy_reg\n_reconstructor\nc" + name.encode() + b"\nc__builtin__\nobject\nN\x87R" + state + b"b"


def chumpy(array: np.ndarray) -> bytes:
    nothing_dirty = string("_dirty_vars") + b"c__builtin__\nset\n(lp0\n" + string("x") + b"a\x85R"
    return old_object("chumpy.ch\nCh", b"}(" + string("x") + numpy_(array) + nothing_dirty + string("_itr") + b"Nu")


def sparse(array: np.ndarray) -> bytes:
    rows, columns = np.nonzero(array.T)[::-1]
    starts = np.searchsorted(columns, np.arange(array.shape[1] + 1))
    parts = {"data": array[rows, columns], "indices": rows.astype(np.int32), "indptr": starts.astype(np.int32)}
    state = b"}(" + b"".join(string(name) + numpy_(part) for name, part in parts.items())
    shape = b"(" + b"".join(whole(n) for n in array.shape) + b"t"
    return old_object("scipy.sparse.csc\ncsc_matrix", state + string("_shape") + shape + string("maxprint") + b"K\x32u")


def python_3_pickle(arrays: Mapping[str, np.ndarray], protocol: int) -> bytes:
    return pickle.dumps(dict(arrays), protocol=protocol)
