"""What a step of training on scans sees: which scans, which of their points, read ahead by threads."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dphm_core.errors import DataError
from dphm_core.frames import FloatArray
from dphm_core.training.prepared import PreparedScans, ScanSamples
from dphm_core.training.scan_config import PointsPerScan, ScanTrainingConfig

STEPS_AHEAD = 2
_ORDER, _POINTS, _HELD_OUT = range(3)
"""What a random number is for: part of its seed."""


@dataclass(frozen=True)
class ScanBatch:
    """Points of B scans, float32, head-frame units."""

    subject: Tensor
    """(B,) int64 index of the subject."""
    scan: Tensor
    """(B,) int64 index of the scan, whose expression code is its own."""
    neutral: Tensor
    """(B,) 1 for neutral scans, 0 for others."""
    surface: Tensor
    """(B, P, 3) on the scan, posed: face, then rest."""
    normals: Tensor
    """(B, P, 3) unit normals there."""
    off_surface: Tensor
    """(B, O, 3) away from the scan, posed."""
    posed: Tensor
    """(B, C, 3)"""
    canonical: Tensor
    """(B, C, 3) the same points in canonical space."""
    anchors: Tensor
    """(B, 39, 3) the subject's, canonical space."""

    def to(self, device: torch.device) -> ScanBatch:
        """Move to a device."""
        return ScanBatch(*(tensor.to(device, non_blocking=True) for tensor in vars(self).values()))


def draw_points(
    samples: ScanSamples, points: PointsPerScan, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Choose a scan's points at random, with repetition: a batch's fields from `surface` on, less their first axis."""
    everywhere = np.arange(len(samples.face))
    face, rest = np.nonzero(samples.face)[0], np.nonzero(~samples.face)[0]
    chosen = np.concatenate([
        rng.choice(face if len(face) else everywhere, points.face),
        rng.choice(rest if len(rest) else everywhere, points.rest),
    ])  # fmt: skip
    away = rng.integers(len(samples.off_surface), size=points.off_surface)
    pairs = rng.integers(len(samples.posed), size=points.pairs)
    return (
        samples.surface[chosen], samples.normals[chosen], samples.off_surface[away],
        samples.posed[pairs], samples.canonical[pairs], samples.anchors,
    )  # fmt: skip


def collect(data: PreparedScans, rows: NDArray[np.int64], points: PointsPerScan, seed: tuple[int, ...]) -> ScanBatch:
    """Read scans; a scan's points follow from `seed` and its index, whoever reads it."""
    drawn = [draw_points(data.read(row), points, np.random.default_rng((*seed, row))) for row in rows.tolist()]
    columns = [torch.from_numpy(np.stack(column)) for column in zip(*drawn, strict=True)]
    records = [data.scans[row] for row in rows.tolist()]
    subjects = torch.tensor([record.subject for record in records])
    neutral = torch.tensor([float(record.neutral) for record in records])
    return ScanBatch(subjects, torch.from_numpy(rows), neutral, *columns)


class ScanFeed:
    """Batches of one process; those of all processes together make up the steps.

    Which scans a step has follows from the seed and the step's number, so that a training can go on anywhere.
    """

    def __init__(self, data: PreparedScans, config: ScanTrainingConfig, rank: int, world: int) -> None:
        self.data, self.config, self.rank, self.world = data, config, rank, world
        self.training, self.held_out = split(data, config)
        self.steps_per_epoch = -(-len(self.training) // (config.scans_per_step * world))

    def rows(self, step: int) -> NDArray[np.int64]:
        """Scans (B,) of this process in a step; the last step of an epoch is filled up from the epoch's first scans."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng((self.config.seed, _ORDER, epoch)).permutation(self.training)
        size = self.config.scans_per_step
        everybody = np.resize(order, (self.steps_per_epoch, self.world, size))
        return np.ascontiguousarray(everybody[place, self.rank])

    def batch(self, step: int) -> ScanBatch:
        """Read a step's scans."""
        epoch = step // self.steps_per_epoch
        return collect(self.data, self.rows(step), self.config.points, (self.config.seed, _POINTS, epoch))

    def batches(self, start: int, stop: int) -> Generator[ScanBatch]:
        """Batches of the steps from `start` to before `stop`, read ahead."""
        ahead: deque[Future[ScanBatch]] = deque()
        pool = ThreadPoolExecutor(self.config.readers, thread_name_prefix="scans")
        try:
            for step in range(start, stop):
                ahead.append(pool.submit(self.batch, step))
                if len(ahead) > STEPS_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def split(data: PreparedScans, config: ScanTrainingConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Scans to train on and those held out: no neutrals, and each subject keeps at least one other expression."""
    rng = np.random.default_rng((config.seed, _HELD_OUT))
    wanted = int(config.held_out * len(data.scans))
    left = np.bincount([scan.subject for scan in data.scans if not scan.neutral], minlength=len(data.subjects))
    held_out: list[int] = []
    for index in rng.permutation(len(data.scans)).tolist():
        scan = data.scans[index]
        if len(held_out) < wanted and not scan.neutral and left[scan.subject] > 1:
            left[scan.subject] -= 1
            held_out.append(index)
    kept = np.setdiff1d(np.arange(len(data.scans)), held_out)
    return kept, np.array(sorted(held_out), dtype=np.int64)


def fingerprint(data: PreparedScans) -> str:
    """Digest of all that training takes from a folder: the index, and the checksums that archives carry."""
    digest = hashlib.sha256(json.dumps([data.subjects, data.mean_anchors.tolist()]).encode())
    for scan in data.scans:
        digest.update(repr((*astuple(scan)[:3], scan.path.name)).encode())
        try:
            with zipfile.ZipFile(scan.path) as archive:
                sums = {entry.filename: entry.CRC for entry in archive.infolist()}
            digest.update(repr([sums.get(f"{field.name}.npy") for field in fields(ScanSamples)]).encode())
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{scan.path} cannot be read ({error}); run `dphm train prepare` again") from error
    return digest.hexdigest()
