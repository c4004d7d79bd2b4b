"""A subject's distance, deformation and mesh on a torch device."""

from __future__ import annotations

import copy
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from dphm_core.heads.deformation import Deformation
from dphm_core.heads.distance import (
    BakedDistance,
    DistanceFunction,
    FieldDistance,
    NestedDistance,
    ShiftedDistance,
)
from dphm_core.heads.subject import Subject
from dphm_core.tracking.on_device.tiles import TiledIdentityField

BORDER = 1e-3
"""Part of a cell by which look-ups stay inside the last one."""
STRAYED = 0.4
"""A vertex that an expression moves further than this (0.1 m) starts anew from the canonical head."""


class DeviceDistance(Protocol):
    """Signed distance of canonical queries (N, Q), head-frame units."""

    def __call__(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (N,) and gradient (N, Q)."""
        ...

    def values(self, queries: Tensor) -> Tensor:
        """Distance (N,)."""
        ...


class GridOnDevice:
    """`BakedDistance` on a device."""

    def __init__(self, baked: BakedDistance, device: torch.device) -> None:
        shape = baked.nodes.shape[:3]
        self._nodes = torch.from_numpy(baked.nodes).to(device).view(-1, 4)
        self._origin = torch.from_numpy(baked.origin).to(device)
        self._per_unit = 1 / baked.spacing
        self._last = torch.tensor(shape, dtype=torch.float32, device=device) - (1 + BORDER)
        self._strides = torch.tensor([shape[1] * shape[2], shape[2], 1], device=device)
        corners = torch.cartesian_prod(*[torch.arange(2)] * 3)  # (8,3)
        self._corners = corners.to(device)
        self._steps = (self._corners * self._strides).sum(dim=1)  # (8,)

    def __call__(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (N,) and gradient (N, 3); queries outside the box take the value on its border."""
        place = torch.minimum(((queries - self._origin) * self._per_unit).clamp_min(0), self._last)
        low = place.long()
        part = (place - low)[:, None]  # (N,1,3)
        weights = torch.where(self._corners == 1, part, 1 - part).prod(dim=2)  # (N,8)
        nodes = self._nodes[(low * self._strides).sum(dim=1, keepdim=True) + self._steps]  # (N,8,4)
        found = (weights[..., None] * nodes).sum(dim=1)
        return found[:, 0], found[:, 1:]

    def values(self, queries: Tensor) -> Tensor:
        """Distance (N,)."""
        return self(queries)[0]


class NestedOnDevice:
    """`NestedDistance` on a device: every grid is looked up for every query."""

    def __init__(self, nested: NestedDistance, device: torch.device) -> None:
        self._whole = GridOnDevice(nested.whole, device)
        self._finer = [GridOnDevice(grid, device) for grid in nested.finer]
        self._boxes = [
            (torch.from_numpy(grid.origin).to(device), torch.from_numpy(grid.end).to(device)) for grid in nested.finer
        ]

    def __call__(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (N,) and gradient (N, 3)."""
        values, gradient = self._whole(queries)
        for grid, (low, end) in zip(self._finer, self._boxes, strict=True):
            inside = ((queries >= low) & (queries < end)).all(dim=1)
            fine_values, fine_gradient = grid(queries)
            values = torch.where(inside, fine_values, values)
            gradient = torch.where(inside[:, None], fine_gradient, gradient)
        return values, gradient

    def values(self, queries: Tensor) -> Tensor:
        """Distance (N,)."""
        return self(queries)[0]


class NetworkOnDevice:
    """`FieldDistance` on a device, all queries at once."""

    def __init__(self, distance: FieldDistance, device: torch.device) -> None:
        self._field = TiledIdentityField.of(distance.field, device)
        self._identity = distance.identity.to(device)

    def __call__(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (N,) and gradient (N, Q), by one pass forward and one back."""
        with torch.enable_grad():
            points = queries.detach().requires_grad_()
            values = self.values(points)
            (gradient,) = torch.autograd.grad(values.sum(), points)
        return values.detach(), gradient

    def values(self, queries: Tensor) -> Tensor:
        """Distance (N,)."""
        return self._field(queries[None], self._identity[None])[0]


class ShiftedOnDevice:
    """`ShiftedDistance` on a device."""

    def __init__(self, distance: ShiftedDistance, device: torch.device) -> None:
        self._distance = distance_on(distance.distance, device)
        self._offset = GridOnDevice(distance.offset, device)

    def __call__(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (N,) and gradient (N, Q)."""
        values, gradient = self._distance(queries)
        by, slope = self._offset(queries[:, :3])
        return values - by, gradient - functional.pad(slope, (0, queries.shape[1] - 3))

    def values(self, queries: Tensor) -> Tensor:
        """Distance (N,)."""
        return self._distance.values(queries) - self._offset.values(queries[:, :3])


def distance_on(distance: DistanceFunction, device: torch.device) -> DeviceDistance:
    """A subject's distance on a device."""
    if isinstance(distance, BakedDistance):
        return GridOnDevice(distance, device)
    if isinstance(distance, NestedDistance):
        return NestedOnDevice(distance, device)
    if isinstance(distance, FieldDistance):
        return NetworkOnDevice(distance, device)
    if isinstance(distance, ShiftedDistance):
        return ShiftedOnDevice(distance, device)
    raise TypeError(f"a {type(distance).__name__} is not known on devices")


def deformation_on(subject: Subject, device: torch.device) -> Deformation:
    """A subject's deformation on a device."""
    identity = torch.from_numpy(subject.identity_code)
    anchors = torch.from_numpy(subject.model.anchors(subject.identity_code))
    field = copy.deepcopy(subject.model.expression_field).to(device)
    return Deformation(field, identity.to(device), anchors.to(device))


class MeshOnDevice:
    """Poses a subject's vertices, in a fixed number of steps."""

    def __init__(self, subject: Subject, deformation: Deformation, device: torch.device) -> None:
        self._deformation = deformation
        self._canonical = torch.from_numpy(subject.vertices_canonical).to(device)
        template = subject.model.template
        self._basis: Tensor | None = None
        if template is not None:
            self._basis = torch.from_numpy(template.expression_basis).to(device).flatten(1)  # (E,V*3)
            self._rest = torch.from_numpy(template.canonical_weights).to(device)

    @property
    def canonical(self) -> Tensor:
        """(V, 3) vertices of the canonical head."""
        return self._canonical

    def posed(self, expression: Tensor, start: Tensor, rounds: int) -> Tensor:
        """Vertices (V, 3) in the posed head frame.

        Without a template it is `Subject.inverse_warp` from `start` (V, 3), with all steps for all vertices.
        """
        if self._basis is not None:
            return self._canonical + ((expression - self._rest) @ self._basis).view(-1, 3)
        # NaN, which a fit that went wrong leaves, is not near.
        posed = torch.where((start - self._canonical).abs() < STRAYED, start, self._canonical)
        for _ in range(rounds):
            posed = posed + (self._canonical - self._deformation.evaluate(posed, expression).canonical[:, :3])
        return posed
