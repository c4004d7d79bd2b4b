"""Face landmarks: the detector, their place on the head model, and the observation of one frame."""

from dphm_core.landmarks.names import BLENDSHAPE_NAMES

__all__ = ["BLENDSHAPE_NAMES"]
