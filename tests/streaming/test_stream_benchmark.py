"""The benchmark's figures are of frames that truly arrived."""

from __future__ import annotations

import pytest

from dphm_core import cli
from dphm_core.streaming.benchmark import KINDS, stream_benchmark


def test_costs_are_measured() -> None:
    costs = stream_benchmark(5)
    assert [cost.kind for cost in costs] == list(KINDS)
    for cost in costs:
        assert 0 < cost.hand_over_us < cost.latency_ms[0] * 1e3
        assert cost.encode_us > 0
        assert 0 < cost.latency_ms[0] <= cost.latency_ms[1]
    sizes = [cost.bytes for cost in costs]
    assert all(500 < size < 6000 for size in sizes[:4]) and sizes[4] == pytest.approx(
        sizes[3] + 16 + 12 * 16_434, abs=0
    )


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "stream", "--repeats", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(KINDS)
    assert cli.main(["bench", "stream", "--repeats", "0"]) == 2
    assert "1 repeat or more" in capsys.readouterr().err
