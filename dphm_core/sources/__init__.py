"""Recordings and cameras behind one protocol: iterate over RGBDFrames."""
