"""Replacing attributes of torch, and putting them back."""

from collections.abc import Mapping
from typing import Any

_MISSING: Any = object()


class Patches:
    """Attributes that were replaced, with what stood there before."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace ``owner.name``, or add it."""
        self._before.append((owner, name, vars(owner).get(name, _MISSING)))
        setattr(owner, name, value)

    def set_all(self, owner: Any, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self.set(owner, name, value)

    def item(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        """Replace ``mapping[key]``, or add it."""
        self._before.append((mapping, key, mapping.get(key, _MISSING)))
        mapping[key] = value

    def undo(self) -> None:
        """Put everything back, the last replaced first."""
        while self._before:
            owner, name, value = self._before.pop()
            if isinstance(owner, dict):
                if value is _MISSING:
                    del owner[name]
                else:
                    owner[name] = value
            elif value is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
