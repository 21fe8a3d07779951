"""The questions rules and detectors may ask about one function (or module) body."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from perfcheck.events import Event, Hotness, Truth
from perfcheck.lint.values import Value

Loop = ast.For | ast.AsyncFor | ast.While | ast.comprehension


class Raised(NamedTuple):
    """An event the engine expects at a node of this body."""

    node: ast.expr | ast.stmt
    event: Event
    operator: str  # name in the operator table, e.g. "Tensor.item", "Tensor.__bool__", "torch.unique"
    certain: Truth  # True: every fact it needs is known; None: likely
    subject: ast.expr | None  # the expression whose value is read, copied, ...
    usual: bool = False  # certain, too, where tensors of unknown place are on the device


class Match(NamedTuple):
    """A place where a rule applies, before its predicates are asked."""

    node: ast.expr | ast.stmt
    bindings: dict[str, ast.AST]  # metavariable -> source, for messages and predicates
    operator: str = ""
    certain: Truth = True
    usual: bool = False  # certain, too, where tensors of unknown place are on the device


class Scope(Protocol):
    """Facts about one function body, or about the body of a module."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
    qualname: str  # "Trainer.fit"; "" for a module body
    path: str

    @property
    def names(self) -> frozenset[str]:
        """The last names of all that the body calls or reads as an attribute."""

    @property
    def stores(self) -> frozenset[str]:
        """The attributes of ``self`` that the body stores to."""

    @property
    def refs(self) -> frozenset[str | None]:
        """The ``ref`` of every value in the body: cheap to ask before looking for one of them."""

    def value(self, node: ast.AST) -> Value:
        """What the expression evaluates to at its place; UNKNOWN where nothing is known."""

    def resolve(self, node: ast.AST) -> str | None:
        """The dotted name an expression refers to, however imported: "torch.cat", "builtins.float",
        "package.module.function"; None for local variables and unknown attributes."""

    def text(self, node: ast.AST) -> str:
        """Its source text, on one line."""

    def parent(self, node: ast.AST) -> ast.AST | None: ...

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Its parents up to, and without, the body's own node."""

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement it belongs to."""

    def block(self, node: ast.AST) -> Sequence[ast.stmt]:
        """The statements that run one after the other, its own among them."""

    def loops(self, node: ast.AST) -> Sequence[Loop]:
        """The loops (comprehensions too) of this body that repeat it, outermost first."""

    def walk(self, *types: type[ast.AST]) -> Iterable[ast.AST]:
        """All nodes of the types in this body in source order, without those of nested functions
        and classes (lambdas and comprehensions belong to the body)."""

    def calls(self, *names: str) -> Iterable[ast.Call]:
        """Calls whose function's last name is one of ``names`` ("item" finds ``x.item()``)."""

    def assigned(self, node: ast.AST) -> frozenset[str]:
        """Names (and dotted attributes, "self.x") stored to anywhere below the node."""

    def definition(self, name: str, before: ast.AST) -> ast.expr | None:
        """The one expression a local name is bound to where ``before`` runs; None if several may be."""

    def hotness(self, node: ast.AST) -> Hotness:
        """How often it runs, guards and the function's callers counted."""

    def guarded(self, node: ast.AST) -> bool:
        """Under ``if step % n == 0``, ``if debug``, an error path, a first-time initialisation, …"""

    def compiled(self) -> Truth:
        """Does this body run under torch.compile (or a JIT that breaks graphs)?"""

    def no_grad(self, node: ast.AST) -> Truth:
        """Is autograd switched off there?"""

    def parameters_of(self, call: ast.Call) -> tuple[str, ...]:
        """The parameters of the project's function that is called; () where it is not known."""

    def bodies_around(self) -> Iterable[Sequence[ast.stmt]]:
        """Where its names may have been bound: the body, the constructor of its class, the functions around
        it and the module's own body."""

    def names_of(self, call: ast.Call) -> frozenset[str]:
        """The names that the project's function that is called mentions; none where it is not known."""

    def body_of(self, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The project's function that is called; None where it is not known."""

    def calls_in_method(self, node: ast.expr, name: str) -> frozenset[str] | None:
        """The last names of what a method of the object's class calls; None where the project has no such."""

    def named_switches_grad(self, name: str) -> Truth:
        """Does a function of the project with that name touch autograd's mode? None where there is none."""

    def class_names(self) -> frozenset[str]:
        """The last names of all that the methods of this method's class call or read as an attribute."""

    def trains(self) -> bool:
        """Does ``forward`` of this method's class call it, in training and evaluation alike?"""

    def file_names(self) -> frozenset[str]:
        """The last names of all that the file calls, reads as an attribute, imports or decorates with."""

    def used_as_model(self, node: ast.expr) -> bool:
        """Does the file call ``eval()`` of it, or ask for its parameters?"""

    def records_grad(self, call: ast.Call) -> bool:
        """Is the project's function that is called known, and does nothing in it touch autograd's mode?"""

    def called_without_grad(self) -> bool:
        """Does some function of the project that names this one switch autograd off?"""

    def caller_without_grad(self) -> bool:
        """Does a function that names this one, in its file or by importing it, switch autograd off?"""

    def heated_without_grad(self) -> bool:
        """Do the calls that make it hot stand where autograd is switched off?"""

    def in_class(self, base: str) -> bool:
        """Is this a method of a subclass of ``base`` ("torch.nn.Module")?"""

    def is_inherited(self, node: ast.expr) -> bool:
        """Is it an attribute of ``self``, or of one, that none but a base outside the project sets?"""

    def keyword(self, call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
        """The argument given by keyword (or at the position); None if absent."""

    def may_pass(self, call: ast.Call, name: str) -> bool:
        """Could ``**kwargs`` of the call pass the keyword?"""

    def passes(self, call: ast.Call, name: str) -> bool:
        """The same, but for settings of loaders that the project never names: then nobody in it does."""

    @property
    def events(self) -> Sequence[Raised]:
        """The events the operator table predicts in this body."""
