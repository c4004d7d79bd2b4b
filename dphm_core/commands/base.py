"""What all commands have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from tqdm import tqdm

    from dphm_core.jobs import Tell

Say = Callable[[str], None]
"""Prints a line on standard output."""

OK, SOME_FAILED, INTERRUPTED = 0, 1, 130
"""Exit codes; 1 where the rest of many went well, 130 is what shells give a program that Ctrl-C ended."""


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A command with its options."""

    verbose: Annotated[bool, tyro.conf.arg(aliases=["-v"])] = False
    """Tell what goes on."""

    @abstractmethod
    def run(self, say: Say) -> int:
        """Do it; returns the exit code."""


@contextmanager
def progress_bar(unit: str, total: int | None = None) -> Iterator[tqdm]:
    """A bar on standard error that appears with the first step, and that an error wipes away rather than follow it.

    `total` may be told later, as the bar's attribute.
    """
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    with logging_redirect_tqdm(), tqdm(total=total, unit=f" {unit}", delay=1e-6, dynamic_ncols=True) as bar:
        try:
            yield bar
        except BaseException:
            bar.clear()
            raise


@contextmanager
def progress(unit: str) -> Iterator[Tell]:
    """Such a bar as what work is given that tells how far it is."""
    with progress_bar(unit) as bar:

        def tell(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell
