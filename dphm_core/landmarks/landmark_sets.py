"""MediaPipe landmarks by what they lie on (indices of its 478-point face mesh)."""

from __future__ import annotations

EYELIDS = (
    33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7,
    263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249,
)  # fmt: skip
"""Rims of the subject's right and left eyelids."""
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
IRISES = tuple(range(468, 478))
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""Outline of the face as it is seen: it slides over the skin when the head turns."""
CONTOURS = EYELIDS + OUTER_LIPS + INNER_LIPS
NOT_RIGID = frozenset(CONTOURS + IRISES + FACE_OVAL)
"""Landmarks that move with the expression or with the view: not for aligning heads."""
