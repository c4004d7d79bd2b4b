"""Compares a saved track with the truth of a synthetic recording, and with the scan of any recording."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.normals import Region, oriented_points
from dphm_core.camera.rays import project, ray_table
from dphm_core.errors import DataError
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.metrics import (
    RECALL_MM,
    Spread,
    closest_on_mesh,
    normal_agreement,
    on_mesh,
    recall,
    rotation_angle_deg,
)
from dphm_core.evaluation.track_folder import TrackFolder
from dphm_core.frames import FACE_HIGH, FACE_LOW, MM_PER_M, FloatArray, RGBDFrame, Similarity, TrackStatus
from dphm_core.meshing.normals import vertex_normals
from dphm_core.output.track_file import Track
from dphm_core.sources import Source

GATE_MM = 20.0
"""Scan points farther from the mesh are hair, a hand or flying pixels: counted, but kept out of the mean."""
SCAN_STEP_PX = 2
DEPTH_RANGE_M = (0.1, 2.0)
TRACKING = TrackStatus.TRACKING.value

TRUTH_MEASURES = ("face_mm", "lips_mm", "eyelids_mm", "correspondence_mm", "rotation_deg", "translation_mm")
SCAN_MEASURES = (
    *("mean_mm", "median_mm", "p95_mm", "gated_share", "normal_cosine", "normal_within_30deg"),
    *(f"recall_{limit:g}mm" for limit in RECALL_MM),
)
"""What is measured of each frame."""

Rows = dict[str, list[float]]
"""Values frame by frame, by measure."""
PointsOnMesh = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Faces (N,) on which points lie, and their barycentric coordinates (N, 3) there."""


class TrackedMeshes(Protocol):
    """A track with its meshes: a folder of them, or those of a run that is still in memory."""

    @property
    def path(self) -> Path:
        """Name for messages."""

    @property
    def table(self) -> Track:
        """All but the meshes."""

    @property
    def meshes(self) -> Collection[int]:
        """Indices of the frames with a mesh; not empty."""

    def pose(self, frame: int) -> Similarity:
        """Head → camera at a frame index."""

    def each_mesh(self) -> Iterator[tuple[int, FloatArray, NDArray[np.int32]]]:
        """Yield frame index, vertices (V, 3) in metres and the camera frame, and faces (F, 3), in order."""


def compare_with_ground_truth(track: TrackedMeshes, truth: GroundTruth) -> dict[str, Any]:
    """Compare with the true face.

    Per frame with a mesh, over the frontal face's skin that the camera sees: distance from the true vertices to the
    tracked surface ("face", and of these "lips" and "eyelids"); "correspondence": every true vertex of the frontal face
    is tied to its closest point on the first tracked mesh, and its distance to that point, carried along, is taken
    where it is in sight; the pose's angle and distance, as they are (two models' head frames may differ by some
    millimetres for one person).

    Returns
    -------
    dict
        "frames" (that the track covers: it may be of every third one), "meshes", "tracked_share" (of these frames:
        with status tracking and a mesh), for each measure in mm its `Spread` over the frames' means, "rotation_deg"
        and "translation_mm" likewise, and "per_frame" lists.

    Raises
    ------
    DataError
        The track has frames that the recording lacks.
    """
    if max(track.meshes) >= len(truth):
        raise DataError(f"{track.path} has frame {max(track.meshes)}, the ground truth only {len(truth)} frames.")
    rows: Rows = {name: [] for name in ("frame", *TRUTH_MEASURES)}
    skin = np.flatnonzero(truth.face_vertices)
    lips, eyelids = truth.lip_vertices[skin], truth.eyelid_vertices[skin]
    tied: PointsOnMesh | None = None
    for frame, vertices, faces in track.each_mesh():
        true, sight = truth.vertices_cam(frame)[skin], truth.visible[frame, skin]
        distance, face, weights = closest_on_mesh(true, vertices, faces)
        tied = tied or (face, weights)
        drift = np.linalg.norm(on_mesh(vertices, faces, *tied) - true, axis=1)
        measures = (
            _mean_mm(distance[sight]),
            _mean_mm(distance[sight & lips]),
            _mean_mm(distance[sight & eyelids]),
            _mean_mm(drift[sight]),
            *_pose_error(track.pose(frame), truth.pose(frame)),
        )
        for name, value in zip(rows, (frame, *measures), strict=True):
            rows[name].append(value)
    summary = {name: Spread.of(np.array(rows[name])).as_dict() for name in TRUTH_MEASURES}
    return {**_counts(track), **summary, "per_frame": rows}


def compare_with_scan(track: TrackFolder, source: Source) -> dict[str, Any]:
    """Compare with what the depth camera measured.

    Scan points are every second row and column's valid depth pixels inside the head-frame box `FACE_LOW`..`FACE_HIGH`
    by the track's own pose. Distances are from the raw, unfiltered depth to the tracked surface; normals come from
    filtered depth. Points beyond 20 mm are left out of mean, median, p95 and normals and reported as "gated_share";
    recall counts them as missed. Frames with a mesh whose box holds no scan point have NaN and count in "empty_frames".

    Returns
    -------
    dict
        "frames", "meshes", "tracked_share", "empty_frames"; per measure the mean over frames; "per_frame" lists.
    """
    rows: Rows = {name: [] for name in ("frame", *SCAN_MEASURES)}
    for captured in source:
        if captured.index not in track.meshes:
            continue
        vertices, faces = track.mesh(captured.index)
        measures = _scan_measures(captured, vertices, faces, track.pose(captured.index))
        for name, value in zip(rows, (captured.index, *measures), strict=True):
            rows[name].append(value)
    if not rows["frame"]:
        raise DataError(f"{track.path} and {source.info.label} share no frame: is it the track of another recording?")
    if not np.isfinite(rows["mean_mm"]).any():
        raise DataError(
            f"{source.info.label} has no depth within {GATE_MM:.0f} mm of any mesh of {track.path}: "
            "is it the track of another recording?"
        )
    means = {name: _mean(values) for name, values in rows.items() if name != "frame"}
    empty = int(np.isnan(rows["gated_share"]).sum())
    return {**_counts(track), "empty_frames": empty, **means, "per_frame": rows}


def _scan_measures(
    captured: RGBDFrame, vertices: FloatArray, faces: NDArray[np.int32], pose: Similarity
) -> tuple[float, ...]:
    """All of `SCAN_MEASURES` of one frame."""
    points, normals = _face_scan(captured, vertices, pose)
    if not len(points):
        return (float("nan"),) * len(SCAN_MEASURES)
    distance_m, face, weights = closest_on_mesh(points, vertices, faces)
    distance_mm = distance_m * MM_PER_M
    near = distance_mm <= GATE_MM
    surface = on_mesh(vertex_normals(vertices, faces), faces, face, weights)[near]
    surface /= np.maximum(np.linalg.norm(surface, axis=1, keepdims=True), 1e-12)
    spread = Spread.of(distance_mm[near])
    return (
        spread.mean,
        spread.median,
        spread.p95,
        1 - float(near.mean()),
        *normal_agreement(normals[near], surface),
        *recall(distance_mm).values(),
    )


def _face_scan(captured: RGBDFrame, vertices: FloatArray, pose: Similarity) -> tuple[FloatArray, FloatArray]:
    """Raw scan points and normals in the frontal face's box, camera frame."""
    camera = captured.intrinsics
    region = _region(project(vertices, camera))
    _, normals, pixels = oriented_points(captured.depth_m, camera, region, DEPTH_RANGE_M, SCAN_STEP_PX)
    columns, rows = pixels.astype(int).T
    depth_m = captured.depth_m[rows, columns]
    points = np.column_stack([ray_table(camera)[rows, columns] * depth_m[:, None], depth_m])
    place = pose.to_head(points)
    inside = ((place > FACE_LOW) & (place < FACE_HIGH)).all(axis=1)
    return points[inside], normals[inside]


def _region(pixels: NDArray[np.float64]) -> Region:
    """Box around pixels, with a margin for a mesh that is off."""
    known = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(known):
        return 0, 0, 0, 0
    (x0, y0), (x1, y1) = np.floor(known.min(axis=0)).astype(int), np.ceil(known.max(axis=0)).astype(int)
    margin = max(x1 - x0, y1 - y0) // 4
    return int(x0 - margin), int(y0 - margin), int(x1 + margin), int(y1 + margin)


def _counts(track: TrackedMeshes) -> dict[str, Any]:
    frames = track.table.frame_index
    tracking = set(frames[track.table.status == TRACKING].tolist())
    return {
        "frames": len(frames),
        "meshes": len(track.meshes),
        "tracked_share": len(tracking.intersection(track.meshes)) / len(frames),
    }


def _pose_error(tracked: Similarity, true: Similarity) -> tuple[float, float]:
    if not np.isfinite(tracked.rotation).all():
        return float("nan"), float("nan")
    gap = np.linalg.norm(tracked.translation_m - true.translation_m)
    return rotation_angle_deg(tracked.rotation, true.rotation), float(gap) * MM_PER_M


def _mean_mm(distances_m: NDArray[np.float64]) -> float:
    return float(distances_m.mean()) * MM_PER_M if distances_m.size else float("nan")


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
