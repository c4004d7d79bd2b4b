"""The frame rate of a run, from the moments at which its frames were done."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.output.report import HEAD_START, MIN_INTERVALS, steady_rate


def test_a_pause_for_a_better_identity_is_no_frames() -> None:
    times = np.concatenate([np.arange(30) / 25, 9 + np.arange(30) / 25]).tolist()
    assert steady_rate(times) == pytest.approx(25)


def test_a_rate_without_pauses_is_frames_by_time() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 50)).tolist()
    counted = times[HEAD_START:]
    assert steady_rate(times) == pytest.approx((len(counted) - 1) / (counted[-1] - counted[0]))


def test_too_few_frames_are_no_measurement() -> None:
    assert steady_rate([0.1 * k for k in range(HEAD_START + MIN_INTERVALS)]) is None
    assert steady_rate([1.0] * 20) is None
