"""The head model of an official checkpoint: sizes, both fields, and the space that its identities span."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in
from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import HeadModel
from dphm_core.heads.settings_file import Settings, read_settings
from dphm_core.heads.torch_file import TensorTable, latest_checkpoint, read_torch_file

logger = logging.getLogger(__name__)

PARTS = ("id_decoder", "ex_decoder", "latent_codes")
IDENTITY_CODES = "codebook.geo.embedding.weight"
EXPRESSION_CODES = "codebook.exp.embedding.weight"
ENSEMBLE = "deepSDFensemble.layers."
DEFORMATION = "defDeepSDF.lin"
COMPRESSOR = "compressor."
ANCHOR_MLP = "mlp_pos."
MAX_ANCHOR_BYTES = 1_000_000
NEGLIGIBLE_VARIATION = 1e-5
"""Principal components that vary by less than this part of the largest are rounding."""


def read_anchors(path: Path) -> Tensor:
    """Mean anchors (39, 3) of a `.npy` file.

    Raises
    ------
    CheckpointError
        The file is missing or holds something else.
    """
    try:
        if bytes_in(path) > MAX_ANCHOR_BYTES:
            raise ValueError("it is too large")
        # Mapped, so that a false header cannot make numpy allocate what the file does not hold.
        values = np.lib.format.open_memmap(path, mode="r")  # type: ignore[no-untyped-call]
        if values.ndim != 2 or values.shape[1] != 3 or values.dtype.kind != "f":
            raise ValueError("it is not an array of shape (39, 3)")
        if not np.isfinite(values).all():
            raise ValueError("its numbers are not finite")
    except OSError as error:
        reason = error.strerror or error
        raise CheckpointError(f"{path} cannot be read: {reason}; give the original's anchors_39.npy") from error
    except (ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} does not hold mean anchors: {reason}; give anchors_39.npy") from error
    return torch.from_numpy(np.array(values, dtype=np.float32))


def read_head(folder: Path, anchors: Tensor) -> tuple[HeadModel, tuple[Tensor, Tensor]]:
    """Read `configs.yaml` and the checkpoint of the last epoch; `anchors` (39, 3) are the mean ones.

    Returns
    -------
    model : HeadModel
        Its identities are spanned by the principal components of the training identities' codes.
    codes : ((n, D), (m, E))
        Codes of the training identities and expressions.

    Raises
    ------
    CheckpointError
        A file is missing, is of another kind, or does not fit the others.
    """
    settings = read_settings(folder / "configs.yaml")
    path = latest_checkpoint(folder / "checkpoints", "checkpoint_epoch_*.tar")
    content = read_torch_file(path)
    identity, expression, codes = (TensorTable(path, content, part) for part in PARTS)
    config = _head_config(settings, identity, expression, codes, len(anchors))
    identities = codes.take(IDENTITY_CODES, (codes.rows(IDENTITY_CODES), config.identity_dim))
    expressions = codes.take(EXPRESSION_CODES, (codes.rows(EXPRESSION_CODES), config.expression_dim))
    mean, basis = principal_components(identities)
    if not basis.size:
        raise codes.complaint(IDENTITY_CODES, "does not hold two different identities, which span a space of them")
    identity_field = _identity_field(config, anchors, identity)
    expression_field = _expression_field(config, expression)
    _refuse_other_architecture(identity, expression)
    return HeadModel(config, identity_field, expression_field, mean, basis, (), None), (identities, expressions)


def _head_config(
    settings: Settings, identity: TensorTable, expression: TensorTable, codes: TensorTable, anchors: int
) -> HeadConfig:
    """Sizes from the weights, held against the settings; the settings alone tell how neighbours are blended."""
    settings.require("decoder.ex.mode", "compress")
    pairs, neighbours = _anchor_structure(settings, identity, anchors)
    # Between two of the ensemble's linear layers lies a number for the activation.
    identity_layers = _layers(settings, "decoder.id.gnn.nlayers_geo", identity.count(ENSEMBLE + "0.layers.") // 2)
    expression_layers = _layers(settings, "decoder.ex.nlayers", expression.count(DEFORMATION) - 1)
    global_dim = identity.shape(ANCHOR_MLP + "0.weight", 2)[1]
    local_dim, rest = divmod(codes.width(IDENTITY_CODES) - global_dim, anchors + 1)
    if rest or local_dim < 1:
        raise codes.complaint(IDENTITY_CODES, f"does not divide into {global_dim} global and {anchors} + 1 local parts")
    config = HeadConfig(
        anchors=anchors,
        symmetric_pairs=pairs,
        neighbours=neighbours,
        blend_std=settings.positive("decoder.id.blend_std") or HeadConfig.blend_std,
        global_dim=global_dim,
        local_dim=local_dim,
        identity_width=identity.shape(ENSEMBLE + "0.layers.0.weight", 2)[0],
        identity_layers=identity_layers,
        expression_dim=codes.width(EXPRESSION_CODES),
        condition_dim=expression.shape(COMPRESSOR + "0.weight", 2)[0],
        expression_width=expression.shape(DEFORMATION + "0.weight", 2)[0],
        expression_layers=expression_layers,
        hyper_dim=_hyper_dim(expression, f"{DEFORMATION}{expression_layers}.weight"),
    )
    _check_settings(settings, config)
    return config


def _anchor_structure(settings: Settings, identity: TensorTable, anchors: int) -> tuple[int, int]:
    """Numbers of symmetric pairs and of neighbours."""
    settings.agree("decoder.id.nloc", anchors)
    pairs = settings.count("decoder.id.nsymm_pairs", 0)
    if pairs is None:
        pairs = anchors + 1 - identity.count(ENSEMBLE)
    neighbours = settings.count("decoder.id.nneigh") or HeadConfig.neighbours
    if not 0 <= 2 * pairs <= anchors or neighbours > anchors:
        raise CheckpointError(
            f"{settings.path}: {pairs} symmetric pairs and {neighbours} neighbours do not fit {anchors} anchors."
        )
    return pairs, neighbours


def _layers(settings: Settings, name: str, found: int) -> int:
    """Number of hidden layers; the settings win where they tell more, so that the missing weight will be named."""
    told = settings.count(name)
    if told is not None and told > found:
        return told
    settings.agree(name, found)
    return max(1, found)


def _hyper_dim(expression: TensorTable, last: str) -> int:
    outputs = expression.shape(last, 2)[0]
    if outputs < 3:
        raise expression.complaint(last, f"has {outputs} outputs; an offset needs three")
    return outputs - 3


def _check_settings(settings: Settings, config: HeadConfig) -> None:
    """Hold the settings' sizes against those of the weights. `decoder.ex.nhyper` counts for nothing."""
    settings.agree("decoder.n_hyper", config.hyper_dim)
    settings.agree("decoder.id.lat_dim_glob", config.global_dim)
    settings.agree("decoder.id.lat_dim_loc_geo", config.local_dim)
    settings.agree("decoder.id.gnn.hidden_dim_geo", config.identity_width)
    settings.agree("decoder.ex.lat_dim_ex", config.expression_dim)
    settings.agree("decoder.ex.lat_dim_id", config.condition_dim)
    settings.agree("decoder.ex.hidden_dim", config.expression_width)


def _identity_field(config: HeadConfig, anchors: Tensor, table: TensorTable) -> IdentityField:
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in IdentityField(config, anchors).state_dict().items()}
    state: dict[str, Tensor] = {"mean_anchors": anchors}
    for name, shape in shapes.items():
        kind, _, layer = name.partition(".")
        if kind in ("weights", "biases"):
            official = f"layers.{2 * int(layer)}.{'weight' if kind == 'weights' else 'bias'}"
            experts = [table.take(f"{ENSEMBLE}{k}.{official}", shape[1:]) for k in range(config.expert_count)]
            state[name] = torch.stack(experts)
        elif kind == "anchor_mlp":
            state[name] = table.take(name.replace("anchor_mlp.", ANCHOR_MLP), shape)
    field = IdentityField(config, anchors)
    field.load_state_dict(state)
    return field


def _expression_field(config: HeadConfig, table: TensorTable) -> ExpressionField:
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in ExpressionField(config).state_dict().items()}
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        official = name.replace("compressor.", COMPRESSOR + "0.").replace("layers.", DEFORMATION)
        state[name] = table.take(official, shape)
    field = ExpressionField(config)
    field.load_state_dict(state)
    return field


def _refuse_other_architecture(*tables: TensorTable) -> None:
    """Weights that were not used mean another network, if they lie within the ones that are known."""
    for table in tables:
        for name in table.left_over():
            if name.startswith((ENSEMBLE, DEFORMATION, ANCHOR_MLP, COMPRESSOR)):
                raise table.complaint(name, "belongs to another architecture than the settings tell")
            logger.warning("'%s' of the checkpoint is not used", name)


def principal_components(codes: Tensor) -> tuple[FloatArray, FloatArray]:
    """Mean (D,) and basis (D, M) of codes (n, D): coefficients of the basis vary with unit variance over them."""
    values = codes.double().numpy()
    mean = values.mean(axis=0)
    deviation = (values - mean) / np.sqrt(max(1, len(values) - 1))
    _, singular, directions = np.linalg.svd(deviation, full_matrices=False)
    kept = singular > NEGLIGIBLE_VARIATION * max(singular[0], np.finfo(np.float32).tiny)
    basis = directions[kept].T * singular[kept]
    return mean.astype(np.float32), np.ascontiguousarray(basis, dtype=np.float32)
