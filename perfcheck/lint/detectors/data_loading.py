"""What a data set does for each sample, and a loader for each epoch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from perfcheck.lint.detectors.loader_settings import workers_in_settings
from perfcheck.lint.detectors.names import default_of, last, mentions
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.loops import LoopKind, loop_kind

LOADERS: Final = frozenset(
    {
        "torch.utils.data.DataLoader", "torchdata.stateful_dataloader.StatefulDataLoader",
        "torch_geometric.loader.DataLoader", "torch_geometric.data.DataLoader", "monai.data.DataLoader",
        "dgl.dataloading.GraphDataLoader",
    }
)  # fmt: skip
"""PyTorch's loader, and libraries' subclasses that take the same settings."""
_NAMES: Final = tuple(sorted({name.rpartition(".")[2] for name in LOADERS}))
_OPENERS: Final = frozenset(
    {
        "h5py.File", "pandas.read_csv", "pandas.read_parquet", "pandas.read_pickle", "pandas.read_json",
        "pandas.read_excel", "numpy.load", "numpy.loadtxt", "torch.load", "joblib.load", "lmdb.open",
        "zarr.open", "netCDF4.Dataset", "xarray.open_dataset", "zipfile.ZipFile", "tarfile.open",
        "sqlite3.connect", "torchvision.transforms.Compose", "torchvision.transforms.v2.Compose",
        "albumentations.Compose", "json.load", "pickle.load", "yaml.safe_load", "yaml.load",
    }
)  # fmt: skip
_PRETRAINED: Final = ("from_pretrained", "load_from_checkpoint")
_FROM_DATA: Final = frozenset(
    {"torch.tensor", "torch.as_tensor", "torch.FloatTensor", "torch.LongTensor", "torch.Tensor"}
)


_MAKES_LOADERS: Final = re.compile(r"loaders?$")


def loaders_without_workers(scope: Scope) -> Iterator[Match]:
    """Loaders that load in the training process, except of tensors that lie in memory, and of single samples
    (no other argument given); by what makes loaders, or in a file that trains."""
    name = scope.qualname.rpartition(".")[2]
    makes = _MAKES_LOADERS.search(name) and "train" in name
    trains = scope.in_class("lightning.pytorch.LightningModule") or not _LEARNS.isdisjoint(scope.file_names())
    if not (makes or trains):
        return
    for call in scope.calls(*_NAMES):
        kind = scope.resolve(call.func) or ""
        if kind not in LOADERS or scope.may_pass(call, "num_workers"):
            continue
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            continue
        if len(call.args) + len(call.keywords) < 2:
            continue
        workers = scope.keyword(call, "num_workers", 5)
        if workers is not None and not (isinstance(workers, ast.Constant) and workers.value == 0):
            continue
        if workers is not None and "num_workers" in _parameters(scope):
            continue  # callers may ask for some, and there can be none
        data = scope.keyword(call, "dataset", 0)
        made = None if data is None else scope.definition(chain(data) or "", call) or data
        if _in_memory(scope, data, made) or _asks_its_maker(scope, made) or _is_read_once(scope, call):
            continue
        yield Match(call, {"F": call.func}, kind)


def _in_memory(scope: Scope, data: ast.expr | None, made: ast.expr | None) -> bool:
    """A ``TensorDataset``, what is split off one, or a data set of the project that picks its samples from
    what it holds."""
    picks = None if data is None else scope.calls_in_method(data, "__getitem__")
    if picks is not None and picks <= _PICKS:
        return True
    return isinstance(made, ast.Call) and last(made) == "TensorDataset"


def _asks_its_maker(scope: Scope, made: ast.expr | None) -> bool:
    """``Experience(self.play)``: a method of the object that trains makes the samples, of all of which
    (model, environment) each worker would have a copy."""
    if not isinstance(made, ast.Call) or len(made.args) != 1 or made.keywords:
        return False
    played = made.args[0]
    return (chain(played) or "").startswith("self.") and scope.value(played).kind == "function"


_PICKS: Final = frozenset(
    """len int float str bool tuple list dict range tensor as_tensor from_numpy long unsqueeze squeeze view
    reshape clone is_tensor tolist""".split()
)
"""What a data set may call that gives its samples as they lie there."""


def _is_read_once(scope: Scope, call: ast.Call) -> bool:
    """Does the body itself go through it, or take its first batch, and trains nothing? Then it starts workers
    for each call of the function."""
    statement = scope.statement(call)
    name = chain(statement.targets[0]) if isinstance(statement, ast.Assign) else None
    if name is None or not _LEARNS.isdisjoint(scope.names):
        return False
    loops = [loop.iter for loop in scope.walk(ast.For, ast.comprehension)]  # type: ignore[attr-defined]
    taken = [argument for call in scope.calls("next") for argument in call.args]
    return any(mentions(part, [name]) for part in (*loops, *taken))


def restarted_workers(scope: Scope) -> Iterator[Match]:
    """A loader with workers that are not persistent, iterated in a loop over epochs of the same body, or made
    for others to iterate."""
    yield from workers_in_settings(scope)
    for call in scope.calls(*_NAMES):
        kind = scope.resolve(call.func) or ""
        if kind not in LOADERS or scope.passes(call, "persistent_workers"):
            continue
        workers = scope.keyword(call, "num_workers", 5)
        persistent = scope.keyword(call, "persistent_workers")
        if workers is None or _may_be_none(scope, workers):
            continue
        if persistent is not None and not (
            isinstance(persistent, ast.Constant) and persistent.value is False
        ):
            continue
        around = scope.parent(call)
        each = around if isinstance(around, ast.DictComp) else call  # one for each split
        statement = scope.parent(each)
        if isinstance(statement, ast.Return) and _is_factory(scope):
            yield Match(call, {"X": call}, kind)
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1 and not scope.loops(each):
            name = chain(statement.targets[0])
            if (
                name is not None
                and not _made_anew(scope, name)
                and (_repeated(scope, name) or _handed_out(scope, name, call) or _kept(scope, name))
            ):
                yield Match(call, {"X": statement.targets[0]}, kind)


def _made_anew(scope: Scope, name: str) -> bool:
    """Does a loop bind the name again? Then the workers go with each loader."""
    return any(name in scope.assigned(loop) for loop in scope.walk(ast.For, ast.AsyncFor, ast.While))


def _may_be_none(scope: Scope, workers: ast.expr) -> bool:
    """``0``, or a parameter that is so unless somebody asks: without workers, none can be kept."""
    if isinstance(workers, ast.Name) and not isinstance(scope.node, ast.Module):
        workers = default_of(scope.node.args, workers.id) or workers
    return isinstance(workers, ast.Constant) and not workers.value


def _kept(scope: Scope, name: str) -> bool:
    """An attribute, or a variable of a module, in a file that trains a model itself."""
    lasts = name.startswith("self.") or isinstance(scope.node, ast.Module)
    return lasts and "backward" in scope.file_names() and _ONE_PASS.search(name.lower()) is None


def _handed_out(scope: Scope, name: str, call: ast.Call) -> bool:
    """Does a factory return it, alone or beside others? A stream need not begin anew."""
    data = scope.keyword(call, "dataset", 0)
    made = scope.definition(data.id, call) if isinstance(data, ast.Name) else data
    return (
        _is_factory(scope)
        and (made is None or re.search("iter|stream", scope.text(made), re.IGNORECASE) is None)
        and not _for_one_pass(scope, name)
        and any(
            isinstance(returned, ast.Return) and any(chain(part) == name for part in _parts(returned.value))
            for returned in scope.walk(ast.Return)
        )
    )


def _for_one_pass(scope: Scope, name: str) -> bool:
    """By its name, or by that of the function, unless this one makes loaders for training as well."""
    maker = scope.qualname.lower()
    return _ONE_PASS.search(name.lower() if "train" in maker else f"{maker} {name.lower()}") is not None


def _parts(node: ast.expr | None) -> Sequence[ast.expr | None]:
    return node.elts if isinstance(node, (ast.Tuple, ast.List)) else (node,)


_TRAINS: Final = frozenset({"backward", "fit", "train", "step", "zero_grad", "Trainer"})
_LEARNS: Final = frozenset({"backward", "zero_grad", "Trainer", "training_step", "train_step", "train_batch"})
_ONE_PASS: Final = re.compile("test|pred|infer|calib")


def _is_factory(scope: Scope) -> bool:
    """A function, or a method by its name, that makes loaders for loops elsewhere; a test or a prediction
    goes through the data once, as a script does that trains nothing."""
    if "." not in scope.qualname:
        names = scope.file_names()
        return scope.qualname not in names or not _TRAINS.isdisjoint(names)
    name = scope.qualname.rpartition(".")[2].lower()
    return "loader" in name and _ONE_PASS.search(name) is None


def _repeated(scope: Scope, name: str) -> bool:
    """Is the loader gone through again and again: by a loop inside another loop, by a function that each
    epoch calls with it, or by an iterator that begins anew at its end?"""
    if any(
        isinstance(loop, (ast.For, ast.AsyncFor)) and bool(scope.loops(loop)) and mentions(loop.iter, [name])
        for loop in scope.walk(ast.For, ast.AsyncFor)
    ):
        return True
    return any(
        isinstance(call, ast.Call)
        and any(chain(argument) == name for argument in (*call.args, *(k.value for k in call.keywords)))
        and (_ENDLESS.search(last(call)) is not None or _each_epoch(scope, call))
        for call in scope.walk(ast.Call)
    )


_ENDLESS: Final = re.compile(r"(^|_)(cycle|infinite|inf|endless|forever)(_|$)")


def _each_epoch(scope: Scope, call: ast.Call) -> bool:
    return any(
        isinstance(loop, (ast.For, ast.While)) and loop_kind(loop) is LoopKind.EPOCH
        for loop in scope.loops(call)
    )


def per_sample_setup(scope: Scope) -> Iterator[Match]:
    """In ``__getitem__``: files opened and objects built from arguments that do not depend on the index."""
    if scope.qualname.rpartition(".")[2] != "__getitem__" or isinstance(scope.node, ast.Module):
        return
    if not scope.in_class("torch.utils.data.Dataset") and not scope.qualname.rpartition(".")[0].endswith(
        "Dataset"
    ):
        return
    own = {argument.arg for argument in scope.node.args.args[:1]}
    for node in scope.walk(ast.Call):
        if not isinstance(node, ast.Call) or not _sets_up(scope, node) or scope.loops(node):
            continue
        used = {
            part.id
            for argument in (*node.args, *node.keywords)
            for part in ast.walk(argument)
            if isinstance(part, ast.Name)
        }
        indexed = any(
            isinstance(part, ast.Subscript) for argument in node.args for part in ast.walk(argument)
        )
        locals_ = used - own
        if not indexed and not any(_is_local(scope, name) for name in locals_):
            yield Match(node, {"F": node.func}, scope.resolve(node.func) or "")


def _sets_up(scope: Scope, call: ast.Call) -> bool:
    if scope.resolve(call.func) in _OPENERS:
        return True
    return isinstance(call.func, ast.Attribute) and call.func.attr in _PRETRAINED


def _is_local(scope: Scope, name: str) -> bool:
    """A parameter or a variable of the body: it may depend on the index."""
    return not isinstance(scope.node, ast.Module) and (
        name in _parameters(scope) or name in scope.assigned(scope.node)
    )


def _parameters(scope: Scope) -> set[str]:
    if isinstance(scope.node, ast.Module):
        return set()
    arguments = scope.node.args
    return {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def lists_of_arrays(scope: Scope) -> Iterator[Match]:
    """``torch.tensor([array, array])``."""
    for call in scope.calls("tensor", "as_tensor", "FloatTensor", "LongTensor", "Tensor"):
        if scope.resolve(call.func) not in _FROM_DATA or not call.args:
            continue
        value = scope.value(call.args[0])
        if value.kind not in ("list", "tuple"):
            continue
        inside = value.items if value.items else (value.element,)
        if all(item is not None and item.kind == "array" and not item.assumed for item in inside):
            yield Match(call, {"F": call.func, "X": call.args[0]}, scope.resolve(call.func) or "")


def unbatched_tokenization(scope: Scope) -> Iterator[Match]:
    """``dataset.map(function)`` without ``batched=True``, where the function calls a tokenizer."""
    for call in scope.calls("map"):
        if not isinstance(call.func, ast.Attribute) or not call.args or scope.may_pass(call, "batched"):
            continue
        batched = scope.keyword(call, "batched")
        if batched is not None and not (isinstance(batched, ast.Constant) and batched.value is False):
            continue
        if _tokenizes(scope, call.args[0]):
            yield Match(call, {"X": call.func.value}, "datasets.Dataset.map")


def _tokenizes(scope: Scope, function: ast.expr) -> bool:
    """A lambda, or a function of the project, that calls a tokenizer."""
    if isinstance(function, ast.Lambda):
        return any(_is_tokenizer_call(part) for part in ast.walk(function))
    mentioned = scope.names_of(ast.Call(function, [], []))
    return any(name.lower().endswith("tokenizer") for name in mentioned)


def _is_tokenizer_call(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = chain(node.func) or ""
    verb = name.rpartition(".")[2].lower()
    return verb.endswith("tokenizer") or (
        verb in ("encode", "encode_plus", "tokenize") and "tokenizer" in name.lower()
    )
