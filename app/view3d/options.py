"""What the 3-D view can show."""

from __future__ import annotations

from enum import Enum


class MeshStyle(Enum):
    """How the tracked mesh is drawn."""

    SHADED = "shaded"
    """Lit and opaque."""
    WIREFRAME = "wireframe"
    """Its edges, as far as they are in front."""
    TRANSLUCENT = "translucent"
    """Lit, with the points showing through."""
    RESIDUAL = "residual"
    """In colours that tell how far the depth image lies in front of it or behind."""


class Layer(Enum):
    """What can be switched on and off."""

    POINTS = "points"
    """The depth image as a cloud of coloured points."""
    MESH = "mesh"
    """The tracked mesh."""
    LANDMARKS = "landmarks"
    """The face's landmarks, where there is depth."""
    AXES = "axes"
    """The head's own axes."""
    FRUSTUM = "frustum"
    """The depth camera, and what it sees."""


DEFAULT_STYLE = MeshStyle.TRANSLUCENT
DEFAULT_LAYERS = frozenset({Layer.POINTS, Layer.MESH})
