"""Colours of residuals, for the shader and for the scale bar: blue below, white at zero, orange above."""

from __future__ import annotations

LIMIT_MM = 3.0
"""Residuals beyond ± this take the last colour."""
UNKNOWN = (0.45, 0.45, 0.47)
"""Where there is nothing to compare with."""
UNKNOWN_FROM_M = 0.016
"""Residuals beyond this stand for unknown ones, and for what lies between those and known ones."""
STOPS = (
    (0.03, 0.25, 0.60),
    (0.22, 0.55, 0.87),
    (0.95, 0.95, 0.95),
    (0.96, 0.60, 0.15),
    (0.68, 0.27, 0.00),
)
"""At even steps from - to + `LIMIT_MM`. Blue and orange are told apart with every kind of colour blindness."""


def _vec3(color: tuple[float, float, float]) -> str:
    return "vec3({:.4f}, {:.4f}, {:.4f})".format(*color)


COLOR_MAP = f"""
vec3 residual_color(float metres) {{
    if (abs(metres) > {UNKNOWN_FROM_M:.4f}) return {_vec3(UNKNOWN)};
    float place = clamp(metres * {1000 / LIMIT_MM:.4f}, -1.0, 1.0) * 2.0;  // -2..2
    if (place < -1.0) return mix({_vec3(STOPS[0])}, {_vec3(STOPS[1])}, place + 2.0);
    if (place < 0.0) return mix({_vec3(STOPS[1])}, {_vec3(STOPS[2])}, place + 1.0);
    if (place < 1.0) return mix({_vec3(STOPS[2])}, {_vec3(STOPS[3])}, place);
    return mix({_vec3(STOPS[3])}, {_vec3(STOPS[4])}, place - 1.0);
}}
"""
"""GLSL: residual in metres → RGB."""
