"""Malformed recordings, each made from a whole one by one kind of damage; the rows of docs/bad-input.md."""

from __future__ import annotations

from damage import Malformed, spoilt
from malformed_bags import BAGS
from malformed_images import IMAGES
from malformed_kinects import KINECTS, mkv
from malformed_stacks import STACKS, stack
from malformed_texts import CALIBRATIONS, CLOCKS

OWN_READERS = (*IMAGES, *CALIBRATIONS, *CLOCKS, *STACKS, *BAGS)
"""Read by this program alone."""
ALL = (*OWN_READERS, *KINECTS)
WHOLE = (
    Malformed("whole folder", spoilt(lambda folder: None), readable=4),
    Malformed("whole frames.stack", stack(lambda content: content), readable=4),
    Malformed("whole MKV", mkv(lambda content: content), readable=6),
)
"""What the damaged ones are made from: it is the damage that is told of, and nothing else."""
