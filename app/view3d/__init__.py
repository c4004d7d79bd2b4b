"""The 3-D view: one visual per file."""
