"""How near a track in memory comes to the truth: surface, weights, tremor, lag, and how soon it is back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.evaluation.compare import TRACKING, compare_with_ground_truth
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.track_benchmark.memory_track import MemoryTrack
from dphm_core.frames import FACE_HIGH, FACE_LOW, MM_PER_M
from dphm_core.meshing.normals import vertex_normals
from dphm_core.output.track_file import Track

STILL = 1e-5
"""Change of pose (radians, metres) or weights from frame to frame below which the true head is still."""
MIN_STILL_FRAMES = 20
FACING = 0.5
"""Cosine between normal and line of sight above which skin is to be seen, unless something is before it."""
OCCLUDED_SHARE = 0.2
"""Share of such skin that is hidden, above which the face counts as occluded: by itself it hides up to 0.11."""
BACK_MM = 1.0
"""A face is back when it is tracked and its error is at most this much above the usual."""
LAG_SHAPE, MAX_LAG, LAG_STEP = "jawOpen", 6, 0.05
"""Weight whose course tells the lag, frames that are tried, and by which step."""
MIN_LAG_FRAMES, MIN_MOVEMENT = 45, 0.03
"""Frames and standard deviation of the weight that it takes to tell."""

DoubleArray = NDArray[np.float64]


def accuracy(track: MemoryTrack, truth: GroundTruth) -> dict[str, Any]:
    """Compare with the truth.

    Returns
    -------
    dict
        That of `compare_with_ground_truth`, and: "weights_rms", of all expression weights that both name; "lag_frames"
        of jawOpen behind the truth; "jitter_mm" and "jitter_face_mm" of a still head; "occlusions", each with its
        "first" and "last" frame and "back_after" frames. None where the recording or the model cannot tell.
    """
    figures = compare_with_ground_truth(track, truth)
    face_mm = dict(zip(figures["per_frame"]["frame"], figures["per_frame"]["face_mm"], strict=True))
    return {
        **figures,
        "weights_rms": weights_rms(track.table, truth),
        "lag_frames": lag_frames(track.table, truth),
        **jitter(track, still_frames(truth)),
        "occlusions": recoveries(track, face_mm, occlusions(truth)),
    }


def error_of_part(track: MemoryTrack, truth: GroundTruth, part: NDArray[np.bool_]) -> float:
    """Mean error of the face over part (T, V) of its vertices that could be seen, millimetres."""
    figures = compare_with_ground_truth(track, replace(truth, visible=truth.visible & part))
    return float(figures["face_mm"]["mean"])


def weights_rms(table: Track, truth: GroundTruth) -> float | None:
    """Root mean square difference of the expression weights that track and truth both name; None without any."""
    names = [name for name in table.expression_names.tolist() if name in truth.expression_names]
    if not names:
        return None
    ours = table.expression_codes[:, [table.expression_names.tolist().index(name) for name in names]]
    true = truth.weights[table.frame_index][:, [truth.expression_names.index(name) for name in names]]
    return float(np.sqrt(np.nanmean((ours - true) ** 2)))


def lag_frames(table: Track, truth: GroundTruth) -> float | None:
    """How many frames jawOpen follows the truth behind, by the peak of their cross-correlation.

    None where the jaw does not move, or is not named.
    """
    names = table.expression_names.tolist()
    if LAG_SHAPE not in names or LAG_SHAPE not in truth.expression_names:
        return None
    ours = table.expression_codes[:, names.index(LAG_SHAPE)].astype(np.float64)
    true = truth.weights[:, truth.expression_names.index(LAG_SHAPE)].astype(np.float64)
    known = np.isfinite(ours)
    first, last = table.frame_index[known][[0, -1]]
    every = np.arange(first, last + 1)
    if len(every) < MIN_LAG_FRAMES or true[every].std() < MIN_MOVEMENT:
        return None
    return delay(np.interp(every, table.frame_index[known], ours[known]), true[every])


def delay(signal: DoubleArray, reference: DoubleArray) -> float:
    """By how many samples `signal` (T,) comes after `reference` (T,): where they correlate most.

    Between its samples the reference is a cubic spline.
    """
    from scipy.interpolate import CubicSpline

    inner = np.arange(MAX_LAG, len(reference) - MAX_LAG)
    course, lags = CubicSpline(np.arange(len(reference)), reference), np.arange(-MAX_LAG, MAX_LAG + LAG_STEP, LAG_STEP)
    alike = [np.corrcoef(signal[inner], course(inner - lag))[0, 1] for lag in lags]
    return round(float(lags[np.argmax(np.nan_to_num(alike, nan=-1.0))]), 2) + 0.0  # no -0.0


def still_frames(truth: GroundTruth) -> NDArray[np.int64]:
    """Indices (N,) of the longest run of frames in which the true head does not move; empty where it is short."""
    course = np.concatenate([truth.rotation.reshape(len(truth), -1), truth.translation_m, truth.weights], axis=1)
    still = np.abs(np.diff(course, axis=0)).max(axis=1) < STILL
    runs = _runs(np.concatenate([still[:1], still]) if len(still) else np.zeros(0, bool))
    longest = max(runs, key=len, default=np.zeros(0, np.int64))
    return longest if len(longest) >= MIN_STILL_FRAMES else np.zeros(0, np.int64)


def jitter(track: MemoryTrack, still: NDArray[np.int64]) -> dict[str, float | None]:
    """Root mean square distance of vertices from their mean over still frames, rigid pose included, millimetres.

    `still` has the frames' indices (N,). "jitter_mm" is of the whole mesh, "jitter_face_mm" of the frontal face.
    """
    kept = [index for index in still.tolist() if index in track.vertices]
    if len(kept) < MIN_STILL_FRAMES:
        return {"jitter_mm": None, "jitter_face_mm": None}
    places = np.stack([track.vertices[index] for index in kept]).astype(np.float64)
    squared = ((places - places.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
    head = track.pose(kept[0]).to_head(track.vertices[kept[0]])
    face = ((head > FACE_LOW) & (head < FACE_HIGH)).all(axis=1)
    return {
        "jitter_mm": float(np.sqrt(squared.mean())) * MM_PER_M,
        "jitter_face_mm": float(np.sqrt(squared[face].mean())) * MM_PER_M,
    }


def occlusions(truth: GroundTruth) -> list[NDArray[np.int64]]:
    """Runs of frames, indices (N,) each, in which something hides the face: skin that faces the camera is not seen."""
    hidden = np.zeros(len(truth))
    for index in range(len(truth)):
        vertices_cam = truth.vertices_cam(index)
        normals = vertex_normals(vertices_cam, truth.faces)
        facing = -(normals * vertices_cam).sum(axis=1) / np.linalg.norm(vertices_cam, axis=1)
        towards = truth.face_vertices & (facing > FACING)
        hidden[index] = 1 - truth.visible[index, towards].mean() if towards.any() else 0
    return _runs(hidden > OCCLUDED_SHARE)


def recoveries(
    track: MemoryTrack, face_mm: dict[int, float], hidden: list[NDArray[np.int64]]
) -> list[dict[str, int | None]]:
    """Frames from the first free one until the face is tracked as well as usual: 0 is at once, None not again.

    Parameters
    ----------
    track : MemoryTrack
        Says in which frames the head was tracked.
    face_mm : dict
        Error of the face by frame index, millimetres.
    hidden : list of (N,) int64
        Frame indices of each occlusion, rising.
    """
    status = dict(zip(track.table.frame_index.tolist(), track.table.status.tolist(), strict=True))
    usual_mm = float(np.nanmedian(list(face_mm.values())))
    good = [index for index in face_mm if status[index] == TRACKING and face_mm[index] <= usual_mm + BACK_MM]
    found: list[dict[str, int | None]] = []
    for run in hidden:
        first, last = int(run[0]), int(run[-1])
        if first >= max(status):
            continue
        back = next((index for index in good if index > last), None)
        found.append({"first": first, "last": last, "back_after": None if back is None else back - last - 1})
    return found


def _runs(condition: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Indices where it holds, one array per uninterrupted run."""
    places = np.flatnonzero(condition)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run)]
