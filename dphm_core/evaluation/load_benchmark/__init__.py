"""The load benchmark: a recording played as a camera, and what of it this machine keeps up with."""
