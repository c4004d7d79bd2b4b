"""How samples are judged: figures of sets made by hand, and the report on tiny models."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_models import HEADS, write_tiny_model

from dphm_core.cli import main
from dphm_core.errors import SettingError
from dphm_core.evaluation.plausibility import (
    CodeSets,
    code_distances,
    compare_sets,
    sample_quality,
    vertex_distances,
)
from dphm_core.generation.options import SamplerConfig

pytestmark = pytest.mark.usefixtures("one_thread")
FEW_STEPS = SamplerConfig(steps=2)


def figures(some: list[float], held_out: list[float]) -> dict[str, float]:
    """Of numbers on a line."""
    first, second = (np.array(values, np.float32)[:, None] for values in (some, held_out))
    return compare_sets(code_distances(first, second), code_distances(first, first), code_distances(second, second))


class TestSets:
    def test_each_beside_its_own(self) -> None:
        found = figures([0.1, 10.1, 20.1], [0, 10, 20])
        assert found["coverage"] == 1
        assert found["matching"] == pytest.approx(0.1, abs=1e-5)
        assert found["told_apart"] == 0, "every nearest neighbour is of the other set"
        assert found["spread"] == pytest.approx(40 / 3, abs=1e-4)

    def test_all_alike(self) -> None:
        """Samples that collapsed cover one head, however well they hit it."""
        found = figures([10, 10, 10], [0, 10, 20])
        assert found["coverage"] == pytest.approx(1 / 3)
        assert found["matching"] == pytest.approx(20 / 3)
        assert found["spread"] == 0

    def test_far_away(self) -> None:
        found = figures([100, 101, 102], [0, 1, 2])
        assert found["told_apart"] == 1
        assert found["coverage"] == pytest.approx(1 / 3)
        assert found["matching"] == pytest.approx(99)

    def test_vertex_distance_is_a_mean_of_lengths(self) -> None:
        some, others = np.zeros((1, 2, 3), np.float32), np.zeros((3, 2, 3), np.float32)
        others[1, 0] = (3, 4, 0)
        others[2] = 1
        np.testing.assert_allclose(vertex_distances(some, others), [[0, 2.5, 3**0.5]], rtol=1e-6)

    def test_floors_break_what_belongs_together(self) -> None:
        line = np.linspace(0, 1, 50, dtype=np.float32)
        codes = np.stack([line, line], axis=1)
        named = CodeSets(codes, codes, codes).named()
        assert np.array_equal(named["samples"], codes) and np.array_equal(named["fresh"], codes)
        assert np.array_equal(np.sort(named["shuffled"], axis=0), codes)
        for floor in ("shuffled", "uniform"):
            assert abs(np.corrcoef(named[floor].T)[0, 1]) < 0.5
            assert named[floor].min() >= 0 and named[floor].max() <= 1


class TestModels:
    def test_with_a_template(self, tmp_path: Path) -> None:
        quality = sample_quality(write_tiny_model(tmp_path / "m", template=True, priors=True), 12, FEW_STEPS)
        assert set(quality) == {"identity", "expression"}
        for part, own in (("identity", {"off_space"}), ("expression", {"entries_inside", "codes_inside"})):
            assert set(quality[part]) == {"held_out", "samples", "fresh", "shuffled", "uniform"}
            assert set(quality[part]["samples"]) == {"coverage", "matching_mm", "told_apart", "spread_mm"} | own
        identities, expressions = quality["identity"], quality["expression"]
        assert identities["fresh"]["off_space"] < 1e-3 < 0.3 < identities["shuffled"]["off_space"]
        assert expressions["samples"]["codes_inside"] == 1
        assert expressions["fresh"]["spread_mm"] == pytest.approx(expressions["held_out"]["spread_mm"], rel=0.5)
        assert expressions["fresh"]["matching_mm"] < expressions["uniform"]["matching_mm"]

    def test_without_one_the_codebook_is_the_reference(self, tmp_path: Path) -> None:
        quality = sample_quality(write_tiny_model(tmp_path / "m", priors=True), 200, FEW_STEPS)
        samples = quality["identity"]["samples"]
        assert set(samples) == {"coverage", "matching_code", "told_apart", "spread_code", "off_space"}
        shares = [samples["coverage"] * (HEADS // 2), samples["told_apart"] * (HEADS // 2) * 2]
        np.testing.assert_allclose(shares, np.round(shares), atol=1e-6)

    def test_too_few(self, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match="too few"):
            sample_quality(write_tiny_model(tmp_path / "m", template=True, priors=True), 2, FEW_STEPS)


class TestReport:
    def test_samples_alone(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = write_tiny_model(tmp_path / "m", template=True, priors=True)
        words = ["--model", str(folder), "--samples", "6", "--out", str(tmp_path / "out")]
        assert main(["train", "report", *words]) == 0
        assert "samples identity samples coverage" in capsys.readouterr().out
        report = json.loads((tmp_path / "out" / "errors.json").read_text())
        assert set(report) == {"samples"} and set(report["samples"]) == {"identity", "expression"}
        sheet = cv2.imread(str(tmp_path / "out" / "samples.png"))
        assert sheet.shape[1] == 3 * sheet.shape[0], "two rows of six"

    def test_nothing_to_measure(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = write_tiny_model(tmp_path / "m", template=True)
        assert main(["train", "report", "--model", str(folder), "--out", str(tmp_path / "out")]) == 2
        assert "no priors" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
