"""A raw DPHM-Kinect sequence → its landmarks in space, its first poses, and its head's points with normals.

In two passes, since a frame without a face is cut with the pose of another one. Frames that are done are not done
again, so that what was broken off goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.normals import SurfaceOptions, oriented_points
from dphm_core.camera.rays import project
from dphm_core.dataset import layout
from dphm_core.dataset.poses import FIT_FILE, FrameLandmarks, Poses, read_flame_fit, rigid_poses, write_poses
from dphm_core.errors import CalibrationError, OutputError, SourceError
from dphm_core.frames import FloatArray, RGBDFrame, Similarity
from dphm_core.jobs import Tell
from dphm_core.landmarks.detector import FaceDetector
from dphm_core.landmarks.lift import lift_landmarks
from dphm_core.landmarks.tables import LANDMARK_COUNT, Region, clip_region
from dphm_core.sources import Source, open_source

log = logging.getLogger(__name__)

SURFACE = SurfaceOptions(max_jump_m=0.05)
"""The data set's normals end at jumps of 5 cm; the filter before keeps edges."""
LOW: FloatArray = np.array([-0.55, -0.45, -0.1], dtype=np.float32)
HIGH: FloatArray = np.array([0.55, 0.75, 0.5], dtype=np.float32)
"""Box of what is kept, head frame: the data set cuts at y > -0.45 and -0.1 < z < 0.5."""
NEAREST_M = 0.05
LOOKS = 6
"""How often to look for a face in one frame: each time in another part of the image, where it may be too small in the
whole one. A live picture has a next frame for that."""


@dataclass(frozen=True)
class PreprocessOptions:
    """How to preprocess."""

    flame_fit: Path | None = None
    """FLAME fit to take the poses from: its .npz file, or the folder in which it lies under the sequence's name."""
    model: str = "default"
    """Head model whose mean head is aligned with the landmarks: a name under models/, or a folder."""
    overwrite: bool = False
    """Do again what is done already."""


@dataclass(frozen=True)
class Preprocessed:
    """What a sequence holds now."""

    frames: int
    """Frames with points."""
    earlier: int
    """Of these, done by an earlier run."""
    aligned: int
    """Frames with a pose of their own; the others were cut with their neighbour's."""
    damaged: int
    """Frames that could not be read."""
    poses: Path
    """File of the poses, a FLAME fit or the rigid initialisation."""


def preprocess(
    sequence: Path, out: Path | None = None, options: PreprocessOptions | None = None, tell: Tell | None = None
) -> Preprocessed:
    """Write points, normals and landmarks of each frame in the data set's own names and formats.

    Parameters
    ----------
    sequence : Path
        A recording folder with depth images.
    out : Path, optional
        Folder to write to; the sequence itself by default, where the data set has them.
    options : PreprocessOptions
        How.
    tell : callable, optional
        Told of the progress, two steps per frame; may raise `Cancelled`, and another run goes on from there.

    Raises
    ------
    SourceError
        There is no such sequence, it has no depth images, or its FLAME fit is damaged.
    CalibrationError
        There is no face in any frame; nothing is written.
    LandmarkError, CheckpointError, OutputError
        A part cannot be had, or nothing can be written there.
    """
    if sequence.is_file():
        raise SourceError(f"{sequence} is no folder; make one of it first, with dphm convert")
    if out is not None and out.is_file():
        raise OutputError(f"{out} is a file; give a folder for the results")
    with open_source(sequence) as source:
        if source.info.kind == "points":
            raise SourceError(f"{sequence} is preprocessed already, and has no depth images to do it again from")
        with _Sequence(sequence, out or sequence, source, options or PreprocessOptions(), tell) as work:
            return work.run()


class _Sequence:
    """One run, on the caller's thread."""

    def __init__(
        self, sequence: Path, out: Path, source: Source, options: PreprocessOptions, tell: Tell | None
    ) -> None:
        assert source.info.length is not None
        self._folder, self._out, self._source, self._options = sequence, out, source, options
        self._length = source.info.length
        self._count = source.count(range(self._length))
        self._tell, self._steps = tell or (lambda *_: None), 0
        self._detector: FaceDetector | None = None
        self._fresh: set[Path] = set()

    def __enter__(self) -> _Sequence:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._detector is not None:
            self._detector.close()

    def run(self) -> Preprocessed:
        """Do both passes."""
        fit = self._flame_fit()
        earlier = sum(self._done(layout.POINTS, index) for index in range(self._length))
        for frame in self._pending(self._has_landmarks):
            self._write_landmarks(frame)
        path, poses, aligned = self._rigid() if fit is None else (*fit, self._length)
        self._steps = self._count
        for frame in self._pending(lambda index: self._done(layout.POINTS, index)):
            self._write_points(frame, poses.at(frame.index))
        frames = sum(layout.frame_file(self._out, layout.POINTS, k).is_file() for k in range(self._length))
        return Preprocessed(frames, earlier, min(aligned, frames), self._count - frames, path)

    def _flame_fit(self) -> tuple[Path, Poses] | None:
        """Poses of a FLAME fit, where there is one."""
        places = self._fit_places()
        fit = read_flame_fit(places)
        if fit is None and self._options.flame_fit is not None:
            raise SourceError(
                f"{self._options.flame_fit} has no FLAME fit of this sequence (it would be {places[0]}), or one that "
                "dphm preprocess made itself; leave --flame-fit out to make one"
            )
        if fit is not None and len(fit[1]) < self._length:
            raise SourceError(
                f"{fit[0]} has poses of {len(fit[1])} frames, but the sequence has frame {self._length - 1}; "
                "it is of another sequence"
            )
        return fit

    def _fit_places(self) -> list[Path]:
        given = self._options.flame_fit
        if given is None:
            return [self._folder / FIT_FILE, self._out / FIT_FILE]
        if given.is_file():
            return [given]
        return [given / self._folder.resolve().name / FIT_FILE, given / FIT_FILE]

    def _pending(self, done: Callable[[int], bool]) -> Iterator[RGBDFrame]:
        """Frames that are not done yet, without reading those that are; tells the progress."""
        position, before = 0, self._steps
        while position < self._length:
            wanted = next((index for index in range(position, self._length) if not done(index)), self._length)
            self._source.seek(wanted)
            position = self._length
            try:
                frame = next(self._source, None)
            except SourceError as error:  # none of the frames that are left can be read
                if not any(done(index) for index in range(self._length)):
                    raise
                log.warning("%s", error)
                frame = None
            if frame is not None:
                position = frame.index + 1
                self._tell(before + self._source.count(range(frame.index)), 2 * self._count)
                if not done(frame.index):
                    yield frame
        self._tell(before + self._count, 2 * self._count)

    def _done(self, kind: str, index: int) -> bool:
        """Whether a frame's file is there, made by this run where that is to be so."""
        path = layout.frame_file(self._out, kind, index)
        return path in self._fresh if self._options.overwrite else path.is_file()

    def _has_landmarks(self, index: int) -> bool:
        pipnet = layout.frame_file(self._folder, layout.PIPNET, index)
        return self._done(layout.POINTS, index) or (
            self._done(layout.MEDIAPIPE_3D, index)
            and (self._done(layout.PIPNET_3D, index) or not pipnet.is_file())
        )  # fmt: skip

    def _write_landmarks(self, frame: RGBDFrame) -> None:
        """Lift what is known of the frame's face; without a face, nothing is written yet."""
        size = (frame.intrinsics.width, frame.intrinsics.height)
        pixels = layout.read_image_landmarks(self._folder, layout.MEDIAPIPE, frame.index, size)
        if pixels is None and (pixels := self._detected(frame)) is not None:
            path = layout.frame_file(self._out, layout.MEDIAPIPE, frame.index)
            if not path.exists():  # a damaged one is its owner's
                layout.write_array(path, layout.relative_landmarks(pixels, size))
        pipnet = layout.read_image_landmarks(self._folder, layout.PIPNET, frame.index, size)
        for kind, known in ((layout.PIPNET_3D, pipnet), (layout.MEDIAPIPE_3D, pixels)):
            if known is not None:
                self._write(kind, frame.index, lift_landmarks(known, frame.depth_m, frame.intrinsics))

    def _detected(self, frame: RGBDFrame) -> FloatArray | None:
        """(478, 2) pixels of the face; None where there is none."""
        if frame.color is None:
            return None
        self._detector = self._detector or FaceDetector()
        for _ in range(LOOKS):
            found = self._detector.detect(frame.color, frame.timestamp_s)
            if found is not None:
                return found[0]
        return None

    def _rigid(self) -> tuple[Path, Poses, int]:
        """Poses from the landmarks of all frames, and how many have one of their own."""
        from dphm_core.heads.model import load_model

        landmarks = {
            index: FrameLandmarks(self._landmarks(layout.MEDIAPIPE_3D, index), self._landmarks(layout.PIPNET_3D, index))
            for index in range(self._length)
        }
        poses, own = rigid_poses(load_model(self._options.model), landmarks, self._length)
        if not len(poses):
            raise CalibrationError(
                f"{self._source.info.label}: no face with depth in any of {self._count} frames; "
                "check that depth and colour belong together"
            )
        write_poses(self._out / FIT_FILE, poses, own)
        return self._out / FIT_FILE, poses, int(own.sum())

    def _landmarks(self, kind: str, index: int) -> FloatArray | None:
        """(N, 3) of a frame that is done; None without."""
        return layout.read_landmarks_3d(self._out, kind, index) if self._done(kind, index) else None

    def _write_points(self, frame: RGBDFrame, pose: Similarity) -> None:
        """Cut the head out; the points come last, since with them the frame counts as done."""
        region, depth_range_m = head_region(pose, frame.intrinsics)
        points, normals, _ = oriented_points(frame.depth_m, frame.intrinsics, region, depth_range_m, 1, SURFACE)
        points_head = pose.to_head(points)
        kept = ((points_head > LOW) & (points_head < HIGH)).all(axis=1)
        if not self._done(layout.MEDIAPIPE_3D, frame.index):
            self._write(layout.MEDIAPIPE_3D, frame.index, np.full((LANDMARK_COUNT, 3), np.nan, dtype=np.float32))
        layout.write_array(layout.frame_file(self._out, layout.NORMALS, frame.index), normals[kept])
        layout.write_array(layout.frame_file(self._out, layout.POINTS, frame.index), points[kept])
        self._fresh.add(layout.frame_file(self._out, layout.POINTS, frame.index))

    def _write(self, kind: str, index: int, points_cam: FloatArray) -> None:
        path = layout.frame_file(self._out, kind, index)
        layout.write_landmarks_3d(path, points_cam)
        self._fresh.add(path)


def head_region(pose: Similarity, camera: Intrinsics) -> tuple[Region, tuple[float, float]]:
    """Pixels and depths (metres) among which everything lies that is kept of a head."""
    corners = np.array(list(product(*zip(LOW, HIGH, strict=True))), dtype=np.float32)
    corners_cam = pose.to_camera(corners)
    near, far = float(corners_cam[:, 2].min()), float(corners_cam[:, 2].max())
    pixels = project(corners_cam, camera)
    size = (camera.width, camera.height)
    depth_range_m = max(near, NEAREST_M), max(far, NEAREST_M)
    if not np.isfinite(pixels).all():  # a corner behind the camera, or outside of its lens
        return (0, 0, *size), depth_range_m
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
    return clip_region((x0, y0, x1, y1), size), depth_range_m
