"""Run a script or a module in this process as ``__main__``, as ``python`` itself would.

What a script can see is what it would see without us: ``__main__`` and its attributes, ``sys.argv``,
``sys.path``, how its exceptions are printed and what the process exits with. Exceptions leave
:func:`run` as they are, so that the interpreter deals with them as ever; only our frames are taken off
what it prints.
"""

import builtins
import io
import os
import pkgutil
import runpy
import sys
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from types import CodeType, ModuleType, TracebackType

_PERFCHECK = os.path.dirname(os.path.dirname(__file__)) + os.sep
_TORCH = f"{os.sep}torch{os.sep}"


class NoScript(Exception):
    """There is nothing to run; the message says what was looked for and why it cannot be."""


@dataclass(frozen=True, slots=True)
class Target:
    """What ``python`` is given: a script, or a module behind ``-m``, and its arguments."""

    name: str
    args: tuple[str, ...] = ()
    is_module: bool = False

    def check(self) -> None:
        """Raises NoScript for a script that cannot be opened; a module is looked for when it is run."""
        if self.is_module or os.path.isdir(self.name):
            return
        try:
            with open(self.name, "rb"):
                pass
        except OSError as error:
            path = os.path.join(os.getcwd(), self.name)
            raise NoScript(f"cannot open {path}: {error.strerror}") from None


def run(target: Target) -> None:
    """Run it. What it raises is raised, and will be printed as if ``python`` had started it."""
    _leave_path()
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = main
    try:
        if target.is_module:
            sys.argv = ["-m", *target.args]
            _first_on_path(os.getcwd())
            _run_module(target.name, names_it=True)
        elif pkgutil.get_importer(target.name) is not None:  # a folder or an archive with a __main__.py
            sys.argv = [target.name, *target.args]
            sys.path.insert(0, os.path.abspath(target.name))
            _run_module("__main__", names_it=False)
        else:
            sys.argv = [target.name, *target.args]
            _run_file(target.name, main)
    except SystemExit:
        raise
    except BaseException as error:
        _hide_us(error)
        raise


def _leave_path() -> None:
    """Take off the command's own folder, which stands where python puts the script's."""
    if sys.path and sys.path[0] == os.path.dirname(os.path.realpath(sys.argv[0])):
        del sys.path[0]


def _first_on_path(folder: str) -> None:
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, folder)


def _run_file(name: str, main: ModuleType) -> None:
    path = os.path.join(os.getcwd(), name)
    _first_on_path(os.path.dirname(os.path.realpath(path)))
    kind = SourcelessFileLoader if name.endswith(".pyc") else SourceFileLoader
    loader = kind("__main__", path)
    main.__dict__.update(__file__=path, __cached__=None, __loader__=loader)
    code: CodeType | None
    if isinstance(loader, SourceFileLoader):
        with io.open_code(path) as file:  # get_code would leave a compiled file behind
            code = compile(file.read(), path, "exec", dont_inherit=True)
    else:
        code = loader.get_code("__main__")
    exec(code, main.__dict__)  # type: ignore[arg-type]  # get_code raises where it finds none
    _forget_file()


def _forget_file() -> None:
    """What python does with a script's module when it has run, before threads and atexit come to their
    ends.
    """
    main = vars(sys.modules["__main__"])
    if main.get("__spec__") is None:
        main.pop("__file__", None)
        main.pop("__cached__", None)


def _run_module(name: str, *, names_it: bool) -> None:
    # What python itself calls for -m (Modules/main.c), by this name since 2.5. The public run_module
    # would take __main__ away before functions registered with atexit are called.
    runpy._run_module_as_main(name, alter_argv=names_it)  # type: ignore[attr-defined]


def _hide_us(error: BaseException) -> None:
    """Have the exception printed, by whatever hook stands then, without our frames."""
    traceback_here = error.__traceback__  # from run() on; what started us comes in front of it
    hook = sys.excepthook

    def printed(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        sys.excepthook = hook
        if value is error:
            value.__traceback__ = traceback_here
            without_us(value)
            traceback = sys.last_traceback = value.__traceback__
        try:
            hook(kind, value, traceback)
        except SystemExit:
            raise
        except BaseException as failure:  # told as python tells it
            print("Error in sys.excepthook:", file=sys.stderr)
            without_us(failure)
            sys.__excepthook__(type(failure), failure, failure.__traceback__)
            print("\nOriginal exception was:", file=sys.stderr)
            sys.__excepthook__(kind, value, traceback)
        _forget_file()

    sys.excepthook = printed


def without_us(error: BaseException) -> None:
    """Take our frames off the traceback of an exception and of those it came from.

    Where one of our frames stands in the midst (a call that is watched, an operator that is emulated), what
    torch does beneath it is ours too.
    """
    seen: set[int] = set()
    chain = [error]
    while chain:
        one = chain.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _theirs(one.__traceback__)
        chain += [other for other in (one.__cause__, one.__context__) if other is not None]
        chain += getattr(one, "exceptions", ())


def _theirs(traceback: TracebackType | None) -> TracebackType | None:
    entries: list[TracebackType] = []
    below = None
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.startswith(_PERFCHECK):
            below = _TORCH
        elif below is None or below not in file:
            below = None
            entries.append(traceback)
        traceback = traceback.tb_next
    rebuilt = None
    for entry in reversed(entries):
        rebuilt = TracebackType(rebuilt, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return rebuilt
