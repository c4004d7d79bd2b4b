"""What is compiled can be loaded again under both names of the application: `app`, and `dphm_app` where installed."""

from __future__ import annotations

import importlib
import pkgutil

from numba.core.dispatcher import Dispatcher

import app


def test_the_application_compiles_nothing_of_its_own() -> None:
    """numba keeps the module's name in its cache: what `app` left there broke the window of `dphm_app`."""
    modules = [importlib.import_module(found.name) for found in pkgutil.walk_packages(app.__path__, "app.")]
    kernels = [value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)]
    assert kernels
    assert {kernel.py_func.__module__.partition(".")[0] for kernel in kernels} == {"dphm_core"}
