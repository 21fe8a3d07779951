"""What the attributes of instances hold: what constructors, class bodies and other methods store."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from perfcheck.lint.answers import Key
from perfcheck.lint.evaluation.environment import Env
from perfcheck.lint.evaluation.evaluator import Evaluator
from perfcheck.lint.evidence import by_name
from perfcheck.lint.parameters import if_loader
from perfcheck.lint.project import ClassRef, FunctionRef
from perfcheck.lint.values import ACCELERATOR, BOOL, INT, UNKNOWN, Value, join_all

if TYPE_CHECKING:
    from perfcheck.lint.engine import Engine

_NOTHING: Final[Env] = {}
CLASS_BODY, CONSTRUCTED, ATTRIBUTE = 1, 2, 4  # where these questions stand in a circle


class ClassAttributes:
    """Answers for one project."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._project = engine.project
        self._answers = engine.answers
        self._begun: dict[Key, Value] = {}  # of attributes being asked: what constructors set
        self._storing: dict[str, dict[str, list[FunctionRef]]] = {}

    def attribute(self, owner: Value, name: str, reader: FunctionRef | None = None) -> Value:
        """An attribute of an instance whose class is named by ``owner.ref``.

        ``reader`` is a method that also stores to it, which comes after it is read.
        """
        kind = owner.kind if reader is None else f"{owner.kind} {reader.dotted}"
        key = (ATTRIBUTE, owner.ref or "", name, kind)
        known: Value | None = self._answers.known.get(key)
        if known is not None:
            return known
        entity = self._project.lookup(owner.ref) if owner.ref else None
        method = self._project.method(entity, name) if isinstance(entity, ClassRef) else None
        if method is not None and is_property(method):
            return self._engine.returned(method)
        if method is not None:
            found = Value("function", ref=method.dotted)
        elif isinstance(entity, ClassRef):
            class_ = entity
            self._constructed_up_to(class_, name)  # first, lest all its attributes are part of every circle
            return self._answers.ask(
                key,
                lambda: self._held(key, class_, name, reader) or _presumed(owner, name),
                lambda: self._begun.get(key, UNKNOWN),
            )
        else:
            found = _presumed(owner, name)
        self._answers.known[key] = found
        return found

    def _constructed_up_to(self, class_: ClassRef, name: str) -> None:
        for ancestor in self._project.ancestry(class_)[0]:
            if self._constructed(ancestor).get(name, UNKNOWN).kind not in ("unknown", "none"):
                return

    def _held(self, key: Key, class_: ClassRef, name: str, reader: FunctionRef | None) -> Value | None:
        found: list[Value] = []
        for ancestor in self._project.ancestry(class_)[0]:
            value = self._constructed(ancestor).get(name)
            if value is not None:
                self._begun[key] = value
            later = [
                stored
                for storing in self._methods_storing(ancestor).get(name, ())
                if value is None or value.kind in ("unknown", "none") or value.on_device is False
                if storing != reader
                if (stored := self._engine.summary(storing).stored.get(name)) is not None
            ]
            if value is not None and value.kind not in ("unknown", "none"):
                places = {stored.on_device for stored in later} if value.kind == "tensor" else ()
                if True in places:
                    return value._replace(device=True, assumed=True)
                return value._replace(device=None) if None in places else if_loader(name, value)
            found += [value, *later] if value is not None else later
        return if_loader(name, join_all(found)) if found else None

    def _methods_storing(self, class_: ClassRef) -> dict[str, list[FunctionRef]]:
        """The methods of a class, its constructor apart, by the attributes that they store to."""
        known = self._storing.get(class_.dotted)
        if known is None:
            known = self._storing[class_.dotted] = {}
            for method in class_.record.methods:
                record = class_.module.functions.get(f"{class_.record.qualname}.{method}")
                if record is not None and method != "__init__":
                    for name in record.stores:
                        known.setdefault(name, []).append(FunctionRef(class_.module, record))
        return known

    def _constructed(self, class_: ClassRef) -> Env:
        """Attributes set in the class body and by ``__init__``."""
        key = (CONSTRUCTED, class_.dotted, "", "")
        known: Env | None = self._answers.known.get(key)
        if known is not None:
            return known
        body = self._class_body(class_)
        init = class_.module.functions.get(f"{class_.record.qualname}.__init__")
        if init is None:
            if body is _NOTHING:
                self._answers.known[key] = body
            return body
        constructor = FunctionRef(class_.module, init)
        return self._answers.ask(
            key,
            lambda: {**self._class_body(class_), **self._engine.summary(constructor).stored},
            lambda: body,
        )

    def _class_body(self, class_: ClassRef) -> Env:
        """Attributes set in the class body."""
        if not class_.record.assigns:
            return _NOTHING
        key = (CLASS_BODY, class_.dotted, "", "")
        known: Env | None = self._answers.known.get(key)
        return (
            known if known is not None else self._answers.ask(key, lambda: self._evaluated_body(class_), dict)
        )

    def _evaluated_body(self, class_: ClassRef) -> Env:
        body = self._project.trees.attributes(class_.module, class_.record)
        evaluator = Evaluator(self._engine, class_.module, None, ast.Module(body, []), None)
        evaluator.run()
        return evaluator.env


def is_property(function: FunctionRef) -> bool:
    return any(
        d.rpartition(".")[2] in ("property", "cached_property", "lazy_property", "lazyproperty")
        for d in function.record.decorators
    )


def _presumed(owner: Value, name: str) -> Value:
    """What an attribute of which nothing is known is by its name."""
    if name == "device":
        return ACCELERATOR
    if name == "dtype":
        return Value("dtype")
    if owner.kind == "module":
        if name == "training":
            return BOOL
        if name in ("global_step", "current_epoch", "global_rank", "local_rank"):
            return INT
        if name in ("weight", "bias") and (owner.ref or "").startswith("torch.nn."):
            return Value("tensor", True, "float", grad=True)
        return by_name(name) if name not in ("logger", "log") else UNKNOWN
    if owner.kind == "dataset":
        return UNKNOWN
    return by_name(name)
