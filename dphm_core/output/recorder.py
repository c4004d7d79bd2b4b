"""Takes tracked frames as they come: writes their meshes, where wanted, and keeps the rest for track and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray, TrackedFrame
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject
from dphm_core.heads.template import NO_VERTEX
from dphm_core.meshing.writers import MeshEncoder, mesh_encoder
from dphm_core.output.folder import MESH_FOLDER, OutputFolder
from dphm_core.output.report import StageTimes
from dphm_core.output.track_file import Track, TrackRow, make_track
from dphm_core.tracking.fit_state import FitState


class FrameMaker(Protocol):
    """Who makes the frames that are recorded."""

    @property
    def model(self) -> HeadModel:
        """The head model."""

    @property
    def subject(self) -> Subject | None:
        """The subject, once it is known."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every mesh."""


class Recorder:
    """Records one run; a frame that comes again replaces what was known of it.

    Parameters
    ----------
    folder : OutputFolder
        Where the meshes go.
    tracker : FrameMaker
        Makes the frames; asked for its model and, once there is one, its subject.
    mesh_format : str, optional
        Extension of the meshes, without a dot; None writes none.
    """

    def __init__(self, folder: OutputFolder, tracker: FrameMaker, mesh_format: str | None) -> None:
        self.times = StageTimes()
        self._folder, self._tracker, self._format = folder, tracker, mesh_format
        self._rows: dict[int, TrackRow] = {}
        self._encode: MeshEncoder | None = None
        self.started = False
        """Whether a frame had a head yet."""

    def save(self, tracked: TrackedFrame) -> None:
        """Write a frame's mesh, where it has one, and keep its row."""
        started, landmarks_cam = perf_counter(), None
        if self._format is not None:
            self._save_mesh(tracked, self._format)
        if tracked.vertices_cam is not None:
            self.started = True
            self.times.add({**tracked.stages_s, "write": perf_counter() - started})
            landmarks_cam = mesh_landmarks(self._tracker.model, tracked)
        self._rows[tracked.index] = TrackRow.of(tracked, landmarks_cam)

    def _save_mesh(self, tracked: TrackedFrame, mesh_format: str) -> None:
        name = _mesh_name(tracked.index, mesh_format)
        if tracked.vertices_cam is not None:
            if self._encode is None:
                self._encode = mesh_encoder(f".{mesh_format}", self._tracker.faces)
            self._folder.write(name, self._encode(tracked.vertices_cam))
        elif tracked.index in self._rows:
            self._folder.remove(name)  # tracked once more, and not there

    def forget(self, indices: Iterable[int]) -> None:
        """Take frames back; harmless where one never came."""
        for index in indices:
            self._rows.pop(index, None)
            if self._format is not None:
                self._folder.remove(_mesh_name(index, self._format))

    @property
    def frames(self) -> int:
        """How many frames came."""
        return len(self._rows)

    @property
    def usual_reason(self) -> str:
        """The commonest reason among the frames; only once there is a frame."""
        return Counter(row.reason for row in self._rows.values()).most_common(1)[0][0]

    @property
    def first_state(self) -> FitState:
        """State of the first frame with a head; only once there is one."""
        row = self._rows[self._first_tracked]
        assert row.head_to_cam is not None and row.expression_code is not None
        return FitState(row.head_to_cam, row.expression_code)

    def untracked_lead(self) -> list[int]:
        """Indices of the frames before the first tracked one, rising."""
        return sorted(index for index in self._rows if self.started and index < self._first_tracked)

    @property
    def _first_tracked(self) -> int:
        return min(index for index, row in self._rows.items() if row.head_to_cam is not None)

    def track(self) -> Track:
        """The whole track; only once there is a subject."""
        subject, model = self._tracker.subject, self._tracker.model
        assert subject is not None, "no track before the calibration"
        return make_track(
            list(self._rows.values()), subject.scale, subject.identity_code, model.expression_names,
            model.config.expression_dim,
        )  # fmt: skip


def _mesh_name(index: int, mesh_format: str) -> str:
    return f"{MESH_FOLDER}/{index:05d}.{mesh_format}"


def mesh_landmarks(model: HeadModel, tracked: TrackedFrame) -> FloatArray | None:
    """Landmarks (478, 3) of a frame's mesh, NaN where the template has none; as detected where there is no template."""
    template, vertices_cam = model.template, tracked.vertices_cam
    if template is None or vertices_cam is None:
        detected = tracked.observation.landmarks
        return None if detected is None else detected.points_cam
    known = (template.landmark_vertices != NO_VERTEX)[:, None]
    return np.where(known, vertices_cam[template.landmark_vertices], np.float32(np.nan))
