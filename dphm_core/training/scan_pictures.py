"""Pictures of the heads that are being trained on scans."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dphm_core.frames import HEAD_HIGH, HEAD_LOW, FloatArray
from dphm_core.heads.baking import grid_values
from dphm_core.heads.distance import CHUNK
from dphm_core.heads.surface import zero_level
from dphm_core.meshing.picture import FACE_FRAMING, Image, contact_sheet, shaded_picture
from dphm_core.training.prepared import PreparedScans
from dphm_core.training.scan_losses import Codes, ScanHeads

SPACING = 0.016
"""Between the distances that a picture's surface comes from (4 mm)."""
SIZE = 256
YAW_DEG = 20.0


def draw_subject(heads: ScanHeads, data: PreparedScans, scans: list[int]) -> Image:
    """Draw a row of trained scans of one subject, each as its codes make it; empty where there is no surface yet."""
    pictures = []
    for scan in scans:
        surface = posed_surface(heads, data.scans[scan].subject, scan)
        mesh = surface if surface is not None else (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
        pictures.append(shaded_picture(*mesh, size=SIZE, yaw_deg=YAW_DEG, framing=FACE_FRAMING))
    captions = [data.scans[scan].expression for scan in scans]
    return contact_sheet(pictures, len(pictures), captions)


def posed_surface(heads: ScanHeads, subject: int, scan: int) -> tuple[FloatArray, NDArray[np.int32]] | None:
    """Zero level (V, 3), (F, 3) of a scan's posed distance, head frame; None where there is none."""

    def evaluate(points: FloatArray) -> FloatArray:
        parts = np.array_split(points, -(-len(points) // CHUNK))
        return np.concatenate([_distances(heads, part, subject, scan) for part in parts])

    return zero_level(grid_values(evaluate, HEAD_LOW, HEAD_HIGH, SPACING), HEAD_LOW, SPACING)


@torch.no_grad()
def _distances(heads: ScanHeads, points: FloatArray, subject: int, scan: int) -> FloatArray:
    codes = Codes(heads.identity_codes.weight[subject, None], heads.expression_codes.weight[scan, None])
    posed = torch.from_numpy(points)[None].to(codes.identity.device)
    offset, hyper = heads.carry(posed, codes)
    return np.asarray(heads.distance(posed, offset, hyper, codes)[0].cpu().numpy())


def shown_scans(data: PreparedScans, trained: NDArray[np.int64], subjects: int) -> list[list[int]]:
    """Trained scans to draw of each of the first subjects: a neutral one and another."""
    rows = []
    for subject in range(min(subjects, len(data.subjects))):
        own = [scan for scan in trained.tolist() if data.scans[scan].subject == subject]
        neutral = [scan for scan in own if data.scans[scan].neutral]
        posed = [scan for scan in own if not data.scans[scan].neutral]
        rows.append(neutral[:1] + posed[:1])
    return [row for row in rows if row]
