"""What the linter does not ask for: a docstring of every public method also where its class is private."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(body: list[ast.stmt]) -> Iterator[Definition]:
    """Classes and functions of a module and methods of its classes; not what lies within functions."""
    for node in body:
        if isinstance(node, Definition):
            yield node
        if isinstance(node, ast.ClassDef | ast.If | ast.Try):
            yield from definitions(node.body)


@pytest.mark.parametrize("package", [*sorted(path.parent.name for path in REPO.glob("dphm_core/*/__init__.py")), "."])
def test_every_public_class_function_and_method_of_the_library_is_told(package: str) -> None:
    folder = REPO / "dphm_core" / package
    modules = sorted(folder.glob("*.py") if package == "." else folder.rglob("*.py"))
    found = [
        (path, node)
        for path in modules
        for node in definitions(ast.parse(path.read_text(encoding="utf-8")).body)
        if not node.name.startswith("_") and not any(ast.unparse(by).endswith("setter") for by in node.decorator_list)
    ]
    assert found
    untold = [f"{path.name}:{node.lineno} {node.name}" for path, node in found if not ast.get_docstring(node)]
    assert untold == []
