"""Mesh normals and writers by file extension."""
