"""Puts trained fields, the code's basis and the template mesh together into the default model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.heads.codebook import save_codebook
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.model import HeadModel, save_model
from dphm_core.heads.template import Template
from dphm_core.heads.torch_file import TensorTable, read_torch_file
from dphm_core.training.binding import bind
from dphm_core.training.codes import pool_codebook
from dphm_core.training.default_model import DEFAULT_CONFIG
from dphm_core.training.ict import (
    EYEBALLS,
    FACE_VERTICES,
    MOUTH_SOCKET,
    SKIN_VERTEX_COUNT,
    HeadGenerator,
    load_generator,
    visible_faces,
)
from dphm_core.training.landmark_table import find_landmark_vertices
from dphm_core.training.objectives import ExpressionObjective, IdentityObjective
from dphm_core.training.trainer import load_checkpoint

FACE_FRONT = -0.12
"""Facial skin behind this z (head-frame units) is not compared with depth."""
FIRST_BIASES = {"expression": ("layers.0.bias", 1), "identity": ("biases.0", 2)}
"""Of each field: the name of the first layer's biases, whose last dimension is the width, and how many it has."""


def export_default_model(generator_folder: Path, training_folder: Path, model_folder: Path) -> HeadModel:
    """Write the model of a training folder, with a codebook where its pools lie there; returns the model."""
    config = trained_config(training_folder)
    generator = load_generator(generator_folder)
    binding = bind(generator, config)
    expression = ExpressionObjective(config, binding)
    identity = IdentityObjective(config, binding)
    for objective in (expression, identity):
        load_checkpoint(training_folder / f"{objective.name}.pt", objective.field)
    model = HeadModel(
        config=config,
        identity_field=identity.field,
        expression_field=expression.exported(),
        identity_mean=np.zeros(config.identity_dim, dtype=np.float32),
        identity_basis=binding.identity_basis,
        expression_names=generator.expression_names,
        template=make_template(generator),
    )
    save_model(model, model_folder)
    codebook = pool_codebook(training_folder, binding.identity_basis)
    if codebook is not None:
        save_codebook(codebook, model_folder, half=True)
    return model


def trained_config(folder: Path) -> HeadConfig:
    """The default model's sizes with the widths of the fields that were trained."""
    widths = {}
    for name, (biases, dimensions) in FIRST_BIASES.items():
        path = folder / f"{name}.pt"
        if not path.is_file():
            raise DataError(f"{path} is missing; train the field first with `dphm train heads generator {name}`.")
        widths[f"{name}_width"] = TensorTable(path, read_torch_file(path), "field").shape(biases, dimensions)[-1]
    return replace(DEFAULT_CONFIG, **widths)


def make_template(generator: HeadGenerator) -> Template:
    """Skin, mouth socket and eyeballs of the generator, with its bases."""
    kept = np.concatenate([np.arange(SKIN_VERTEX_COUNT), np.array(MOUTH_SOCKET), np.array(EYEBALLS)])
    index = np.full(len(generator.neutral), -1, dtype=np.int32)
    index[kept] = np.arange(len(kept))
    faces = index[generator.faces]
    canonical = generator.vertices(np.zeros(len(generator.identity), np.float32), generator.canonical_weights)
    landmarks = index[find_landmark_vertices(generator, np.random.default_rng(0))]
    return Template(
        mean=canonical[kept],
        identity_basis=np.ascontiguousarray(generator.identity[:, kept]),
        expression_basis=np.ascontiguousarray(generator.expression[:, kept]),
        canonical_weights=generator.canonical_weights,
        faces=np.ascontiguousarray(faces[(faces >= 0).all(axis=1)]),
        landmark_vertices=landmarks.astype(np.int32),
        tracked=_facial_skin(generator, canonical)[kept],
    )


def _facial_skin(generator: HeadGenerator, canonical: np.ndarray) -> NDArray[np.bool_]:  # type: ignore[type-arg]
    """Vertices of the face that are seen on the canonical head."""
    seen = np.zeros(len(canonical), dtype=bool)
    seen[np.unique(generator.faces[visible_faces(canonical, generator.faces)])] = True
    seen[FACE_VERTICES.stop :] = False
    return np.asarray(seen & (canonical[:, 2] > FACE_FRONT))
