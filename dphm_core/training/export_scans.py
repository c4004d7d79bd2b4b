"""Puts a model together from a training on scans: fields, the space its identities span, and its codebook."""

from __future__ import annotations

import logging
from pathlib import Path

from torch import nn

from dphm_core.diffusion.prior_file import PRIOR_FILES
from dphm_core.errors import DataError
from dphm_core.heads.codebook import Codebook, save_codebook
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import HeadModel, save_model
from dphm_core.heads.official_head import principal_components
from dphm_core.heads.torch_file import TensorTable
from dphm_core.training.scan_checkpoint import CHECKPOINT, read_trained, rows_of

log = logging.getLogger(__name__)

IDENTITIES, EXPRESSIONS = "identity_codes.weight", "expression_codes.weight"


def is_scan_training(folder: Path) -> bool:
    """Whether a training's folder is one of training on scans."""
    return (folder / CHECKPOINT).is_file()


def export_scan_model(training_folder: Path, model_folder: Path) -> HeadModel:
    """Write the model of a training on scans; returns it.

    Raises
    ------
    CheckpointError
        The checkpoint is damaged or of another kind.
    DataError
        There were not two subjects, which span a space of identities.
    """
    path = training_folder / CHECKPOINT
    content = read_trained(path)
    head, table = content.head, content.heads
    identity_field = IdentityField(head, table.take("identity_field.mean_anchors", (head.anchors, 3)))
    expression_field = ExpressionField(head)
    _fill(identity_field, table, "identity_field.")
    _fill(expression_field, table, "expression_field.")
    identities = table.take(IDENTITIES, (table.rows(IDENTITIES), head.identity_dim))
    expressions = table.take(EXPRESSIONS, (table.rows(EXPRESSIONS), head.expression_dim))
    mean, basis = principal_components(identities)
    if not basis.size:
        raise DataError(f"{path} is of one subject, which spans no space of heads; train on two or more.")
    model = HeadModel(head, identity_field, expression_field, mean, basis, (), None)
    save_model(model, model_folder)
    # Of scans that were held out there is only what chance gave them.
    codebook = Codebook(identities.numpy(), rows_of(expressions, content.trained).numpy())
    save_codebook(codebook, model_folder)
    for prior in PRIOR_FILES.values():
        if (model_folder / prior).exists():
            log.warning("%s was trained on the codes that were there before: train it again", model_folder / prior)
    return model


def _fill(field: nn.Module, table: TensorTable, prefix: str) -> None:
    shapes = {name: value.shape for name, value in field.state_dict().items()}
    field.load_state_dict({name: table.take(prefix + name, shape) for name, shape in shapes.items()})
    field.requires_grad_(False).eval()
