"""Where tools come from: a Python file, other packages."""
