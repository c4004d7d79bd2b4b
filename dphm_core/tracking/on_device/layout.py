"""Arrays of fixed shapes laid out in one buffer, so that they cross to a device and back in one copy."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from dphm_core.frames import FloatArray

Shape = tuple[int, ...]


class Layout:
    """Names and shapes of float32 arrays that share a buffer."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._places: dict[str, tuple[slice, Shape]] = {}
        self.size = 0
        for name, shape in shapes.items():
            self._places[name] = slice(self.size, self.size + math.prod(shape)), shape
            self.size += math.prod(shape)

    def views(self, buffer: Tensor) -> dict[str, Tensor]:
        """Each array as a view of a buffer (size,)."""
        return {name: buffer[place].view(shape) for name, (place, shape) in self._places.items()}

    def arrays(self, buffer: Tensor) -> dict[str, FloatArray]:
        """The same of a buffer of the host, in numpy."""
        return {name: view.numpy() for name, view in self.views(buffer).items()}

    def joined(self, parts: Mapping[str, Tensor]) -> Tensor:
        """One buffer (size,) of all arrays."""
        return torch.cat([parts[name].reshape(-1) for name in self._places])


def fill(place: FloatArray, values: FloatArray) -> None:
    """Copy values (n, …) to the start of an array (N, …) and repeat the first of them in the rest."""
    place[: len(values)] = values
    place[len(values) :] = values[0] if len(values) else np.float32(0)
