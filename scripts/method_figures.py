"""Draw docs/figures: the head model's fields, and what each step of a fit is worth.

python scripts/method_figures.py TRACK FRAME

TRACK is the results folder of `dphm track recordings/demo`, FRAME one of its frames.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib import pyplot as plt

from dphm_core.errors import DataError
from dphm_core.frames import FACE_HIGH, FACE_LOW, FloatArray, RGBDFrame, Similarity
from dphm_core.heads.subject import Subject, build_subject
from dphm_core.meshing.normals import vertex_normals
from dphm_core.meshing.picture import Framing, contact_sheet, shaded_picture, write_picture
from dphm_core.meshing.residual import vertex_residuals_m
from dphm_core.output.saved_track import SavedTrack, load_saved_track
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources import open_source

FIGURES = Path(__file__).resolve().parents[1] / "docs" / "figures"
LOW, HIGH = np.array([-0.55, -0.40]), np.array([0.62, 0.45])
"""What of the head's middle plane is drawn: y and z, head-frame units; the baked distance reaches so far."""
CELLS = 281
SMILE = {"mouthSmile_L": 0.9, "mouthSmile_R": 0.9, "jawOpen": 0.6}
FULL_MM = 4.0
"""Residual that has the full colour."""
TILE = 420


def expression(subject: Subject, weights: dict[str, float]) -> FloatArray:
    """(E,) code of named blendshape weights."""
    names = list(subject.model.expression_names)
    code = np.zeros(len(names), dtype=np.float32)
    for name, weight in weights.items():
        code[names.index(name)] = weight
    return code


def middle_plane() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coordinates y and z of the plane's grid, and its points (N, 3)."""
    y, z = np.linspace(LOW[0], HIGH[0], CELLS), np.linspace(LOW[1], HIGH[1], CELLS)
    grid_z, grid_y = np.meshgrid(z, y)
    points = np.stack([np.zeros(CELLS * CELLS), grid_y.ravel(), grid_z.ravel()], axis=1)
    return y.astype(np.float32), z.astype(np.float32), points.astype(np.float32)


def draw_fields(subject: Subject, path: Path) -> None:
    """The identity field over the middle plane, and the expression field that leads into it."""
    model = subject.model
    y, z, points = middle_plane()
    code = torch.from_numpy(expression(subject, SMILE))
    evaluation = subject.deformation.evaluate(torch.from_numpy(points), code)
    canonical = evaluation.canonical.detach().numpy()[:, :3]
    shape = (CELLS, CELLS)
    still = subject.distance(points)[0].reshape(shape)
    posed = subject.distance(canonical)[0].reshape(shape)
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 5.4), sharey=True, constrained_layout=True)
    for axis, values, title in (
        (axes[0], still, "identity field: signed distance\nof the canonical head, 39 anchors"),
        (axes[2], posed, "both: distance of the posed head\n= identity field(point + deformation)"),
    ):
        shades = axis.contourf(z, y, values * 250, np.arange(-80, 81, 10), cmap="RdBu_r", extend="both")
        axis.contour(z, y, values, [0.0], colors="black", linewidths=2)
        axis.set_title(title, fontsize=11)
    anchors = model.anchors(subject.identity_code)
    axes[0].scatter(anchors[:, 2], anchors[:, 1], s=22, color="black", edgecolors="white", zorder=3)
    figure.colorbar(shades, ax=axes[2], label="mm")
    draw_moves(axes[1], points, canonical - points, z, y, still, posed)
    for axis in axes:
        axis.set_aspect("equal")
        axis.set_xlim(LOW[1], HIGH[1])
        axis.set_ylim(LOW[0], HIGH[0])
        axis.set_xlabel("z, out of the face (0.25 m)")
    axes[0].set_ylabel("y, up (0.25 m)")
    figure.savefig(path, dpi=90)


def draw_moves(
    axis: plt.Axes, points: FloatArray, moved: FloatArray, z: FloatArray, y: FloatArray, still: FloatArray,
    posed: FloatArray,
) -> None:  # fmt: skip
    """The expression field's arrows, from the posed head (orange) back to the canonical one (black)."""
    every = np.zeros((CELLS, CELLS), dtype=bool)
    every[::10, ::14] = True
    near = every.ravel() & (np.abs(posed.ravel()) < 0.10) & (np.linalg.norm(moved, axis=1) > 0.004)
    axis.contour(z, y, posed, [0.0], colors="#d55e00", linewidths=2)
    axis.contour(z, y, still, [0.0], colors="black", linewidths=1.5)
    axis.quiver(
        points[near, 2], points[near, 1], moved[near, 2], moved[near, 1], angles="xy", scale_units="xy", scale=1,
        color="#0072b2", width=0.004,
    )  # fmt: skip
    axis.set_title("expression field: from the posed head (orange)\nback to the canonical one (black)", fontsize=11)


def residuals(vertices_cam: FloatArray, faces: np.ndarray, frame: RGBDFrame) -> FloatArray:
    """(V,) millimetres between mesh and depth, NaN where nothing can be compared."""
    normals = vertex_normals(vertices_cam, faces)
    metres = vertex_residuals_m(vertices_cam, faces, normals, frame.depth_m, frame.intrinsics, reach=3)
    return np.asarray(metres * 1000, dtype=np.float32)


def tile(vertices_head: FloatArray, faces: np.ndarray, told_mm: FloatArray | None) -> np.ndarray:
    """A picture of a head, in its residual's colours where there is one."""
    colors = None
    if told_mm is not None:
        shares = np.clip(0.5 + told_mm / (2 * FULL_MM), 0, 1)
        colors = (255 * colormaps["PuOr_r"](shares)[:, :3]).astype(np.uint8)
        colors[~np.isfinite(told_mm)] = 120
    return shaded_picture(vertices_head, faces, TILE, framing=Framing((0.0, -0.02, -0.12), 1.2), colors=colors)


def draw_steps(saved: SavedTrack, row: int, frame: RGBDFrame, path: Path) -> list[str]:
    """What the mesh leaves of the depth: mean head, own identity, own identity with its expression."""
    pose, subject = saved.pose(row), saved.subject
    weights = saved.track.expression_codes[row]
    mean = build_subject(subject.model, np.zeros(subject.model.identity_basis.shape[1], np.float32), subject.scale)
    rest = np.zeros_like(weights)
    steps = (("mean head", mean, rest), ("own identity", subject, rest), ("and expression", subject, weights))
    pictures, captions = [], []
    for name, head, code in steps:
        vertices = head.posed_vertices(code)
        told = residuals(settled(vertices, head, pose, frame), head.faces, frame)
        told[~in_face(vertices)] = np.nan
        captions.append(f"{name}: {np.nanmean(np.abs(told)):.2f} mm")
        pictures.append(tile(vertices, head.faces, told))
    write_picture(path, contact_sheet(pictures, len(pictures), captions))
    return captions


def settled(vertices: FloatArray, head: Subject, pose: Similarity, frame: RGBDFrame) -> FloatArray:
    """Vertices in the camera frame after a few steps of rigid alignment with the depth, so that shapes are compared."""
    for _ in range(12):
        placed = pose.to_camera(vertices)
        normals = vertex_normals(placed, head.faces)
        off = vertex_residuals_m(placed, head.faces, normals, frame.depth_m, frame.intrinsics, reach=1)
        seen = np.isfinite(off) & in_face(vertices)
        arm = placed[seen] - pose.translation_m
        rows = np.concatenate([np.cross(arm, normals[seen]), normals[seen]], axis=1)
        turn, shift = np.split(np.linalg.lstsq(rows, off[seen], rcond=None)[0], 2)
        pose = replace(pose, rotation=rotated(turn, pose.rotation), translation_m=pose.translation_m + shift)
    return pose.to_camera(vertices)


def in_face(vertices: FloatArray) -> np.ndarray:
    """Which vertices, head frame, are of the face."""
    return np.asarray(((vertices > FACE_LOW) & (vertices < FACE_HIGH)).all(axis=1))


def rotated(turn: FloatArray, rotation: FloatArray) -> FloatArray:
    """A rotation (3, 3) after a small turn (3,), radians."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_rotvec(turn).as_matrix() @ rotation, dtype=np.float32)


def main(folder: Path, index: int) -> None:
    """Write both pictures and print the second one's figures."""
    matplotlib.use("Agg")
    saved = load_saved_track(folder)
    row = saved.row_of(index)
    if row is None or not saved.tracked(row):
        raise DataError(f"{folder} has no head in frame {index}; choose another one")
    with open_source(str(DEMO_RECORDING)) as source:
        source.seek(index)
        frame = next(source)
    FIGURES.mkdir(exist_ok=True)
    draw_fields(saved.subject, FIGURES / "fields.png")
    for line in draw_steps(saved, row, frame, FIGURES / "steps.jpg"):
        print(line)  # noqa: T201 - what the script is for


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
