"""Generated heads: their codes from a request, and the folder that shows them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dphm_core.files import make_folder
from dphm_core.frames import UNITS_PER_METRE, FloatArray
from dphm_core.generation.choose import SAMPLE, CodeChooser
from dphm_core.generation.interpolate import passage
from dphm_core.generation.meshes import HeadMeshes, Mesh
from dphm_core.generation.options import HeadRequest, SamplerConfig, Surface
from dphm_core.heads.model import HeadModel
from dphm_core.meshing.picture import (
    FACE_FRAMING,
    Image,
    contact_sheet,
    encode_picture,
    shaded_picture,
    write_picture,
)
from dphm_core.meshing.writers import mesh_encoder, write_mesh
from dphm_core.output.folder import CODES_FILE, CONTACT_SHEET, MESH_FOLDER, OutputFolder

PICTURE_SIZE, PICTURE_YAW_DEG = 288, 22.0
COLUMNS = 6
MOST_SHOWN = 36
"""Heads on a contact sheet; of more, so many at equal distances."""


@dataclass(frozen=True)
class GeneratedHeads:
    """Codes of heads, one row each."""

    identities: FloatArray
    """(n, D) float32."""
    expressions: FloatArray
    """(n, E) float32."""

    def __len__(self) -> int:
        return len(self.identities)


def generate(chooser: CodeChooser, request: HeadRequest) -> GeneratedHeads:
    """Codes of the heads that are asked for, of the chooser's model.

    Raises
    ------
    CheckpointError
        The model has no prior or codebook that the request needs.
    DataError, SettingError
        A code that the request names is not there.
    """
    if request.between is None:
        identity, expression = request.identity or SAMPLE, request.expression or SAMPLE
        count = request.count
        return GeneratedHeads(
            chooser.codes("identity", identity, count), chooser.codes("expression", expression, count)
        )
    part, *ends = request.between
    codes = passage(chooser, part, ends, request.count, request.blend)
    if part == "identity":
        return GeneratedHeads(codes, _still(chooser.codes("expression", request.expression or "neutral", 1), codes))
    return GeneratedHeads(_still(chooser.codes("identity", request.identity or "mean", 1), codes), codes)


def _still(code: FloatArray, others: FloatArray) -> FloatArray:
    return np.repeat(code, len(others), axis=0)


def write_heads(
    heads: GeneratedHeads,
    model: HeadModel,
    out: OutputFolder,
    extension: str = ".ply",
    surface: Surface = "auto",
    on_head: Callable[[], None] = lambda: None,
) -> None:
    """Write heads to a folder: `meshes/00000.ply` …, `codes.npz` and `contact_sheet.png`.

    Meshes are in metres, head axes (x to the subject's left, y up, z out of the face). `codes.npz` holds
    `identity_codes` (n, D), `expression_codes` (n, E) and `expression_names`; of a model with a template also the
    `identity_coefficients` (n, M) of its meshes. `on_head` is called after each.
    """
    meshes = HeadMeshes(model, surface)
    shown = set(np.linspace(0, len(heads) - 1, min(len(heads), MOST_SHOWN)).round().astype(int).tolist())
    pictures: dict[int, Image] = {}
    for index in range(len(heads)):
        vertices, faces = meshes.mesh(heads.identities[index], heads.expressions[index])
        content = mesh_encoder(extension, faces)(vertices / np.float32(UNITS_PER_METRE))
        out.write(f"{MESH_FOLDER}/{index:05d}{extension}", content)
        if index in shown:
            pictures[index] = head_picture((vertices, faces))
        on_head()
    out.write(CODES_FILE, _codes_file(heads, model))
    sheet = contact_sheet([*pictures.values()], min(COLUMNS, len(pictures)), [str(index) for index in pictures])
    out.write(CONTACT_SHEET, encode_picture(sheet, ".png"))


def decode(model: HeadModel, heads: GeneratedHeads, path: Path, surface: Surface = "auto") -> Path:
    """Write the first of `heads` as a mesh, in the format of the file's extension, and a picture beside it.

    Units and axes are those of `write_heads`. Returns the picture's path.
    """
    vertices, faces = HeadMeshes(model, surface).mesh(heads.identities[0], heads.expressions[0])
    mesh_encoder(path.suffix, faces)  # refuses an unknown extension before anything is made
    make_folder(path.parent)
    write_mesh(path, vertices / np.float32(UNITS_PER_METRE), faces)
    picture = path.with_suffix(".png")
    views = [head_picture((vertices, faces), 2 * PICTURE_SIZE, yaw) for yaw in (0.0, 2 * PICTURE_YAW_DEG)]
    write_picture(picture, contact_sheet(views, len(views)))
    return picture


def head_picture(mesh: Mesh, size: int = PICTURE_SIZE, yaw_deg: float = PICTURE_YAW_DEG) -> Image:
    """Picture of a head, always at the same scale."""
    return shaded_picture(*mesh, size, yaw_deg, FACE_FRAMING)


def sampled_heads(name: str | Path, count: int, config: SamplerConfig) -> GeneratedHeads:
    """Heads with sampled identities and expressions of a model, by its name or folder."""
    return generate(CodeChooser(name, config), HeadRequest(count))


def _codes_file(heads: GeneratedHeads, model: HeadModel) -> bytes:
    arrays = {"identity_codes": heads.identities, "expression_codes": heads.expressions}
    if model.template is not None:
        arrays["identity_coefficients"] = model.coefficients(heads.identities)
    buffer = io.BytesIO()
    np.savez(buffer, expression_names=np.array(model.expression_names, dtype=str), **arrays)
    return buffer.getvalue()
