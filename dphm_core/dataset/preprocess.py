"""A raw DPHM-Kinect sequence → its landmarks in space, its first poses, and its head's points with normals.

In two passes, since a frame without a face is cut with the pose of another one. Frames that are done are not done
again, so that what was broken off goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from dphm_core.dataset import layout
from dphm_core.dataset.cut import head_points
from dphm_core.dataset.options import Preprocessed, PreprocessOptions, read_flame
from dphm_core.dataset.poses import (
    FIT_FILE,
    FITTED,
    OURS,
    FrameLandmarks,
    Poses,
    fit_places,
    fitted_here,
    read_flame_fit,
    rigid_poses,
    write_poses,
)
from dphm_core.errors import CalibrationError, OutputError, SourceError
from dphm_core.frames import FloatArray, RGBDFrame, Similarity
from dphm_core.jobs import Tell
from dphm_core.landmarks.detector import FaceDetector
from dphm_core.landmarks.lift import lift_landmarks
from dphm_core.landmarks.tables import LANDMARK_COUNT
from dphm_core.sources import Source, open_source

log = logging.getLogger(__name__)

LOOKS = 6
"""How often to look for a face in one frame: each time in another part of the image, where it may be too small in the
whole one. A live picture has a next frame for that."""


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
        self._own = np.ones(self._length, dtype=bool)
        self._flame = read_flame(options)
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
        """Do both passes, and fit FLAME where that is wanted."""
        fit = self._existing_fit()
        self._total = (2 if self._flame is None or fit is not None else 3) * self._count
        earlier = sum(self._done(layout.POINTS, index) for index in range(self._length))
        for frame in self._pending(self._has_landmarks):
            self._write_landmarks(frame)
        path, poses = self._rigid() if fit is None else fit
        self._steps = self._count
        for frame in self._pending(lambda index: self._done(layout.POINTS, index)):
            self._write_points(frame, poses.at(frame.index))
        frames = sum(layout.frame_file(self._out, layout.POINTS, k).is_file() for k in range(self._length))
        flame_mm = self._fit_flame(poses) if fit is None and self._flame is not None else None
        aligned = min(int(self._own.sum()), frames)
        return Preprocessed(frames, earlier, aligned, self._count - frames, path, flame_mm)

    def _existing_fit(self) -> tuple[Path, Poses] | None:
        """Poses of a FLAME fit, where there is one."""
        places = fit_places(self._folder, self._out, self._options.flame_fit)
        fit = read_flame_fit(places)
        if fit is not None and (fitted := fitted_here(fit[0])) is not None:
            if self._flame is not None and self._options.overwrite:
                return None
            self._own = fitted
        if fit is not None and self._flame is not None:
            log.warning("%s is a FLAME fit already, and is used; move it away to make another", fit[0])
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
                self._tell(before + self._source.count(range(frame.index)), self._total)
                if not done(frame.index):
                    yield frame
        self._tell(before + self._count, self._total)

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

    def _rigid(self) -> tuple[Path, Poses]:
        """Poses from the landmarks of all frames."""
        from dphm_core.heads.model import load_model

        landmarks = {
            index: FrameLandmarks(self._landmarks(layout.MEDIAPIPE_3D, index), self._landmarks(layout.PIPNET_3D, index))
            for index in range(self._length)
        }
        poses, self._own = rigid_poses(load_model(self._options.model), landmarks, self._length)
        if not len(poses):
            raise CalibrationError(
                f"{self._source.info.label}: no face with depth in any of {self._count} frames; "
                "check that depth and colour belong together"
            )
        write_poses(self._out / FIT_FILE, poses, {OURS: self._own})
        return self._out / FIT_FILE, poses

    def _fit_flame(self, start: Poses) -> float:
        """Replace the rigid poses by a fit; how far the points are from it, millimetres."""
        from dphm_core.dataset.flame.sequence import fit_sequence

        assert self._flame is not None

        def tell(done: int, total: int | None) -> None:
            self._tell(2 * self._count + self._count * done // (total or 1), self._total)

        fit = fit_sequence(self._out, self._flame, start, self._own, tell)
        self._own = fit.fitted
        write_poses(self._out / FIT_FILE, fit.poses, {FITTED: fit.fitted, **fit.arrays()})
        self._tell(self._total, self._total)
        return float(np.nanmedian(fit.residual_mm))

    def _landmarks(self, kind: str, index: int) -> FloatArray | None:
        """(N, 3) of a frame that is done; None without."""
        return layout.read_landmarks_3d(self._out, kind, index) if self._done(kind, index) else None

    def _write_points(self, frame: RGBDFrame, pose: Similarity) -> None:
        """Cut the head out; the points come last, since with them the frame counts as done."""
        points, normals = head_points(frame, pose)
        if not self._done(layout.MEDIAPIPE_3D, frame.index):
            self._write(layout.MEDIAPIPE_3D, frame.index, np.full((LANDMARK_COUNT, 3), np.nan, dtype=np.float32))
        layout.write_array(layout.frame_file(self._out, layout.NORMALS, frame.index), normals)
        layout.write_array(layout.frame_file(self._out, layout.POINTS, frame.index), points)
        self._fresh.add(layout.frame_file(self._out, layout.POINTS, frame.index))

    def _write(self, kind: str, index: int, points_cam: FloatArray) -> None:
        path = layout.frame_file(self._out, kind, index)
        layout.write_landmarks_3d(path, points_cam)
        self._fresh.add(path)
