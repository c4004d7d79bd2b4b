"""Arrays taken out of a pickle that was read as data: numpy's, scipy's sparse ones, and chumpy's."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.dataset.flame.pickle_data import Made, Name

MAX_DIMENSIONS = 4
_MULTIARRAY = r"numpy\.(_?core\.)multiarray\."
_ARRAY = re.compile(_MULTIARRAY + "_reconstruct")
_SCALAR = re.compile(_MULTIARRAY + "scalar")
_BUFFER = re.compile(r"numpy\._?core\.numeric\._frombuffer")
_SPARSE = re.compile(r"scipy\.sparse\.(?:_?cs[cr]\.)?(cs[cr])_matrix")
_CHUMPY = re.compile(r"chumpy(?:\.\w+)*\.\w+")
_OLD_OBJECT = re.compile(r"copy_?reg\._reconstructor")
_PLAIN = frozenset(
    [
        "numpy.ndarray",
        "numpy.dtype",
        "__builtin__.object",
        "builtins.object",
        "__builtin__.set",
        "builtins.set",
        "_codecs.encode",
    ]
)
_NUMBERS = re.compile(r"[fiu][248]|[iub]1")


def allowed(name: str) -> bool:
    """Whether a pickle of arrays may name this class or function."""
    patterns = (_ARRAY, _SCALAR, _BUFFER, _SPARSE, _CHUMPY, _OLD_OBJECT)
    return name in _PLAIN or any(pattern.fullmatch(name) for pattern in patterns)


def to_array(value: Any) -> NDArray[Any]:
    """The numbers of an array, dense, which take no more room than in the file, or than a sparse one says.

    Raises
    ------
    ValueError
        It is none, is damaged, or claims a shape that it does not fill.
    """
    name = _class_of(value)
    try:
        if _ARRAY.fullmatch(name):
            _, shape, kind, columns_first, raw = value.state
            return _filled(shape, kind, raw, bool(columns_first))
        if _SCALAR.fullmatch(name):
            kind, raw = value.arguments
            return _filled((), kind, raw, columns_first=False)
        if _BUFFER.fullmatch(name):
            raw, kind, shape, order = value.arguments
            return _filled(shape, kind, raw, order == "F")
        if found := _SPARSE.fullmatch(name):
            return _dense(value.state, by_column=found[1] == "csc")
        if _CHUMPY.fullmatch(name):
            if isinstance(value.state["x"], Made) and _CHUMPY.fullmatch(_class_of(value.state["x"])):
                raise ValueError("an array within a chumpy array")
            return to_array(value.state["x"])
    except (TypeError, KeyError) as error:
        raise ValueError(f"a {name} without its numbers") from error
    raise ValueError(f"{name or type(value).__name__} in place of an array")


def objects(value: Any) -> list[Any]:
    """What an array of Python objects holds."""
    if _ARRAY.fullmatch(_class_of(value)) and isinstance(value.state, tuple) and isinstance(value.state[-1], list):
        return value.state[-1]
    raise ValueError("no array of objects")


def _class_of(value: Any) -> str:
    """Name of the class, or of the function, that makes an object."""
    if not isinstance(value, Made):
        return ""
    first = value.arguments[0] if value.arguments else None
    return first.text if _OLD_OBJECT.fullmatch(value.name) and isinstance(first, Name) else value.name


def _filled(shape: Any, kind: Any, raw: Any, columns_first: bool) -> NDArray[Any]:
    dtype = _number_type(kind)
    if isinstance(raw, Made) and raw.name == "_codecs.encode":
        raw = raw.arguments[0]
    content = raw.encode("latin-1") if isinstance(raw, str) else bytes(raw) if isinstance(raw, bytearray) else raw
    lengths = tuple(shape) if isinstance(shape, tuple) else (shape,)
    if len(lengths) > MAX_DIMENSIONS or not all(isinstance(n, int) and n >= 0 for n in lengths):
        raise ValueError("an array of an absurd shape")
    if not isinstance(content, bytes) or math.prod(lengths) * dtype.itemsize != len(content):
        raise ValueError(f"an array that says to be of shape {lengths} and is not")
    return np.frombuffer(content, dtype).reshape(lengths, order="F" if columns_first else "C")


def _number_type(kind: Any) -> np.dtype[Any]:
    """A dtype of plain numbers; its state's second entry is the byte order."""
    if not isinstance(kind, Made) or kind.name != "numpy.dtype" or not kind.arguments:
        raise ValueError("an array without a type")
    code = kind.arguments[0]
    order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else "|"
    if not isinstance(code, str) or not _NUMBERS.fullmatch(code) or order not in ("<", ">", "|", "="):
        raise ValueError(f"an array of {str(code)[:20]!r}, which are no numbers")
    return np.dtype(order + code)


MAX_DENSE = 5_000_000
"""Entries of a sparse array."""


def _dense(state: Any, by_column: bool) -> NDArray[Any]:
    """A sparse matrix of compressed columns, or rows."""
    rows, columns = state["_shape"] if "_shape" in state else state["shape"]
    data, inner, starts = (to_array(state[name]) for name in ("data", "indices", "indptr"))
    outer, length = (columns, rows) if by_column else (rows, columns)
    if not (isinstance(rows, int) and isinstance(columns, int) and 0 < rows * columns <= MAX_DENSE and rows > 0):
        raise ValueError("a sparse array of an absurd shape")
    counts = np.diff(starts.astype(np.int64))
    whole = starts.shape == (outer + 1,) and starts[0] == 0 and (counts >= 0).all() and counts.sum() == len(data)
    if not whole or inner.shape != data.shape or data.ndim != 1 or ((inner < 0) | (inner >= length)).any():
        raise ValueError("a sparse array that does not fit itself")
    dense = np.zeros((outer, length))
    np.add.at(dense, (np.repeat(np.arange(outer), counts), inner), data)
    return dense.T if by_column else dense
