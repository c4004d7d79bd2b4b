"""Settings of training on scans: what is minimised, on how many points, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from dphm_core.errors import SettingError
from dphm_core.heads.config import HeadConfig
from dphm_core.limits import check_limits
from dphm_core.training.config import Workplace
from dphm_core.training.prepared import ANCHORS

MOST_POINTS = 10**6
LARGEST_SIZE = 4096
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss by its name (NPHM, MonoNPHM); each loss is a mean over the scans of a step."""

    surface: float = 1.0
    """|distance| at points of the scan."""
    normals: float = 0.3
    """Length of the difference between the distance's gradient and the scan's normal."""
    eikonal: float = 0.15
    """(|gradient| - 1)² at points of the scan and away from it."""
    far: float = 0.01
    """exp(-10 |distance|) away from the scan."""
    anchors: float = 7.5
    """Mean squared difference between the anchors' coordinates and the subject's."""
    correspondence: float = 1000.0
    """Squared distance between points carried to canonical space and their true places there."""
    expression_code: float = 0.05
    """Squared length of the expression code."""
    identity_code: float = 0.01
    """Squared length of the identity code."""
    symmetry: float = 0.01
    """Squared difference between the local codes of a left and a right anchor."""
    hyper: float = 0.01
    """|hyper coordinates|."""
    offset_random: float = 0.001
    """Squared length of the offset at random points away from the scan."""
    offset_neutral: float = 0.001
    """Squared length of the offset anywhere, of neutral scans only."""
    neutral_hyper: float = 10.0
    """The hyper coordinates of neutral scans count this many times."""
    correspondence_falls: int = 750
    """Epoch after which correspondence counts a quarter."""
    correspondence_ends: int = 3000
    """Epoch after which it counts nothing."""

    def __post_init__(self) -> None:
        limits = dict.fromkeys((*LOSSES, "neutral_hyper"), (0.0, 1000000.0))
        check_limits(self, "a training's loss", limits | {"correspondence_falls": (0, 1e9)})
        check_limits(self, "a training's loss", {"correspondence_ends": (self.correspondence_falls, 1e9)})

    def at(self, epoch: int) -> dict[str, float]:
        """Weights by name in an epoch, the first being 0."""
        weights = {name: float(getattr(self, name)) for name in LOSSES}
        if epoch >= self.correspondence_falls:
            weights["correspondence"] *= 0.25 if epoch < self.correspondence_ends else 0.0
        return weights


LOSSES = (
    *("surface", "normals", "eikonal", "far", "anchors", "correspondence", "expression_code", "identity_code"),
    *("symmetry", "hyper", "offset_random", "offset_neutral"),
)
"""Names of the losses."""


@dataclass(frozen=True)
class PointsPerScan:
    """How many points of each scan a step takes."""

    face: int = 1000
    """Of the scan's face."""
    rest: int = 250
    """Of the rest of the scan."""
    off_surface: int = 250
    """Away from the scan."""
    pairs: int = 250
    """Corresponding points of the posed and the canonical head."""

    def __post_init__(self) -> None:
        check_limits(self, "a training's points", dict.fromkeys(vars(self), (1, MOST_POINTS)))


@dataclass(frozen=True, kw_only=True)
class ScanTrainingConfig(Workplace):
    """How head models are trained on scans; by default with the sizes and rates of the published models."""

    epochs: int = 4000
    """Passes over all scans."""
    scans_per_step: int = 16
    """Of each process."""
    learning_rate: float = 5e-4
    """Of AdamW, for the networks."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    code_learning_rate: float = 1e-3
    """Of Adam, for the codes; only those of a step's own scans move."""
    halve_every: int = 500
    """Epochs after which both learning rates are halved, again and again."""
    gradient_norm: float = 1.0
    """Longer gradients are shortened to this."""
    position_gain: float = 50.0
    """Factor on the identity networks' first weights of the position. A head is a unit wide: at 1, features
    of centimetres must first grow, and a training rests on one mean head the longer the less normals help it."""
    code_norm: float = 0.1
    """Length of the first codes, which are random; 1 is the most that a code may have."""
    precision: Precision = "float32"
    """bfloat16 is for the expression network's matrix products alone: its offsets are small, so that rounding them
    costs hundredths of a millimetre. Distances and their gradients, of which no digit is spare, stay float32."""
    seed: int = 0
    """Of the first weights, the order of the scans and the choice of points."""
    checkpoint_every: int = 10
    """Epochs between checkpoints, log lines and pictures."""
    readers: int = 2
    """Threads of each process that read scans ahead."""
    pictures: int = 2
    """Subjects that are drawn at every checkpoint, neutral and with an expression."""
    held_out: float = 0.02
    """Share of the scans that is not trained on but measured at checkpoints: other expressions of known subjects."""
    losses: LossWeights = field(default_factory=LossWeights)
    points: PointsPerScan = field(default_factory=PointsPerScan)
    head: HeadConfig = field(default_factory=HeadConfig)
    """Sizes of the networks and codes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        limits = {
            "epochs": (1, 10**8),
            "scans_per_step": (1, 4096),
            "learning_rate": (0, 1),
            "weight_decay": (0, 1),
            "code_learning_rate": (0, 1),
            "halve_every": (1, 10**8),
            "gradient_norm": (1e-6, 1e6),
            "position_gain": (1e-3, 1e4),
            "code_norm": (1e-6, 1),
            "seed": (0, 2**31),
            "checkpoint_every": (1, 10**8),
            "readers": (1, 64),
            "pictures": (0, 16),
            "held_out": (0, 0.5),
        }
        check_limits(self, "a training", limits)
        if self.precision not in get_args(Precision):
            raise SettingError(f"a training's precision is one of {', '.join(get_args(Precision))}.")
        check_head(self.head)


def check_head(head: HeadConfig) -> None:
    """Check that a head model of these sizes can be made for prepared scans.

    Raises
    ------
    SettingError
        It cannot; the message names the size.
    """
    sizes = ("global_dim", "local_dim", "identity_width", "expression_dim", "condition_dim", "expression_width")
    limits: dict[str, tuple[float, float]] = dict.fromkeys(sizes, (1, LARGEST_SIZE))
    limits |= {
        "anchors": (ANCHORS, ANCHORS),
        "symmetric_pairs": (0, ANCHORS // 2),
        "neighbours": (1, ANCHORS),
        "blend_std": (0.1, 100),
        "identity_layers": (1, 64),
        "expression_layers": (1, 64),
        "hyper_dim": (0, 64),
        "position_octaves": (0, 16),
    }
    check_limits(head, "a trained head's", limits)
    if head.identity_dim > 64 * LARGEST_SIZE:
        raise SettingError(f"a trained head's identity code is {head.identity_dim} long; choose a smaller local_dim.")
