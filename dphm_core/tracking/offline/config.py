"""Settings of the offline method; the defaults are the paper's (REFERENCE section 4).

Lengths are in head-frame units (0.25 m), the ones in which the model's distances are, unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dphm_core.errors import SettingError
from dphm_core.limits import check_limits

StageName = Literal["init", "incre", "joint"]
STAGE_NAMES: tuple[StageName, ...] = ("init", "incre", "joint")
"""In the order in which they build on each other; their tracking files end in these names."""
RATE_DROP = 0.1
"""What the learning rates are multiplied with at each milestone."""
MAX_RATE = 10.0
MAX_ROUNDS = 1_000_000


@dataclass(frozen=True)
class StageConfig:
    """How one stage goes: Adam with falling learning rates, and a threshold beyond which points do not count."""

    rounds: int = 201
    """Steps on a frame (init, incremental), or passes over all frames (joint)."""
    points: int = 5000
    """Scan points per frame and step, drawn anew each time; the paper takes 5,000 to 10,000."""
    identity_rate: float = 0.0
    """Learning rate of the identity; 0 keeps it."""
    expression_rate: float = 0.0
    """Learning rate of the expression codes."""
    pose_rate: float = 0.0
    """Learning rate of rotations (entries of a unit quaternion) and translations (metres)."""
    scale_rate: float = 0.0
    """Learning rate of the scale."""
    milestones: tuple[int, ...] = ()
    """Rounds at which all rates fall to a tenth."""
    thresholds: tuple[float, ...] = (0.0075,)
    """Points further from the model than this are dropped; one value after another."""
    threshold_from: tuple[float, ...] = (0.0,)
    """Part of the rounds after which each of the thresholds holds."""

    def __post_init__(self) -> None:
        rates = ("identity_rate", "expression_rate", "pose_rate", "scale_rate")
        limits: dict[str, tuple[float, float]] = {"rounds": (1, MAX_ROUNDS), "points": (1, 1_000_000)}
        check_limits(self, "a stage", limits | dict.fromkeys(rates, (0.0, MAX_RATE)))
        starts = self.threshold_from
        if len(starts) != len(self.thresholds) or starts[:1] != (0.0,) or list(starts) != sorted(starts):
            raise SettingError(
                "a stage's threshold_from must be a rising list that begins with 0, one number for each threshold."
            )
        if not all(threshold > 0 for threshold in self.thresholds):
            raise SettingError("a stage's thresholds must be larger than 0.")

    def rate_factor(self, round_: int) -> float:
        """What the learning rates are multiplied with in a round (from 0)."""
        return RATE_DROP ** sum(round_ >= milestone for milestone in self.milestones)

    def threshold(self, round_: int) -> float:
        """Largest distance of a point that counts in a round (from 0)."""
        done = round_ / self.rounds
        return next(
            t for t, start in reversed([*zip(self.thresholds, self.threshold_from, strict=True)]) if done >= start
        )


@dataclass(frozen=True)
class LossWeights:
    """What each term of the loss is multiplied with; 0 leaves it out."""

    data: float = 2.0
    """Mean distance of the scan points."""
    normal: float = 0.05
    """1 − cosine between the model's normals and the scan's."""
    landmark: float = 0.1
    """Distance of eight landmarks from the anchors that they lie on."""
    identity_prior: float = 0.5
    """Latent diffusion over identity codes."""
    expression_prior: float = 0.5
    """Latent diffusion over expression codes."""
    smooth_expression: float = 1.0
    """Squared change of the expression code per frame."""
    smooth_pose: float = 1.0
    """Change of rotation (unit quaternions) and translation (metres) per frame."""
    symmetry: float = 0.01
    """Squared difference of the identity code's left and right local parts (its weight in NPHM's training)."""
    identity_norm: float = 0.001
    """Squared distance of the identity from the mean, as a multiple of what is usual for a head."""
    expression_norm: float = 0.001
    """Squared length of the expression code, as a multiple of what is usual for a face."""

    def __post_init__(self) -> None:
        check_limits(self, "a loss", dict.fromkeys(self.__dataclass_fields__, (0.0, 1e6)))


def _init_stage() -> StageConfig:
    return StageConfig(
        rounds=201, identity_rate=1e-2, expression_rate=1e-2, pose_rate=1e-2, scale_rate=1e-2,
        milestones=(50, 100, 150), thresholds=(0.1, 0.05, 0.0075), threshold_from=(0.0, 0.25, 0.5),
    )  # fmt: skip


def _incremental_stage() -> StageConfig:
    return StageConfig(rounds=20, expression_rate=1e-3, pose_rate=1e-3, milestones=(20, 40), thresholds=(0.1,))


def _joint_stage() -> StageConfig:
    return StageConfig(
        rounds=30, identity_rate=1e-4, expression_rate=1e-4, pose_rate=1e-5, scale_rate=1e-5, milestones=(20,)
    )


@dataclass(frozen=True)
class OfflineConfig:
    """How a recording is fitted offline."""

    init: StageConfig = field(default_factory=_init_stage)
    """First frame: identity, expression, pose and scale."""
    incremental: StageConfig = field(default_factory=_incremental_stage)
    """Frame after frame: expression and pose."""
    joint: StageConfig = field(default_factory=_joint_stage)
    """All frames together, in random chunks."""
    chunk: int = 2
    """Frames per step of the joint stage."""
    weights: LossWeights = field(default_factory=LossWeights)
    prior: Literal["denoising", "distillation"] = "denoising"
    """Form of the diffusion terms: the weighted denoising loss with its full gradient, or score distillation."""
    pose_smoothness: Literal["norm", "squared"] = "norm"
    """How the change of rotation and translation counts. The plain norm draws a head back with the same force however
    little it moved, so that it lags behind; the squared one lets it go."""
    mesh: Literal["template", "cubes"] = "template"
    """Canonical mesh: the model's template where it has one, or marching cubes; expressions warp it."""
    seed: int = 0
    """Of the points, chunks and diffusion noise that are drawn."""
    threads: int = 1
    """CPU threads of the network evaluation."""

    def __post_init__(self) -> None:
        check_limits(self, "the offline method", {"chunk": (1, 1000), "seed": (0, 2**31), "threads": (1, 1000)})


def chosen_stages(text: str) -> tuple[StageName, ...]:
    """Stages of a list such as "init,incre,joint", in their order.

    Raises
    ------
    SettingError
        One has no such name, is there twice, or is left out between others.
    """
    words = [word.strip() for word in text.split(",")]
    positions = [STAGE_NAMES.index(name) for word in words for name in STAGE_NAMES if word == name]
    if len(positions) != len(words) or positions != list(range(positions[0], positions[0] + len(words))):
        raise SettingError(f"--stages is '{text}'; give init,incre,joint or a part of it without gaps.")
    return tuple(STAGE_NAMES[position] for position in positions)
