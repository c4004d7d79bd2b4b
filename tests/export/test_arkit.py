"""The table from the generator's shapes to ARKit's 52: whole, of the right sides, and true to what the model does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dphm_core.errors import SettingError
from dphm_core.export.arkit import ARKIT, ARKIT_NAMES, NOT_PASSED_ON, ArkitTable, Relation
from dphm_core.files import read_npz
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.landmarks import BLENDSHAPE_NAMES


@pytest.fixture(scope="module")
def default() -> HeadModel:
    return load_model("default")


def test_every_name_of_arkit_is_there_once() -> None:
    """MediaPipe's detector has the same names, but for the tongue, and beside a neutral face."""
    assert len(ARKIT_NAMES) == len(set(ARKIT_NAMES)) == 52
    assert set(ARKIT_NAMES) == set(BLENDSHAPE_NAMES) - {"_neutral"} | {"tongueOut"}


def test_how_the_shapes_come_about() -> None:
    assert Counter(shape.relation for shape in ARKIT) == {
        Relation.SAME: 41, Relation.MERGED: 2, Relation.UNSEEN: 8, Relation.MISSING: 1,
    }  # fmt: skip
    counts = {Relation.SAME: 1, Relation.MERGED: 2, Relation.UNSEEN: 0, Relation.MISSING: 0}
    assert all(len(shape.sources) == counts[shape.relation] for shape in ARKIT)
    assert {shape.name for shape in ARKIT if shape.relation is Relation.MISSING} == {"tongueOut"}
    assert all(shape.name.startswith("eyeLook") for shape in ARKIT if shape.relation is Relation.UNSEEN)


def test_no_shape_of_the_model_is_forgotten_or_used_twice(default: HeadModel) -> None:
    used = [source for shape in ARKIT for source in shape.sources]
    assert len(used) == len(set(used))
    assert set(used).isdisjoint(NOT_PASSED_ON)
    assert set(default.expression_names) <= {*used, *NOT_PASSED_ON}
    assert set(used) <= set(default.expression_names)


def test_no_shape_of_the_generator_is_forgotten(shared_data: Path) -> None:
    found = list(shared_data.rglob("ict_facekit.npz"))
    if not found:
        pytest.skip("the generator is not there")
    names = {str(name) for name in read_npz(found[0], 1 << 30, ("expression_names",))["expression_names"]}
    assert len(names) == 57
    assert names == {source for shape in ARKIT for source in shape.sources} | set(NOT_PASSED_ON)


def test_left_is_the_subjects_left(default: HeadModel) -> None:
    """What the model's own template does: shapes of the left move its left (x > 0) most, and jawLeft goes there."""
    assert default.template is not None
    mean = default.template.posed(default.template.mean, np.zeros(53, np.float32))
    for shape in ARKIT:
        for side, sign in (("Left", 1), ("Right", -1)):
            if not shape.sources or not shape.name.endswith(side):
                continue
            code = np.zeros(53, np.float32)
            code[default.expression_names.index(shape.sources[0])] = 1
            moved = default.template.posed(default.template.mean, code) - mean
            if shape.name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
                assert sign * moved[:, 0].sum() > 0, shape.name
            else:
                strength = np.linalg.norm(moved, axis=1)
                assert sign * float((strength * mean[:, 0]).sum() / strength.sum()) > 0.01, shape.name


def test_weights_by_name(default: HeadModel) -> None:
    names = default.expression_names
    code = np.zeros((3, len(names)), np.float32)
    code[0, names.index("jawOpen")] = 0.4
    code[0, names.index("browInnerUp_L")] = 1.0
    code[0, names.index("eyeLookUp_L")] = 0.9
    code[1] = 1.0
    code[2] = np.nan
    weights = ArkitTable.of(names).weights(code)
    first = dict(zip(ARKIT_NAMES, weights[0].tolist(), strict=True))
    assert {name: value for name, value in first.items() if value} == {
        "jawOpen": pytest.approx(0.4), "browInnerUp": pytest.approx(0.5),
    }  # fmt: skip
    zero = {name for name, value in zip(ARKIT_NAMES, weights[1], strict=True) if value == 0}
    assert zero == {shape.name for shape in ARKIT if not shape.sources}
    assert (weights[1][weights[1] > 0] == 1).all()
    assert np.isnan(weights[2]).all()


def test_weights_stay_within_0_and_1(default: HeadModel) -> None:
    wild = np.random.default_rng(0).normal(0, 3, (20, 53)).astype(np.float32)
    weights = ArkitTable.of(default.expression_names).weights(wild)
    assert weights.min() == 0 and weights.max() == 1


@pytest.mark.parametrize("names", [(), ("expression_000", "expression_001")])
def test_a_model_without_names_has_no_blendshapes(names: tuple[str, ...]) -> None:
    with pytest.raises(SettingError, match="no named shapes"):
        ArkitTable.of(names)


def test_the_documented_table_is_the_one_that_is_used() -> None:
    text = (Path(__file__).parents[2] / "docs" / "blendshapes.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    documented = {
        tuple(name.strip("` ") for name in names.split(",")): (sources, relation)
        for names, sources, relation in (row for row in rows if len(row) == 3)
    }
    for shape in ARKIT:
        sources, relation = documented[(shape.name,)]
        assert tuple(source.strip("` ") for source in sources.split(",")) == (shape.sources or ("–",))
        assert relation.startswith(shape.relation.value)
    left_out = {
        name.strip("` "): why for names, why in (row for row in rows if len(row) == 2) for name in names.split(",")
    }
    assert left_out == NOT_PASSED_ON
