"""Tracking from Python: `for frame in track("recording"): …`; of a recording every frame, of a camera the newest."""

from __future__ import annotations

import weakref
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dphm_core.batch import Stages, make_stages
from dphm_core.errors import CalibrationError, SettingError, SourceError
from dphm_core.frames import TrackedFrame
from dphm_core.live import LiveSetup, load_live
from dphm_core.output.retrack import RetrackingTracker
from dphm_core.pipeline import Pipeline
from dphm_core.sources import Source, SourceInfo, open_source
from dphm_core.sources.selection import SelectedFrames, Selection
from dphm_core.tracking.subject_file import save_subject
from dphm_core.tracking.tracker import HeadTracker

Results = Generator[TrackedFrame, None, None]


class Tracking:
    """Tracked frames of one source, to be iterated over once; made by `track`.

    It belongs to the thread that made it. Frames are computed on threads of their own, which end with the block of
    `with`, with `close`, with the last frame, with an error or Ctrl-C in the loop once nobody holds this any more, and
    at the latest with the program.
    """

    def __init__(self, info: SourceInfo, tracker: HeadTracker, pipeline: Pipeline, results: Results) -> None:
        self.info = info
        """Facts about the source: kind, label, camera, frames per second, length."""
        self._tracker, self._results = tracker, results
        self._stop = weakref.finalize(self, pipeline.stop)

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) int32 of every mesh, the same for all frames; empty before the first frame with a mesh."""
        return self._tracker.faces

    @property
    def expression_names(self) -> tuple[str, ...]:
        """What the entries of `TrackedFrame.expression_code` are called; empty where the model has no names."""
        return self._tracker.model.expression_names

    @property
    def identity_code(self) -> NDArray[np.float32] | None:
        """Identity code (D,) float32 of the head; None before it is known. A refinement may change it."""
        subject = self._tracker.subject
        return None if subject is None else subject.identity_code

    def save_subject(self, path: str | Path) -> None:
        """Save whose head it is, so that `track(…, subject=path)` knows it from the first frame on.

        Raises
        ------
        CalibrationError
            Nobody is known (well enough) yet.
        OutputError
            The file cannot be written.
        """
        known = self._tracker.known
        if known is None:
            raise CalibrationError(f"{self.info.label}: whose head it is is not known yet; save it after more frames")
        save_subject(known, Path(path))

    def close(self) -> None:
        """End the threads and release the source; harmless when repeated.

        Raises
        ------
        DphmError
            A thread does not end.
        """
        self._results.close()
        self._stop()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> TrackedFrame:
        return next(self._results)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def track(
    source: str | Path | Source, *, model: str = "default", device: str = "cpu", subject: str | Path | None = None,
    frames: Selection | None = None,
) -> Tracking:  # fmt: skip
    """Track the head that a source shows.

    Of a recording every frame comes, in order and final, as `dphm track` would write it: frames are held back, up to
    some ten seconds of the recording, until it is known well whose head it is. Of a camera, real or simulated, the
    newest frame comes whenever there is one; whose head it is is worked out meanwhile, and a mean head shown before.

    Parameters
    ----------
    source : str, Path or Source
        What `open_source` takes, or what it gave; closed with the tracking.
    model : str
        Head model: its name, or its folder.
    device : str
        Where frames are fitted: "cpu", or a CUDA device such as "cuda".
    subject : str or Path, optional
        Subject file of the person who is there.
    frames : Selection, optional
        Which frames, by their index; all by default.

    Returns
    -------
    Tracking
        An iterator of `TrackedFrame`; one in which no head was found has no pose and no mesh, and says why in `reason`.
        After the frames that could be read it raises SourceError where a recording breaks off.

    Raises
    ------
    SourceError, CheckpointError, SettingError, CalibrationError, LandmarkError
        Source, head model, device, subject file or landmark detector cannot be had; nothing stays open.
    """
    opened = source if isinstance(source, Source) else open_source(source)
    try:
        _check_kind("frames", frames, Selection | None, "a Selection, such as Selection(stop=10)")
        _check_kind("model", model, str | Path, "a head model's name or folder")
        _check_kind("device", device, str, "'cpu', or a CUDA device such as 'cuda'")
        _check_kind("subject", subject, str | Path | None, "a file that save_subject wrote")
        person = None if subject is None else Path(subject)
        if opened.info.length is None:
            return _track_camera(opened, LiveSetup(model, device, person, opened.info.fps), frames or Selection())
        stages = make_stages(str(source), frames, model, device, None, person)
        return _track_recording(replace(stages, frames=lambda: SelectedFrames(opened, frames or Selection())))
    except BaseException:
        opened.close()
        raise


def _check_kind(name: str, given: object, kind: type | UnionType, words: str) -> None:
    if not isinstance(given, kind):
        raise SettingError(f"{name} is {words}; not {given!r:.100}")


def _track_camera(source: Source, live: LiveSetup, selection: Selection) -> Tracking:
    observer, tracker = load_live(live)
    pipeline = Pipeline(source, observer, tracker, every_frame=False)
    return Tracking(source.info, tracker, pipeline, _newest(pipeline, selection))


def _newest(pipeline: Pipeline, selection: Selection) -> Results:
    """Start the threads and give the chosen frames as they come."""
    with pipeline:
        for tracked in pipeline.results():
            if selection.stop is not None and tracked.index >= selection.stop:
                return
            if tracked.index in selection:
                yield tracked


def _track_recording(stages: Stages) -> Tracking:
    frames = stages.frames()
    tracker = stages.tracker()
    retracking = RetrackingTracker(tracker)
    pipeline = Pipeline(frames, stages.observer(), retracking, every_frame=True)
    return Tracking(frames.info, tracker, pipeline, _every(pipeline, retracking))


def _every(pipeline: Pipeline, retracking: RetrackingTracker) -> Results:
    """Start the threads and give every frame once it will not be tracked again."""
    held: dict[int, TrackedFrame] = {}
    broken_off: SourceError | None = None
    with pipeline:
        try:
            for tracked in pipeline.results():
                held[tracked.index] = tracked
                if retracking.final:
                    yield from _take(held, retracking)
        except SourceError as error:
            broken_off = error
        retracking.finish()
        yield from _take(held, retracking)
    if broken_off is not None:
        raise broken_off


def _take(held: dict[int, TrackedFrame], retracking: RetrackingTracker) -> Results:
    held.update({tracked.index: tracked for tracked in retracking.take_retracked()})
    while held:
        yield held.pop(next(iter(held)))
