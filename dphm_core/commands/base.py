"""What all commands have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import tyro

Say = Callable[[str], None]
"""Prints a line on standard output."""

OK, INTERRUPTED = 0, 130
"""Exit codes; 130 is what shells give a program that Ctrl-C ended."""


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A command with its options."""

    verbose: Annotated[bool, tyro.conf.arg(aliases=["-v"])] = False
    """Tell what goes on."""

    @abstractmethod
    def run(self, say: Say) -> int:
        """Do it; returns the exit code."""
