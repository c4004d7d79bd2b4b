"""DPHM Live: real-time tracking of heads in depth images with neural parametric head models."""

__version__ = "0.1.0"
