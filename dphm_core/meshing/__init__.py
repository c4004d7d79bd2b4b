"""Meshes: extraction once, warping every frame, writers by file extension."""
