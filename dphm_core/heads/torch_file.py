"""Torch checkpoints: written whole; read, whatever their origin, as weights only, complaints naming key and file."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in, make_folder, write_atomically

MAX_FILE_BYTES = 4_000_000_000
MAX_SIZE = 4096
"""Largest plausible width of a layer or length of a code."""


def latest_checkpoint(folder: Path, pattern: str) -> Path:
    """File of the highest number in `folder`; `pattern` has one `*`, which stands for the number.

    Raises
    ------
    CheckpointError
        There is none.
    """
    matcher = re.compile(re.escape(pattern).replace(r"\*", r"(\d{1,15})"))
    numbered = {int(m[1]): path for path in folder.glob(pattern) if (m := matcher.fullmatch(path.name))}
    if not numbered:
        raise CheckpointError(f"no {pattern.replace('*', 'N')} in {folder}; give the folder that holds 'checkpoints'.")
    return numbered[max(numbered)]


def write_torch_file(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all; makes its folder where that is missing.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    buffer = io.BytesIO()  # torch's own writing to a full disk ends in an error of its own kind
    torch.save(content, buffer)
    make_folder(path.parent)
    write_atomically(path, buffer.getvalue())


def read_torch_file(path: Path) -> dict[str, Any]:
    """Content of a checkpoint; code in it is never run.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, of another kind, or holds more than weights.
    """
    try:
        size = bytes_in(path)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = max(size, sum(entry.file_size for entry in archive.infolist()))
    except (OSError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if size > MAX_FILE_BYTES:
        raise CheckpointError(f"{path} is larger than any head model's checkpoint; is it the right file?")
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd pickles, which are read or refused all the same
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the unpickler raise almost anything
        raise CheckpointError(f"{path} is not a torch checkpoint of plain weights: {_reason(error)}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not the parts of a checkpoint.")
    return content


def _reason(error: Exception) -> str:
    """One line; torch's own message advises to run the code."""
    code = re.search(r"(?:GLOBAL|callable|class|function) ([\w.]+\.[\w.]+)", str(error))
    if code:
        return f"it holds {code[1]}, and nothing but tensors is loaded, since a pickle can run code"
    return f"it is damaged or of another kind ({type(error).__name__})"


class TensorTable:
    """The tensors of one part of a checkpoint, taken out by name and expected shape."""

    def __init__(self, path: Path, content: dict[str, Any], part: str) -> None:
        tensors = content.get(part)
        if not isinstance(tensors, dict):
            raise CheckpointError(f"{path} has no part '{part}'; is it the right kind of checkpoint?")
        self._path, self._part = path, part
        self._tensors: dict[str, Any] = {str(name): value for name, value in tensors.items()}
        self._taken: set[str] = set()

    def names(self, prefix: str = "") -> list[str]:
        """Names that begin with `prefix`."""
        return [name for name in self._tensors if name.startswith(prefix)]

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        """Shape of a tensor of so many dimensions."""
        shape = tuple(self._tensor(name).shape)
        if len(shape) != dimensions or not all(0 < size <= MAX_SIZE for size in shape):
            raise self.complaint(name, f"has the implausible shape {shape}")
        return shape

    def rows(self, name: str) -> int:
        """Number of codes in a codebook (n, D)."""
        return self._matrix(name)[0]

    def width(self, name: str) -> int:
        """Length D of the codes in a codebook (n, D)."""
        width = self._matrix(name)[1]
        if not 0 < width <= MAX_SIZE:
            raise self.complaint(name, f"holds codes of the implausible length {width}")
        return width

    def _matrix(self, name: str) -> tuple[int, int]:
        shape = tuple(self._tensor(name).shape)
        if len(shape) != 2 or not shape[0]:
            raise self.complaint(name, f"is of shape {shape}, which is no codebook")
        return shape[0], shape[1]

    def count(self, prefix: str) -> int:
        """One more than the highest number that follows `prefix` in a name; 0 where there is none."""
        matches = [re.match(r"\d{1,4}", name.removeprefix(prefix)) for name in self.names(prefix)]
        return max((int(match[0]) + 1 for match in matches if match), default=0)

    def take(self, name: str, shape: Iterable[int]) -> torch.Tensor:
        """A tensor as float32, of exactly this shape."""
        tensor = self._tensor(name)
        if tuple(tensor.shape) != tuple(shape):
            raise self.complaint(name, f"is of shape {tuple(tensor.shape)}, not {tuple(shape)}")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise self.complaint(name, "repeats its storage; it was not saved by training")
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise self.complaint(name, "does not hold finite numbers")
        self._taken.add(name)
        return tensor.detach().float().contiguous()

    def left_over(self) -> list[str]:
        """Names that nothing was taken of."""
        return [name for name in self._tensors if name not in self._taken]

    def complaint(self, name: str, wrong: str) -> CheckpointError:
        """An error to raise about one tensor."""
        return CheckpointError(f"'{self._part}.{name}' {wrong} (in {self._path}).")

    def _tensor(self, name: str) -> torch.Tensor:
        tensor = self._tensors.get(name)
        if tensor is None:
            raise self.complaint(name, "is missing")
        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise self.complaint(name, "is not a plain tensor")
        return tensor
