"""The tracking benchmark: speed, latency, accuracy, what each term is worth, and the offline method beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.track_benchmark.accuracy import accuracy, error_of_part
from dphm_core.evaluation.track_benchmark.known import knowing
from dphm_core.evaluation.track_benchmark.memory_track import MemoryTrack
from dphm_core.evaluation.track_benchmark.offline import fit_offline
from dphm_core.evaluation.track_benchmark.options import TrackBenchmarkOptions
from dphm_core.evaluation.track_benchmark.progress import Progress
from dphm_core.evaluation.track_benchmark.runs import (
    PROFILED_FRAMES,
    Recording,
    as_with_camera,
    from_nothing,
    full_speed,
    solve_parts,
    track_all,
)
from dphm_core.evaluation.track_benchmark.spoil import Board
from dphm_core.evaluation.track_benchmark.variants import AS_IT_IS, Variant, variants
from dphm_core.heads.latent_prior import has_prior
from dphm_core.heads.model import model_folder, read_config
from dphm_core.output.pipeline_speed import WARM_UP
from dphm_core.output.report import machine_facts, peak_memory_mb
from dphm_core.tracking import create_tracker
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.offline.config import OfflineConfig
from dphm_core.tracking.solver import SolverMaker
from dphm_core.tracking.subject_file import KnownSubject
from dphm_core.tracking.tracker import HeadTracker

OFFLINE_START = 4
"""The offline method gets frames from a quarter of the recording on, as many begin with a still face."""


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of the folders, or whole paths where two have the same."""
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


class TrackBenchmark:
    """Measures on recordings, one after the other; lives on the caller's thread.

    Parameters
    ----------
    options : TrackBenchmarkOptions
        What to measure.
    config : TrackerConfig, optional
        The tracker's settings.
    offline : OfflineConfig, optional
        Settings of the offline method.
    progress : Progress, optional
        Told how far it is.
    """

    def __init__(
        self,
        options: TrackBenchmarkOptions,
        config: TrackerConfig | None = None,
        offline: OfflineConfig | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._options = options
        self._config, self._offline = config or TrackerConfig(), offline or OfflineConfig()
        self._progress = progress or Progress()
        named = bool(read_config(model_folder(options.model))[1])
        self._variants = variants(self._config, has_prior(options.model, "expression"), named)

    def run(self, paths: Sequence[Path]) -> dict[str, Any]:
        """Measure on every recording.

        Returns
        -------
        dict
            "machine", "settings", "interrupted", and "recordings": by name what was found (see `measure`), where it is
            asked for with "offline" (see `compare_offline`). After Ctrl-C it has what was done until then.

        Raises
        ------
        SourceError, DataError, LandmarkError, CheckpointError, CalibrationError
            Something cannot be read.
        KeyboardInterrupt
            Interrupted before there was anything to keep.
        """
        rows: dict[str, dict[str, Any]] = {name: {} for name in _names(paths)}
        interrupted = False
        try:
            for path, row in zip(paths, rows.values(), strict=True):
                self.measure(path, row)
            # Last of all: its memory, the largest so far, would pass for the tracker's in the recordings after it.
            for path, row in zip(paths, rows.values(), strict=True):
                if self._options.offline_frames and row.get("accuracy"):
                    row["offline"] = self.compare_offline(path, row["speed"]["frames_per_second"])
        except KeyboardInterrupt:
            if not any(rows.values()):
                raise
            interrupted = True
        return {
            "machine": machine_facts(),
            "settings": {**asdict(self._options), "tracker": asdict(self._config)},
            "interrupted": interrupted,
            "recordings": {name: row for name, row in rows.items() if row},
        }

    def measure(self, path: Path, row: dict[str, Any]) -> None:
        """Fill in what is found on a recording, part by part, so that what is done stays where the rest is given up.

        "frames", "ground_truth", "tracked"; "speed" and "live" (see `full_speed` and `as_with_camera`); with ground
        truth "accuracy" and, where they are asked for, "ablations" by name.
        """
        recording = Recording.read(path, self._options.frames)
        self._expect(recording)
        self._progress.phase(f"{path.name}: every frame")
        tracker = self._tracker(self._config)
        track = track_all(recording, tracker, self._progress.advance)
        row |= {"frames": len(recording.frames), "ground_truth": recording.truth is not None}
        row["tracked"] = track is not None
        if track is None:
            return
        live_track = self._time(recording, tracker, row)
        if recording.truth is None:
            return
        row["accuracy"] = accuracy(track, recording.truth)
        row["live"]["accuracy"] = None if live_track is None else accuracy(live_track, recording.truth)
        if self._options.ablations:
            self._ablate(recording, recording.truth, track, tracker.known, row.setdefault("ablations", {}))

    def _expect(self, recording: Recording) -> None:
        options, count = self._options, len(recording.frames)
        runs = 1 + 2 * options.repeats
        if recording.truth is not None:
            runs += options.ablations * (len(self._variants) - 1)
            self._progress.expect(min(count, options.offline_frames))
        self._progress.expect(count * runs + min(count, WARM_UP + PROFILED_FRAMES))

    def _tracker(
        self, config: TrackerConfig, background: bool = False, make_solver: SolverMaker | None = None
    ) -> HeadTracker:
        options = self._options
        return create_tracker(options.model, options.device, config, options.subject, background, make_solver)

    def _time(self, recording: Recording, tracker: HeadTracker, row: dict[str, Any]) -> MemoryTrack | None:
        """Fill in "speed" and "live"; returns the last track of the latter."""
        repeats, advance = self._options.repeats, self._progress.advance
        self._progress.phase(f"{recording.path.name}: full speed")
        speed = full_speed(recording, tracker, repeats, advance)
        speed["solve_parts"] = solve_parts(recording, tracker, advance)
        self._progress.phase(f"{recording.path.name}: as with a camera")
        live, track = as_with_camera(recording, tracker, repeats, advance)
        if self._options.from_nothing and self._options.subject is None:
            self._progress.phase(f"{recording.path.name}: as with a camera, from nothing")
            live["from_nothing"] = from_nothing(recording, self._tracker(self._config, background=True))
        speed["calibration_s"] = round(tracker.calibration_s, 2)
        speed |= {"peak_memory_mb": peak_memory_mb(), "frames_mb": round(recording.size_mb, 1)}
        row |= {"speed": speed, "live": live}
        return track

    def _ablate(
        self, recording: Recording, truth: GroundTruth, track: MemoryTrack, known: KnownSubject | None,
        rows: dict[str, Any],
    ) -> None:  # fmt: skip
        """Fill in the figures of every variant, each as soon as it is known; None where there was no head."""
        hidden = Board(truth).hides(recording.info.intrinsics)

        def errors(track: MemoryTrack, halves: bool) -> dict[str, Any]:
            figures = {name: value for name, value in accuracy(track, truth).items() if name != "per_frame"}
            if halves:
                figures["hidden_half_mm"] = error_of_part(track, truth, hidden)
                figures["free_half_mm"] = error_of_part(track, truth, ~hidden)
            return figures

        rows[AS_IT_IS] = errors(track, halves=True)
        for variant in self._variants[1:]:
            self._progress.phase(f"{recording.path.name}: {variant.name}")
            found = self._track_variant(recording, truth, variant, known)
            rows[variant.name] = None if found is None else errors(found, variant.half_hidden)

    def _track_variant(
        self, recording: Recording, truth: GroundTruth, variant: Variant, known: KnownSubject | None
    ) -> MemoryTrack | None:
        tracker = self._tracker(variant.config, make_solver=knowing(truth) if variant.known_expressions else None)
        if known is not None and self._options.known_identity:
            tracker.use_subject(known)
            tracker.settle()
        return track_all(recording, tracker, self._progress.advance, variant.change(truth))

    def compare_offline(self, path: Path, rate: float | None) -> dict[str, Any]:
        """Fit some frames of a recording with ground truth by the offline method, and track the same ones.

        Both work the identity out on these frames alone.

        Parameters
        ----------
        path : Path
            The recording.
        rate : float, optional
            Frames per second in real time.

        Returns
        -------
        dict
            "frames" (first and last), "priors" and "s_per_frame" of the offline method, how many "times_slower" it is,
            and the errors, "offline" and "realtime", the latter None where no head was found.
        """
        recording = Recording.read(path, self._options.frames)
        truth = recording.truth
        assert truth is not None
        first = len(recording.frames) // OFFLINE_START
        part = replace(recording, frames=recording.frames[first : first + self._options.offline_frames])
        self._progress.phase(f"{path.name}: the offline method's frames in real time")
        track = track_all(part, self._tracker(self._config), self._progress.advance)
        offline, report = fit_offline(part, truth, self._options, self._offline, self._progress)
        return {
            "frames": [part.frames[0].index, part.frames[-1].index],
            "priors": report["priors"],
            "s_per_frame": report["s_per_frame"],
            "times_slower": None if rate is None else round(report["s_per_frame"] * rate, 1),
            "offline": offline,
            "realtime": None if track is None else accuracy(track, truth),
        }
