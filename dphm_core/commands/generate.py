"""Commands that make heads of codes: samples of the priors, training codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import OmitArgPrefixes

from dphm_core.commands.base import OK, Command, Say, progress_bar
from dphm_core.generation.options import HeadRequest, SamplerConfig, Surface


@dataclass(frozen=True, kw_only=True)
class Sample(Command):
    """Draw heads from a model's latent priors: meshes, their codes, and a picture of them.

    Identity and expression are drawn together, or one of them is fixed. --between passes from one code to another.
    """

    out: Path
    """Folder for meshes/, codes.npz and contact_sheet.png."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    surface: Surface = "auto"
    """Meshes of the model's template (auto, where it has one), or of its fields by marching cubes."""
    format: Literal["ply", "obj"] = "ply"
    """Format of the meshes, which are in metres."""
    overwrite: bool = False
    """Replace the results of an earlier run in the output folder."""
    request: OmitArgPrefixes[HeadRequest] = field(default_factory=HeadRequest)
    sampling: OmitArgPrefixes[SamplerConfig] = field(default_factory=SamplerConfig)

    def run(self, say: Say) -> int:
        """Draw, with a progress bar over the meshes."""
        from dphm_core.generation.choose import CodeChooser
        from dphm_core.generation.heads import generate, write_heads
        from dphm_core.generation.meshes import HeadMeshes
        from dphm_core.heads.numerics import prepare_thread
        from dphm_core.output.folder import OutputFolder

        prepare_thread(1)
        chooser, out = CodeChooser(self.model, self.sampling), OutputFolder(self.out, self.overwrite)
        HeadMeshes(chooser.model, self.surface)  # refuses an impossible surface before the samples are drawn
        heads = generate(chooser, self.request)
        with out, progress_bar("heads", len(heads)) as bar:

            def on_head() -> None:
                bar.update()

            write_heads(heads, chooser.model, out, f".{self.format}", self.surface, on_head)
        say(f"{'heads':14}{len(heads)}")
        say(f"{'results':14}{self.out}")
        return OK


@dataclass(frozen=True, kw_only=True)
class Decode(Command):
    """Show a code that a model was trained with, as a mesh and a picture beside it."""

    out: Path
    """The mesh's file, .ply or .obj; the picture gets the same name with .png."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    identity: str = "mean"
    """Row of the codebook, "mean", "sample:K", or a file with codes."""
    expression: str = "neutral"
    """Row of the codebook, "neutral", "sample:K", or a file with codes."""
    surface: Surface = "auto"
    """The mesh of the model's template (auto, where it has one), or of its fields by marching cubes."""
    sampling: OmitArgPrefixes[SamplerConfig] = field(default_factory=SamplerConfig)

    def run(self, say: Say) -> int:
        """Write both files."""
        from dphm_core.generation.choose import CodeChooser
        from dphm_core.generation.heads import decode, generate
        from dphm_core.heads.numerics import prepare_thread

        prepare_thread(1)
        chooser = CodeChooser(self.model, self.sampling)
        heads = generate(chooser, HeadRequest(1, self.identity, self.expression))
        picture = decode(chooser.model, heads, self.out, self.surface)
        say(f"{'mesh':14}{self.out}")
        say(f"{'picture':14}{picture}")
        return OK
