"""The desktop application (PyQt5 + vispy)."""
