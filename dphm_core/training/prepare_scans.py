"""`dphm train prepare`: from a folder of scans to the samples that training reads.

A scan's samples follow from the seed and the scan's name alone: order, interruptions and the number of processes make
no difference. Each file tells what it was made from; one that would come out the same is kept.
"""

from __future__ import annotations

import hashlib
import logging
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from dphm_core.errors import DataError, OutputError
from dphm_core.files import make_folder
from dphm_core.training.prepare_config import PrepareConfig, SampleCounts, Space
from dphm_core.training.prepared import INDEX, ScanRecord, read_made_from, write_index, write_samples
from dphm_core.training.scan_anchors import find_anchors
from dphm_core.training.scan_folder import (
    REGISTRATION,
    SCAN,
    ScanFolder,
    ScanPlace,
    find_space,
    is_head,
    open_scan_folder,
)
from dphm_core.training.scan_mesh import Mesh
from dphm_core.training.scan_samples import Subject, sample_scan

log = logging.getLogger(__name__)

SAMPLING = 1
"""Grows when samples are drawn otherwise, so that older ones are not kept."""
LEAST_SUBJECTS = 2
OnScan = Callable[[int, int], object]
"""Called with the number of scans made and of all to make."""


@dataclass(frozen=True)
class Prepared:
    """What preparing came to."""

    subjects: int
    scans: int
    """All that are now prepared."""
    kept: int
    """How many of them were there already."""
    left_out: tuple[str, ...]
    """What could not be used, and why."""


@dataclass(frozen=True)
class _Job:
    """Everything one scan's samples depend on; travels to other processes."""

    place: ScanPlace
    neutral: ScanPlace
    subject: Subject
    space: Space
    points: SampleCounts
    seed: int
    path: Path

    def made_from(self) -> str:
        """Digest of settings and sources, which are known by name, size and time."""
        digest = hashlib.sha256(repr((SAMPLING, self.space, self.points, self.seed)).encode())
        digest.update(f"{self.place.subject}/{self.place.expression}/{self.neutral.expression}".encode())
        digest.update(self.subject.anchor_vertices.tobytes() + self.subject.anchors.tobytes())
        sources = [self.place.mesh(SCAN), self.place.mesh(REGISTRATION), self.neutral.mesh(REGISTRATION)]
        sources += [place.folder / f"{name}.npy" for place in (self.place, self.neutral) for name in "sRt"]
        for path in sources:
            if path.is_file():
                stat = path.stat()
                digest.update(repr((path.name, stat.st_size, stat.st_mtime_ns)).encode())
        return digest.hexdigest()


def prepare_scans(
    root: Path, out: Path, config: PrepareConfig, points: SampleCounts, on_scan: OnScan | None = None
) -> Prepared:
    """Write the samples of all scans of a folder, and the index once all are there.

    Parameters
    ----------
    root : Path
        Folder of scans, see `scan_folder`.
    out : Path
        Made if need be; what it holds already is kept where it would come out the same.
    config, points
        Settings.
    on_scan : callable, optional
        Told of each scan made.

    Raises
    ------
    DataError
        The folder or (unless bad scans are to be left out) one of its scans cannot be used.
    OutputError
        `out` cannot be written; what is finished stays.
    """
    folder = open_scan_folder(root, config.mouth, config.neutral)
    left_out = [f"{root / subject}: has no neutral expression" for subject in folder.without_neutral]
    space, neutrals = _read_neutrals(folder, config, left_out)
    subjects = find_anchors(root, config.anchor_vertices, neutrals, space)
    jobs = [
        _Job(place, neutrals[place.subject][0], subjects[place.subject], space, points, config.seed, out / _name(place))
        for place in folder.places
        if place.subject in subjects
    ]
    _check_names(jobs)
    make_folder(out)
    todo = [job for job in jobs if read_made_from(job.path) != job.made_from()]
    log.info("%s: %d scans, %d of them prepared already", root, len(jobs), len(jobs) - len(todo))
    if todo:
        (out / INDEX).unlink(missing_ok=True)  # unfinished from here on
    bad = _make(todo, config, left_out, on_scan)
    done = [job for job in jobs if job not in bad]
    names = _write_index(out, done, subjects)
    return Prepared(names, len(done), len(jobs) - len(todo), tuple(left_out))


def _read_neutrals(
    folder: ScanFolder, config: PrepareConfig, left_out: list[str]
) -> tuple[Space, dict[str, tuple[ScanPlace, Mesh]]]:
    """The meshes' space, and each subject's neutral scan with its registration; all of one template."""
    space: Space = config.space
    found: dict[str, tuple[ScanPlace, Mesh]] = {}
    for subject in dict.fromkeys(place.subject for place in folder.places):
        try:
            place = folder.neutral(subject)
            space = find_space(place) if space == "auto" else space
            found[subject] = (place, read_registration(place, space))
        except DataError as error:
            _leave_out(error, config.skip_bad, left_out)
    counts = Counter(len(mesh.vertices) for _, mesh in found.values())
    for subject, (place, mesh) in list(found.items()):
        if len(mesh.vertices) != (usual := counts.most_common(1)[0][0]):
            other = next(place for place, mesh in found.values() if len(mesh.vertices) == usual)
            _leave_out(_other_template(place, mesh, other, usual), config.skip_bad, left_out)
            del found[subject]
    _check_subjects(folder.root, len(found), left_out)
    return space, found


def read_registration(place: ScanPlace, space: Space) -> Mesh:
    """Read a registration into the head frame; raises DataError where it is not a head in its place."""
    mesh = place.read(REGISTRATION, space)
    if not is_head(mesh.vertices):
        raise DataError(
            f"{place.mesh(REGISTRATION)} does not lie where a head does (meshes taken to be in space '{space}'); "
            "choose another --space, or align it"
        )
    return mesh


def _make(todo: Sequence[_Job], config: PrepareConfig, left_out: list[str], on_scan: OnScan | None) -> list[_Job]:
    """Prepare scans; returns those that cannot be used."""
    bad = []
    for number, (job, error) in enumerate(zip(todo, _run(todo, config.workers), strict=True)):
        if error is not None:
            _leave_out(error, config.skip_bad, left_out)
            job.path.unlink(missing_ok=True)
            bad.append(job)
        if on_scan is not None:
            on_scan(number + 1, len(todo))
    return bad


def _run(jobs: Sequence[_Job], workers: int) -> Iterator[DataError | None]:
    if workers == 1 or len(jobs) < 2:
        yield from map(_prepare_one, jobs)
        return
    # Ctrl-C is this process's business; the others end with it.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        yield from pool.map(_prepare_one, jobs)
    except BrokenProcessPool as error:
        raise OutputError(
            "a process was killed, most likely for want of memory; run it again with fewer --workers, it goes on"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_one(job: _Job) -> DataError | None:
    """Write one scan's samples; returns what is wrong with the scan, if anything."""
    try:
        made_from, scan = job.made_from(), job.place.read(SCAN, job.space)
        posed, neutral = read_registration(job.place, job.space), job.subject.registration
        if len(posed.vertices) != len(neutral.vertices):
            raise _other_template(job.place, posed, job.neutral, len(neutral.vertices))
        name = hashlib.sha256(f"{job.place.subject}/{job.place.expression}".encode()).digest()
        rng = np.random.default_rng((job.seed, int.from_bytes(name[:8], "little")))
        try:
            samples = sample_scan(scan, posed.vertices, job.subject, job.points, rng)
        except ValueError as error:
            raise DataError(f"{job.place.mesh(SCAN)}: {error}") from error
    except DataError as error:
        return error
    write_samples(job.path, samples, made_from)
    return None


def _write_index(out: Path, done: Sequence[_Job], subjects: dict[str, Subject]) -> int:
    """Write the index; returns the number of subjects."""
    names = list(dict.fromkeys(job.place.subject for job in done))
    _check_subjects(out, len(names), [])
    records = [
        ScanRecord(names.index(job.place.subject), job.place.expression, job.place == job.neutral, job.path)
        for job in done
    ]
    write_index(out, names, records, np.mean([subjects[name].anchors for name in names], axis=0))
    return len(names)


def _leave_out(error: DataError, skip: bool, left_out: list[str]) -> None:
    if not skip:
        raise error
    log.warning("left out: %s", error)
    left_out.append(str(error))


def _check_subjects(where: Path, count: int, left_out: Sequence[str]) -> None:
    if count < LEAST_SUBJECTS:
        why = f" ({len(left_out)} left out: {left_out[0]})" if left_out else ""
        raise DataError(
            f"{where} has {count} subjects that can be used{why}; a head model takes at least {LEAST_SUBJECTS}"
        )


def _check_names(jobs: Sequence[_Job]) -> None:
    name, count = Counter(job.path.name for job in jobs).most_common(1)[0]
    if count > 1:
        raise DataError(f"{count} scans would be written as {name}; rename subjects or expressions so that none do")


def _name(place: ScanPlace) -> str:
    return f"{place.subject}-{place.expression}.npz"


def _other_template(place: ScanPlace, mesh: Mesh, other: ScanPlace, usual: int) -> DataError:
    return DataError(
        f"{place.mesh(REGISTRATION)} has {len(mesh.vertices)} vertices, {other.mesh(REGISTRATION)} has {usual}: "
        "all registrations must be of one template, with the same vertices"
    )
