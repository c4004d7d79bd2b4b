"""Files for whole sequences are written without the sequence in memory."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest

from dphm_core.meshing.animation import CHUNK, Animation, MorphTargets
from dphm_core.meshing.formats import animated, missing_library

SAMPLES, VERTICES = 4 * CHUNK, 50
RNG = np.random.default_rng(0)
REST = RNG.normal(0, 0.1, (VERTICES, 3)).astype(np.float32)
DIRECTION = RNG.normal(0, 0.01, (VERTICES, 3)).astype(np.float32)


class Heads:
    """Makes heads on demand, and knows how many of them are kept at once."""

    def __init__(self) -> None:
        self.most = 0
        self._known: list[weakref.ref[np.ndarray]] = []

    def __call__(self, sample: int) -> np.ndarray:
        head = REST + DIRECTION * np.float32(np.sin(sample / 9))
        self._known = [known for known in self._known if known() is not None] + [weakref.ref(head)]
        self.most = max(self.most, len(self._known))
        return head


def animation(heads: Heads, targets: MorphTargets) -> Animation:
    return Animation(
        faces=RNG.integers(0, VERTICES, (80, 3)).astype(np.int32),
        rest=REST,
        head=heads,
        rotation=np.tile(np.eye(3), (SAMPLES, 1, 1)),
        translation=np.zeros((SAMPLES, 3)),
        times_s=np.arange(SAMPLES) / 30,
        fps=30.0,
        frames=np.arange(SAMPLES),
        tracked=np.ones(SAMPLES, bool),
        morph_targets=targets,
    )


@pytest.mark.parametrize(
    ("name", "targets"),
    [("pc2", "codes"), ("mdd", "codes"), ("usd", "codes"), ("glb", "basis"), ("glb", "frames")],
)
def test_a_chunk_of_heads_at_most_is_in_memory(tmp_path: Path, name: str, targets: MorphTargets) -> None:
    if missing_library(name):
        pytest.skip("needs usd-core, which is absent")
    heads = Heads()
    told: list[tuple[int, int | None]] = []
    animated(name).write(animation(heads, targets), tmp_path / "head", lambda *step: told.append(step))
    assert 1 <= heads.most <= CHUNK + 1
    assert [path.name for path in tmp_path.iterdir()] == ["head"]
    assert told[-1][0] == told[-1][1] and len(told) >= SAMPLES // CHUNK
