"""A pickle read as data: a machine of its own, which imports nothing, calls nothing and keeps to the file's size.

The standard unpickler can be kept from importing, but not from what a hostile file does to it without any import:
memo numbers and lengths for which it takes gigabytes, and nested keys whose hash takes years.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 200_000
"""Far more than model files have, whose bulk is in few long strings."""

_MARK = object()
_LITERALS = frozenset(
    [
        "INT",
        "LONG",
        "LONG1",
        "LONG4",
        "BININT",
        "BININT1",
        "BININT2",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ]
)
_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_IGNORED = frozenset({"PROTO", "FRAME"})


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle names; here nothing but its name."""

    text: str


@dataclass(eq=False)
class Made:
    """What the pickle wants to be made by a call; never called."""

    name: str
    """Of the class or function, "module.name"."""
    arguments: tuple[Any, ...]
    state: Any = None
    """What the object is then filled with."""


def read_pickle(content: bytes, allowed: Callable[[str], bool]) -> Any:
    """Read a pickle of numbers, strings, lists, tuples, dicts, and of `Made` objects in place of all others.

    Parameters
    ----------
    content : bytes
        The pickle; strings of Python 2 are read as latin-1.
    allowed : callable
        Whether a class or function, "module.name", may occur.

    Raises
    ------
    ValueError
        It is no pickle, damaged, or names something that may not occur.
    """
    machine = _Machine(allowed)
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd strings, which are read or refused all the same
            for steps, (operation, argument) in enumerate(_operations(content)):
                if steps > MAX_STEPS:
                    raise ValueError(f"more than {MAX_STEPS} steps")
                machine.step(operation, argument)
        return machine.result()
    except (IndexError, KeyError, TypeError, UnicodeError, OverflowError) as error:
        raise ValueError(f"damaged ({type(error).__name__})") from error


def _operations(content: bytes) -> Iterator[tuple[str, Any]]:
    """Operations by name, with what each carries."""
    try:
        for opcode, argument, _ in pickletools.genops(content):
            yield opcode.name, argument
    except ValueError as error:
        raise ValueError("it is neither a pickle nor an archive of arrays, or damaged") from error


class _Machine:
    """Stack and memo of one reading."""

    def __init__(self, allowed: Callable[[str], bool]) -> None:
        self._allowed = allowed
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps: dict[str, Callable[[Any], None]] = {
            "APPEND": lambda _: self._append([self._stack.pop()]),
            "APPENDS": lambda _: self._append(self._marked()),
            "SETITEM": lambda _: self._set([self._stack.pop(-2), self._stack.pop()]),
            "SETITEMS": lambda _: self._set(self._marked()),
            "LIST": lambda _: self._stack.append(self._marked()),
            "DICT": self._dict,
            "TUPLE": lambda _: self._stack.append(tuple(self._marked())),
            "TUPLE1": lambda _: self._tuple(1),
            "TUPLE2": lambda _: self._tuple(2),
            "TUPLE3": lambda _: self._tuple(3),
            "GLOBAL": lambda argument: self._name(argument.replace(" ", ".")),
            "STACK_GLOBAL": lambda _: self._name(f"{self._stack.pop(-2)}.{self._stack.pop()}"),
            "REDUCE": self._made,
            "NEWOBJ": self._made,
            "BUILD": self._filled,
            "POP": lambda _: self._drop(),
        }  # fmt: skip

    def step(self, operation: str, argument: Any) -> None:
        """Carry one operation out."""
        if operation in _LITERALS:
            self._stack.append(argument)
        elif operation in _NEW:
            self._stack.append(_NEW[operation]())
        elif operation in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._stack[-1]
        elif operation == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif operation in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif operation in self._steps:
            self._steps[operation](argument)
        elif operation not in _IGNORED and operation != "STOP":
            raise ValueError(f"it holds {operation}, and such files need none")

    def result(self) -> Any:
        """Return what is left in the end."""
        if len(self._stack) != 1:
            raise IndexError
        return self._stack[0]

    def _drop(self) -> None:
        self._stack.pop()

    def _marked(self) -> list[Any]:
        """Everything above the topmost mark, which goes too."""
        start = next((k for k in range(len(self._stack) - 1, -1, -1) if self._stack[k] is _MARK), None)
        if start is None:
            raise IndexError
        items = self._stack[start + 1 :]
        del self._stack[start:]
        return items

    def _append(self, items: list[Any]) -> None:
        self._of_kind(list).extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self._of_kind(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int):
                raise TypeError
            target[key] = value

    def _dict(self, _: Any) -> None:
        items = self._marked()
        self._stack.append({})
        self._set(items)

    def _tuple(self, count: int) -> None:
        items = tuple(self._stack[-count:])
        if len(items) < count:
            raise IndexError
        self._stack[-count:] = [items]

    def _name(self, text: str) -> None:
        if not self._allowed(text):
            raise ValueError(f"it holds {text[:80]!r}, and nothing but arrays is read, since a pickle can run code")
        self._stack.append(Name(text))

    def _made(self, _: Any) -> None:
        arguments, name = self._stack.pop(), self._stack.pop()
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise TypeError
        self._stack.append(Made(name.text, arguments))

    def _filled(self, _: Any) -> None:
        state = self._stack.pop()
        self._of_kind(Made).state = state

    def _of_kind(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise TypeError
        return self._stack[-1]
