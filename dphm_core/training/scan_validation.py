"""How well heads that are trained on scans fit them, in millimetres."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dphm_core.frames import MM_PER_UNIT
from dphm_core.training.prepared import PreparedScans
from dphm_core.training.scan_config import PointsPerScan
from dphm_core.training.scan_data import ScanBatch, collect
from dphm_core.training.scan_losses import Codes, ScanHeads

MOST_SCANS = 8
POINTS = PointsPerScan(face=400, rest=100, off_surface=1, pairs=500)
SEED = (0x5CA7,)
FIT_STEPS, FIT_RATE, FIT_CODE_WEIGHT = 40, 0.01, 0.05
"""How the expression code of a scan that was held out is found: Adam on |distance|, with the training's code weight."""


def scan_errors(
    heads: ScanHeads, data: PreparedScans, trained: NDArray[np.int64], held_out: NDArray[np.int64]
) -> dict[str, float]:
    """Errors over some scans, always the same.

    Returns
    -------
    dict
        `correspondence_mm`: points near the registration, carried to canonical space, against their true places.
        `surface_mm`: |distance| at the scan's points. With `held_out_` before: of scans that were not trained on,
        whose expression codes are fitted to the scan's points first.
    """
    device = heads.identity_codes.weight.device
    errors: dict[str, float] = {}
    for prefix, scans in (("", trained), ("held_out_", held_out)):
        chosen = scans[np.linspace(0, len(scans) - 1, min(MOST_SCANS, len(scans))).astype(np.int64)]
        if not len(chosen):
            continue
        batch = collect(data, chosen, POINTS, SEED).to(device)
        with torch.no_grad():
            codes = heads.codes(batch)
        if prefix:
            codes = Codes(codes.identity, fit_expressions(heads, batch, codes.identity))
        errors |= {f"{prefix}{name}": value for name, value in _errors(heads, batch, codes).items()}
    return errors


def fit_expressions(heads: ScanHeads, batch: ScanBatch, identity: Tensor) -> Tensor:
    """Expression codes (B, E) that bring the scans' points onto the surfaces of known subjects."""
    expression = torch.zeros(len(identity), heads.head.expression_dim, device=identity.device, requires_grad=True)
    optimizer = torch.optim.Adam([expression], lr=FIT_RATE)
    for _ in range(FIT_STEPS):
        codes = Codes(identity, expression)
        distance = heads.distance(batch.surface, *heads.carry(batch.surface, codes), codes)
        loss = distance.abs().mean(dim=1).sum() + FIT_CODE_WEIGHT * expression.square().sum()
        (expression.grad,) = torch.autograd.grad(loss, [expression])
        optimizer.step()
    return expression.detach()


@torch.no_grad()
def _errors(heads: ScanHeads, batch: ScanBatch, codes: Codes) -> dict[str, float]:
    offset, _ = heads.carry(batch.posed, codes)
    apart = (batch.posed + offset - batch.canonical).norm(dim=-1).mean()
    distance = heads.distance(batch.surface, *heads.carry(batch.surface, codes), codes).abs().mean()
    return {"correspondence_mm": float(apart) * MM_PER_UNIT, "surface_mm": float(distance) * MM_PER_UNIT}
