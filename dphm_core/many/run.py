"""Tracks many recordings, each into a folder of its own, with a table; what is done is not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from dphm_core.errors import OutputError, SourceError
from dphm_core.files import make_folder, write_atomically
from dphm_core.many.recordings import Recording
from dphm_core.many.table import SUMMARY_FILE, SequenceResult, to_csv
from dphm_core.many.tasks import Outcome, Task, TrackOne, attempt
from dphm_core.output.folder import MESH_FOLDER, OWN_FILES, REPORT_FILE
from dphm_core.output.interrupt import StopOnInterrupt
from dphm_core.sources.fields import read_json


class Runner(Protocol):
    """Does tasks, in some order; made for one run."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Do them all, and tell what became of each as it is done; fewer after `stop`."""

    def stop(self) -> None:
        """Begin no more, and end those under way soon; between any two instructions of the thread that runs."""


class InTurn:
    """Does tasks one after the other in this process; the first Ctrl-C ends the one under way, which keeps its part."""

    def __init__(self, track_one: TrackOne) -> None:
        self._track_one = track_one
        self._stopped = False

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Do them in their order."""
        for task in tasks:
            if self._stopped:
                return
            outcome = attempt(self._track_one, task, None)
            yield task, outcome
            if outcome.interrupted:
                return

    def stop(self) -> None:
        """Begin no more."""
        self._stopped = True


def track_many(
    recordings: Sequence[Recording], out: Path, runner: Runner, overwrite: bool = False,
    on_result: Callable[[SequenceResult], object] | None = None,
) -> list[SequenceResult]:  # fmt: skip
    """Track recordings; one that fails does not keep the others from being tracked.

    Parameters
    ----------
    recordings : sequence of Recording
        What to track.
    out : Path
        Folder for the results: one folder per recording, and summary.csv, which is written anew after each.
    runner : Runner
        Who does it.
    overwrite : bool
        Whether to track again what an earlier run has tracked to its end.
    on_result : callable, optional
        Told of each as it is done.

    Returns
    -------
    list of SequenceResult
        In the order of `recordings`, those that are done or were begun: after a first Ctrl-C some are missing.

    Raises
    ------
    OutputError
        Nothing can be written to `out`.
    """
    make_folder(out)
    results: dict[str, SequenceResult] = {}

    def add(result: SequenceResult) -> None:
        results[result.sequence] = result
        write_atomically(out / SUMMARY_FILE, to_csv(in_order()))
        if on_result is not None:
            on_result(result)

    def in_order() -> list[SequenceResult]:
        return [results[recording.name] for recording in recordings if recording.name in results]

    tasks = []
    for recording in recordings:
        folder = out / recording.name
        report = None if overwrite else _earlier(folder)
        if report is None:
            tasks.append(Task(recording.name, recording.source, folder, overwrite or _broken_off(folder)))
        else:
            add(SequenceResult.of(recording.name, "earlier", report))
    with StopOnInterrupt(runner.stop):
        for task, outcome in runner.run(tasks):
            add(_row(task, outcome))
    return in_order()


def _row(task: Task, outcome: Outcome) -> SequenceResult:
    if outcome.error:
        return SequenceResult(task.name, "failed", error=outcome.error)
    return SequenceResult.of(task.name, "interrupted" if outcome.interrupted else "tracked", outcome.report or {})


def _earlier(folder: Path) -> dict[str, Any] | None:
    """Report of an earlier run that came to its end; None where there is none."""
    if not (folder / REPORT_FILE).is_file():
        return None
    try:
        report = read_json(folder / REPORT_FILE)
    except SourceError as error:
        raise OutputError(f"{error}; or track it again with --overwrite") from error
    return None if report.get("interrupted") else report


def _broken_off(folder: Path) -> bool:
    """Whether there is nothing but what a run left that was interrupted or killed, which may be replaced."""
    if not folder.is_dir():
        return False
    try:
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    except OSError as error:
        raise OutputError(f"{folder} cannot be looked at: {error.strerror}; check its permissions") from error
    return (folder / REPORT_FILE).is_file() or names <= {MESH_FOLDER, *OWN_FILES}
