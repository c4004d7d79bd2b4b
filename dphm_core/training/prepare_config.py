"""Settings of `dphm synth scans` and `dphm train prepare`; light, so that help is quick."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dphm_core.limits import check_limits

Space = Literal["auto", "nphm", "own", "m", "mm"]
Mouth = Literal["open", "closed"]


@dataclass(frozen=True)
class SampleCounts:
    """How many points are drawn of a scan."""

    surface: int = 50_000
    """On the scan's surface."""
    face_share: float = 0.6
    """How many of them on the face."""
    off_surface: int = 20_000
    """In the box around the head, away from its surface."""
    pairs: int = 20_000
    """Corresponding points near the registration."""

    def __post_init__(self) -> None:
        most = 5_000_000
        limits = {"surface": (100, most), "face_share": (0.01, 1), "off_surface": (100, most), "pairs": (100, most)}
        check_limits(self, "points", limits)


@dataclass(frozen=True)
class PrepareConfig:
    """How a folder of scans is read."""

    space: Space = "auto"
    """What the meshes are in: nphm (units of 0.25 m), m, mm, all with the head frame's origin and axes; own (s.npy,
    R.npy and t.npy lead into the head frame); auto looks where a head comes to lie."""
    mouth: Mouth = "open"
    """Which neutral expression is canonical space: with the mouth slightly open (neutrals.json or neutrals_open.json),
    as NPHM has it, or closed (neutrals_closed.json)."""
    neutral: str | None = None
    """Neutral expression of subjects that the table does not name."""
    anchor_vertices: Path | None = None
    """File (.npy) of the 39 registration vertices that are the anchors; SCANS/anchor_vertices.npy where not given."""
    seed: int = 0
    """Of the points' choice."""
    workers: int = 1
    """Processes that prepare scans at a time."""
    skip_bad: bool = False
    """Leave out scans that cannot be used, and name them at the end, instead of stopping at the first."""

    def __post_init__(self) -> None:
        check_limits(self, "preparing", {"seed": (0, 2**63 - 1), "workers": (1, 256)})


@dataclass(frozen=True)
class SyntheticScansConfig:
    """How many scans are made up."""

    subjects: int = 40
    """How many people."""
    expressions: int = 20
    """How many scans of each, the two neutral ones with them."""
    seed: int = 0
    """Of people, expressions and places."""

    def __post_init__(self) -> None:
        limits = {"subjects": (1, 999), "expressions": (2, 999), "seed": (0, 2**63 - 1)}
        check_limits(self, "synthetic scans", limits)
