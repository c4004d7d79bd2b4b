"""Rows are covered once, in order, whatever the number of workers; errors come through."""

from __future__ import annotations

import pytest

from dphm_core.camera import bands
from dphm_core.evaluation.camera_benchmark import camera_benchmark


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("rows", [(0, 0), (0, 5), (3, 64), (7, 1000)])
def test_bands_cover_all_rows_once(monkeypatch: pytest.MonkeyPatch, workers: int, rows: tuple[int, int]) -> None:
    monkeypatch.setattr(bands, "_workers", lambda: workers)
    covered = [row for band in bands.in_bands(lambda first, last: list(range(first, last)), *rows) for row in band]
    assert covered == list(range(*rows))


def test_errors_of_any_band_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "_workers", lambda: 1)

    def work(first: int, last: int) -> None:
        if first > 0:
            raise ZeroDivisionError("second band")

    with pytest.raises(ZeroDivisionError, match="second band"):
        bands.in_bands(work, 0, 100)


def test_benchmark_times_every_stage() -> None:
    timings = camera_benchmark(repeats=2)
    assert len(timings) == 2
    for stage in timings.values():
        assert 0 < stage["median_ms"] <= stage["p95_ms"] < 5000
