"""A recording that was tracked once: its meshes at any frame, from the results folder, without tracking it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.rays import project
from dphm_core.errors import CalibrationError, CheckpointError, DataError, SourceError
from dphm_core.frames import FaceLandmarks, FloatArray, Observation, RGBDFrame, Similarity, TrackedFrame, TrackStatus
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.heads.numerics import prepare_thread
from dphm_core.heads.subject import Subject
from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.landmarks.tables import LANDMARK_COUNT
from dphm_core.output.folder import REPORT_FILE, SUBJECT_FILE, TRACK_FILE
from dphm_core.output.track_file import Track, load_track
from dphm_core.sources.fields import read_json
from dphm_core.tracking.subject_file import load_subject_of

NO_SCORES = np.zeros(len(BLENDSHAPE_NAMES), dtype=np.float32)
CODE_TOLERANCE = 1e-3
"""Identity codes of one subject, as tracked and as read again, are nearer to each other than this."""
NOT_TRACKED = "this frame was not tracked"
AGAIN = "track the recording again"


@dataclass(frozen=True)
class SavedTrack:
    """What a run over a recording left: where the head was and how it looked, frame by frame. For any one thread.

    A row is a position in the track's arrays; `row_of` finds that of a frame.
    """

    track: Track
    """Poses, codes and states, frame by frame."""
    subject: Subject
    """Whose head it is."""
    folder: Path
    """Where it was read from."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every frame's mesh."""
        return self.subject.faces

    def row_of(self, index: int) -> int | None:
        """Row of the source's frame `index`; None where that frame is not in the track."""
        return self.track.row_of(index)

    def tracked(self, row: int) -> bool:
        """Whether there is a head in that frame."""
        return bool(np.isfinite(self.track.translation_m[row, 0]))

    def pose(self, row: int) -> Similarity | None:
        """Head → camera; None where there is no head."""
        return self.track.pose(row) if self.tracked(row) else None

    def vertices_head(self, row: int) -> FloatArray | None:
        """Vertices (V, 3) with the frame's expression, head frame, units of 0.25 m; None where there is no head."""
        return self.subject.posed_vertices(self.track.expression_codes[row]) if self.tracked(row) else None

    def vertices_cam(self, row: int) -> FloatArray | None:
        """Vertices (V, 3), metres, camera frame; None where there is no head."""
        pose, vertices_head = self.pose(row), self.vertices_head(row)
        return None if pose is None or vertices_head is None else pose.to_camera(vertices_head)

    @cached_property
    def statuses(self) -> list[TrackStatus]:
        """State of the tracker, row by row."""
        return [_status(name) for name in self.track.status.tolist()]


def load_saved_track(folder: Path, model: str | None = None) -> SavedTrack:
    """Read a results folder of `dphm track`, which takes a second or two.

    Parameters
    ----------
    folder : Path
        With `track.npz` and `subject.safetensors`.
    model : str, optional
        Head model that it was tracked with, where that is not to be had under the name in `report.json`.

    Raises
    ------
    DataError
        There is no track, it is damaged, from before tracks could be read again, or of another model.
    """
    prepare_thread(1)
    if folder.name == TRACK_FILE and folder.is_file():
        raise DataError(f"{folder} is one file of a track; give the folder that it lies in, {folder.parent}")
    if not (folder / TRACK_FILE).is_file():
        raise DataError(f"{folder} holds no track (no {TRACK_FILE}); make one with `dphm track`")
    track = load_track(folder / TRACK_FILE)
    if not (folder / SUBJECT_FILE).is_file():
        why = "it is of an older version, or of --method offline"
        raise DataError(f"{folder} has no {SUBJECT_FILE}, which says whose head it is ({why}); {AGAIN}")
    try:
        head = load_model(model or model_name(folder))
        subject = load_subject_of(folder / SUBJECT_FILE, head).subject(head)
    except CheckpointError as error:
        raise DataError(f"{folder} was tracked with a head model that is not here: {error}") from error
    except CalibrationError as error:
        path = folder / SUBJECT_FILE
        raise DataError(f"{path} cannot be used ({error.__cause__}); {AGAIN}, or choose its --model") from error
    _check(track, subject, folder)
    return SavedTrack(track, subject, folder)


def model_name(folder: Path) -> str:
    """Name of the head model that a results folder was made with; DataError where `report.json` does not tell."""
    try:
        name = read_json(folder / REPORT_FILE).get("model")
    except SourceError as error:
        raise DataError(f"{error}; {AGAIN}") from error
    if not isinstance(name, str) or not name:
        raise DataError(f"{folder / REPORT_FILE} does not tell the head model; {AGAIN}")
    return name


def _check(track: Track, subject: Subject, folder: Path) -> None:
    """Refuse a track and a subject that do not belong together."""
    model: HeadModel = subject.model
    code = track.identity_code
    fits = (
        track.expression_codes.shape[1] == model.config.expression_dim
        and code.shape == subject.identity_code.shape
        and np.allclose(code, subject.identity_code, atol=CODE_TOLERANCE)
    )
    if not fits:
        raise DataError(f"{folder / TRACK_FILE} and {SUBJECT_FILE} are not of one run; {AGAIN}")


def _status(name: str) -> TrackStatus:
    try:
        return TrackStatus(name)
    except ValueError:
        return TrackStatus.SEARCHING


class PlainObserver:
    """Passes frames on without looking for a face; lives on the producer thread."""

    def observe(self, frame: RGBDFrame) -> Observation:
        """Wrap a frame: no points, no landmarks."""
        return Observation.unobserved(frame)

    def hint(self, region: tuple[int, int, int, int], depth_m: float) -> None:
        """Do nothing: nothing is looked for."""

    def close(self) -> None:
        """Do nothing: nothing is held."""


class SavedTracker:
    """Answers for each frame with what is known of it from a saved track; lives on the worker thread.

    Parameters
    ----------
    saved
        Of the recording whose frames come.
    """

    def __init__(self, saved: SavedTrack) -> None:
        self.saved = saved
        self._last: tuple[int, FloatArray] | None = None  # the frame on screen is asked for again and again

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every mesh."""
        return self.saved.faces

    def track(self, observation: Observation) -> TrackedFrame:
        """Look the observation's frame up."""
        started, saved, track = perf_counter(), self.saved, self.saved.track
        row = saved.row_of(observation.frame.index)
        if row is None:
            return TrackedFrame(observation, TrackStatus.SEARCHING, NOT_TRACKED, stages_s=dict(observation.stages_s))
        found = TrackedFrame(
            observation, saved.statuses[row], str(track.reason[row]), stages_s=dict(observation.stages_s),
            confidence=float(np.nan_to_num(track.confidence[row])),
        )  # fmt: skip
        pose = saved.pose(row)
        if pose is None:
            return found
        vertices_cam = self._vertices_cam(row)
        return replace(
            found,
            observation=_with_landmarks(observation, track.landmarks_cam[row]),
            head_to_cam=pose,
            expression_code=track.expression_codes[row],
            vertices_cam=vertices_cam,
            residual_mm=float(track.residual_mm[row]),
            stages_s={**observation.stages_s, "mesh": perf_counter() - started},
        )

    def cancel(self) -> None:
        """Do nothing: no frame takes long."""

    def restart(self) -> None:
        """Do nothing: frames do not depend on those before."""

    def _vertices_cam(self, row: int) -> FloatArray:
        if self._last is None or self._last[0] != row:
            vertices_cam = self.saved.vertices_cam(row)
            assert vertices_cam is not None, "asked for only where there is a head"
            self._last = row, vertices_cam
        return self._last[1]


def _with_landmarks(observation: Observation, landmarks_cam: FloatArray) -> Observation:
    """The observation with the landmarks (L, 3) of the track's mesh, where it has all that a face needs."""
    if len(landmarks_cam) != LANDMARK_COUNT or not np.isfinite(landmarks_cam).any():
        return observation
    pixels = project(landmarks_cam, observation.frame.intrinsics).astype(np.float32)
    return replace(observation, landmarks=FaceLandmarks(pixels, landmarks_cam, NO_SCORES))
