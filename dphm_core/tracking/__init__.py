"""Rigid alignment, identity calibration and per-frame fitting."""
