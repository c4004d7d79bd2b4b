"""The detector's scores meet the expression weights of the same name."""

from __future__ import annotations

import numpy as np

from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.tracking.scores import score_table


def paired(names: tuple[str, ...]) -> dict[str, str]:
    table = score_table(names)
    return {names[w]: BLENDSHAPE_NAMES[s] for w, s in zip(table.weights, table.scores, strict=True)}


def test_names_with_sides_meet_their_own_side() -> None:
    assert paired(("eyeBlink_L", "eyeBlink_R", "mouthSmile_R", "browOuterUp_L")) == {
        "eyeBlink_L": "eyeBlinkLeft",
        "eyeBlink_R": "eyeBlinkRight",
        "mouthSmile_R": "mouthSmileRight",
        "browOuterUp_L": "browOuterUpLeft",
    }


def test_a_score_without_sides_serves_both() -> None:
    assert paired(("browInnerUp_L", "browInnerUp_R", "jawOpen")) == {
        "browInnerUp_L": "browInnerUp",
        "browInnerUp_R": "browInnerUp",
        "jawOpen": "jawOpen",
    }


def test_untrusted_and_unknown_names_have_no_score() -> None:
    assert paired(("eyeLookUp_L", "noseSneer_R", "jawLeft", "tongueOut")) == {}
    assert score_table(()).weights.shape == (0,)


def test_targets_come_in_the_order_of_the_weights() -> None:
    scores = np.arange(len(BLENDSHAPE_NAMES), dtype=np.float32)
    table = score_table(("mouthFunnel", "cheekPuff", "eyeBlink_R"))
    np.testing.assert_array_equal(table.weights, [0, 2])
    expected = [BLENDSHAPE_NAMES.index("mouthFunnel"), BLENDSHAPE_NAMES.index("eyeBlinkRight")]
    np.testing.assert_array_equal(table.targets(scores), expected)
