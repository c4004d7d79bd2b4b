"""What a training folder says of the model that it becomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dphm_core.errors import CheckpointError, DataError, SettingError
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.training.config import TrainingConfig
from dphm_core.training.default_model import DEFAULT_CONFIG, train_field
from dphm_core.training.export import trained_config
from dphm_core.training.progress import Progress
from dphm_core.training.trainer import save_checkpoint


def test_the_widths_are_those_that_were_trained(tmp_path: Path) -> None:
    config = replace(DEFAULT_CONFIG, identity_width=20, expression_width=40)
    fields = {"identity": IdentityField(config, torch.zeros(39, 3)), "expression": ExpressionField(config)}
    for name, field in fields.items():
        with pytest.raises(DataError, match=f"train heads generator {name}|train heads generator expression"):
            trained_config(tmp_path)
        save_checkpoint(tmp_path / f"{name}.pt", field, torch.optim.AdamW(field.parameters()), Progress(), {})
    assert trained_config(tmp_path) == config
    torch.save({"field": {}}, tmp_path / "identity.pt")
    with pytest.raises(CheckpointError, match=r"field\.biases\.0.*is missing"):
        trained_config(tmp_path)


@pytest.mark.parametrize("width", [0, -3, 10**9])
def test_impossible_widths_are_refused_before_anything_is_read(width: int, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=str(width)):
        train_field("identity", tmp_path / "nowhere", tmp_path, TrainingConfig(), width)
