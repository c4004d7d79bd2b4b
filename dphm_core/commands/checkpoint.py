"""Commands that take head models over from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dphm_core.commands.base import OK, Command, Say


@dataclass(frozen=True, kw_only=True)
class ImportCheckpoint(Command):
    """Turn an official DPHM checkpoint set into a model folder that `dphm track --model` takes."""

    checkpoint: Annotated[Positional[Path], arg(metavar="CHECKPOINT")]
    """Folder with configs.yaml and checkpoints/checkpoint_epoch_N.tar."""
    anchors: Path
    """File of the mean anchors, anchors_39.npy."""
    out: Path
    """Folder of the model; new or empty."""
    identity_diffusion: Path | None = None
    """Folder of the identity codes' diffusion, with checkpoints/model-N.pt."""
    expression_diffusion: Path | None = None
    """Folder of the expression codes' diffusion, with checkpoints/model-N.pt."""

    def run(self, say: Say) -> int:
        """Write the model and tell its sizes."""
        from dphm_core.heads.official import import_official

        model = import_official(
            self.checkpoint, self.anchors, self.identity_diffusion, self.expression_diffusion, out=self.out
        )
        sizes = model.config
        say(f"{'identity':14}codes of {sizes.identity_dim} numbers in {model.identity_basis.shape[1]} directions")
        say(f"{'expression':14}codes of {sizes.expression_dim} numbers, {sizes.hyper_dim} hyper coordinates")
        say(f"{'model':14}{self.out}")
        return OK
