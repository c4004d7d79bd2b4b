"""Measurements of the window on this machine; none of them is a test."""
