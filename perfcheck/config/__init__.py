"""What a project asks of perfcheck: ``[tool.perfcheck]`` in pyproject.toml, or perfcheck.toml."""
