"""The offline method on frames that the tracking benchmark tracks, too."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dphm_core.batch_offline import OfflineRun, fit_recording
from dphm_core.evaluation.compare import compare_with_ground_truth
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.track_benchmark.accuracy import weights_rms
from dphm_core.evaluation.track_benchmark.options import TrackBenchmarkOptions
from dphm_core.evaluation.track_benchmark.progress import Progress
from dphm_core.evaluation.track_benchmark.runs import Recording
from dphm_core.evaluation.track_folder import TrackFolder
from dphm_core.output.options import BatchOptions
from dphm_core.sources.selection import Selection
from dphm_core.tracking.offline.config import OfflineConfig


def fit_offline(
    part: Recording, truth: GroundTruth, options: TrackBenchmarkOptions, config: OfflineConfig, progress: Progress
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit a part of a recording with ground truth.

    Parameters
    ----------
    part : Recording
        Its first and last frame say which frames of its path are fitted.
    truth : GroundTruth
        Of the recording.
    options : TrackBenchmarkOptions
        Which model, and where.
    config : OfflineConfig
        The method's settings.
    progress : Progress
        Told of the method's stages.

    Returns
    -------
    (dict, dict)
        Errors, as of `compare_with_ground_truth` and "weights_rms"; and what the method reports of its run.

    Raises
    ------
    KeyboardInterrupt
        Interrupted.
    """

    def on_progress(what: str, done: int, total: int | None) -> None:
        progress.phase(f"{part.path.name}: offline, {what} {done} of {total or '?'}")

    frames = Selection(part.frames[0].index, part.frames[-1].index + 1)
    run = OfflineRun(str(part.path), frames, options.model, options.device, config=config)
    with TemporaryDirectory() as folder:
        report = fit_recording(run, Path(folder), BatchOptions(overwrite=True, contact_sheet=False), on_progress)
        if report["interrupted"]:
            raise KeyboardInterrupt
        track = TrackFolder.open(Path(folder))
        return compare_with_ground_truth(track, truth) | {"weights_rms": weights_rms(track.table, truth)}, report
