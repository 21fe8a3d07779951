"""A script that we run is compared with the same script under plain ``python``: output, errors and exit
code.
"""

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# The runner alone: what trace adds to it needs torch, which takes seconds to import.
DRIVER = """
import sys
sys.path[0:1] = [sys.argv.pop(1)] if not sys.flags.safe_path else []
import perfcheck.run.ending, perfcheck.run.script as script
del sys.path[0]
ending = perfcheck.run.ending.Ending()
ending.last = lambda: perfcheck.run.ending.say("the end") or 0
arguments = sys.argv[1:]
is_module = arguments[0] == "-m"
try:
    script.run(script.Target(arguments[is_module], tuple(arguments[is_module + 1:]), is_module))
except SystemExit as end:
    if end.code not in (None, 0):
        raise
sys.exit(ending.of_success())
"""

SCRIPTS = {
    "what it is": """
        import sys
        print(__name__, __file__, sorted(globals()), __spec__, type(__loader__).__name__)
        print(__package__, __cached__, type(__builtins__), __annotations__, __doc__)
        print(sys.argv, sys.path, sys.modules["__main__"].__dict__ is globals())
        """,
    "a docstring and annotations": '"""It says so."""\nx: int = 1\nprint(__doc__, __annotations__)',
    "an exception": """
        def inner(x):
            return 1 / x
        def outer():
            try:
                inner(0)
            except ZeroDivisionError as error:
                raise ValueError("so") from error
        outer()
        """,
    "an exception with notes and groups": """
        error = ExceptionGroup("several", [ValueError(1), KeyError("k")])
        error.add_note("a note")
        raise error
        """,
    "a syntax error": "print('never')\nif True print(1)",
    "another encoding": "# coding: latin-1\nprint(ascii('é'))".encode("latin-1"),
    "exit with a number": "import sys; sys.exit(3)",
    "exit with words": "raise SystemExit('words')",
    "exit with nothing": "import sys; print('x'); sys.exit()",
    "exit with zero": "raise SystemExit(0)",
    "exit with false": "raise SystemExit(False)",
    "interrupted by itself": "raise KeyboardInterrupt",
    "an excepthook of its own": """
        import sys
        def hook(kind, value, traceback):
            import traceback as printing
            print("mine", kind, value, sys.last_value is value)
            printing.print_tb(traceback)
        sys.excepthook = hook
        raise RuntimeError("x")
        """,
    "an excepthook that fails": """
        import sys
        def hook(*what):
            raise KeyError("in the hook")
        sys.excepthook = hook
        raise RuntimeError("x")
        """,
    "an excepthook that exits": """
        import sys
        sys.excepthook = lambda *what: sys.exit(7)
        raise RuntimeError("x")
        """,
    "no excepthook": "import sys; sys.excepthook = None; raise RuntimeError('x')",
    "atexit, threads and finalizers in their order": """
        import atexit, sys, threading, time, weakref
        class Last:
            def __del__(self):
                print("deleted")
        last = Last()
        weakref.finalize(last, print, "finalized")
        atexit.register(lambda: print("atexit", sys.modules["__main__"].__name__, "__file__" in globals()))
        def work():
            time.sleep(0.2)
            atexit.register(print, "registered by a thread")
            print("thread")
        threading.Thread(target=work).start()
        print("end")
        """,
    "atexit after an exception": """
        import atexit
        atexit.register(lambda: print("atexit", "__file__" in globals()))
        raise ValueError
        """,
    "atexit that fails": "import atexit\natexit.register(lambda: 1 / 0)",
    "an unclosed file is written": """
        import sys
        kept = open(sys.argv[0] + ".log", "w")
        kept.write("all of it")
        """,
    "a thread that fails": """
        import threading
        def fail():
            raise ValueError("in a thread")
        thread = threading.Thread(target=fail, name="T")
        thread.start(); thread.join()
        """,
    "os._exit": "import os, atexit\natexit.register(print, 'never')\nprint('lost')\nos._exit(4)",
    "fork and exit": """
        import os, sys
        child = os.fork()
        if child == 0:
            sys.exit(5)
        print(os.waitpid(child, 0)[1] >> 8)
        """,
    "fork and return": """
        import os, sys
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        print("child" if child == 0 else "parent", flush=True)
        """,
    "workers by fork": """
        import multiprocessing, sys
        def work(x):
            return x * x, __name__
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(pool.map(work, range(3)))
        """,
    "workers by spawn": """
        import multiprocessing, sys
        def work(x):
            return x * x, __name__, sys.argv
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                print(pool.map(work, range(3)))
        """,
    "a process joined at the end": """
        import multiprocessing, time
        def work():
            time.sleep(0.2)
            print("child", flush=True)
        if __name__ == "__main__":
            multiprocessing.get_context("fork").Process(target=work).start()
            print("parent", flush=True)
        """,
    "pickles of what main defines": """
        import pickle
        class Thing:
            pass
        print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
        """,
    "modules beside it": "import beside; print(beside.__file__, beside.name)",
    "another directory": """
        import os
        os.chdir("/")
        import beside
        print(os.getcwd(), __file__, beside.__file__)
        """,
    "bytes on stdout": "import sys; sys.stdout.buffer.write(bytes(range(256)))",
    "another stdout": """
        import sys, io
        sys.stdout = io.StringIO()
        print("kept")
        sys.stderr.write(sys.stdout.getvalue())
        """,
    "closed streams": "import os; os.close(1); os.close(2)",
    "standard input": "import sys; print(sys.stdin.read().upper(), input.__module__)",
    "a warning": "import warnings; warnings.warn('careful')",
    "inspection": "import inspect\ndef f(): pass\nprint(inspect.getsource(f), inspect.getfile(f))",
    "a recursion too deep": """
        def f(): f()
        try: f()
        except RecursionError as error: print(error)
        """,
    "the last exception": """
        import atexit, sys
        def tell():
            trace, frames = sys.last_traceback, []
            while trace: frames.append(trace.tb_frame.f_code.co_name); trace = trace.tb_next
            print(frames)
        atexit.register(tell)
        def f(): raise ValueError
        f()
        """,
}  # fmt: skip


def plain(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    return _started([sys.executable, *arguments], cwd)


def ours(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    driver = cwd.parent / "driver.py"
    driver.write_text(DRIVER)
    return _started([sys.executable, str(driver), str(ROOT), *arguments], cwd)


def _started(command: list[str], cwd: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def told(process: subprocess.Popen[bytes]) -> tuple[int, bytes, str, bool]:
    """Exit code, output, errors without addresses and without our last word, and whether we had it."""
    out, err = process.communicate(b"typed", timeout=60)
    errors = re.sub(r"0x[0-9a-f]+", "0x…", err.decode())
    last = "perfcheck: the end\n"
    return process.returncode, out, errors.replace(last, ""), last in errors


def prepare(folder: Path, name: str, source: str | bytes) -> Path:
    import textwrap

    work = folder / "work"
    work.mkdir()
    content = source if isinstance(source, bytes) else textwrap.dedent(source).lstrip("\n").encode()
    (work / name).write_bytes(content)
    (work / "beside.py").write_text("name = __name__")
    return work


@pytest.mark.parametrize("source", SCRIPTS.values(), ids=SCRIPTS)
def test_it_behaves_as_under_python(source: str | bytes, tmp_path: Path) -> None:
    work = prepare(tmp_path, "script.py", source)
    expected = told(plain("script.py", "--some", "argument", cwd=work))
    log = work / "script.py.log"
    written = log.read_text() if log.exists() else None
    log.unlink(missing_ok=True)
    got = told(ours("script.py", "--some", "argument", cwd=work))
    assert got[:3] == expected[:3]
    assert got[3] or "closed streams" in str(source) or b"close(2)" in str(source).encode()
    assert (log.read_text() if log.exists() else None) == written


@pytest.mark.parametrize("path", ["./sub/../script.py", "link.py", "sub/script.py"])
def test_paths_are_told_as_python_tells_them(path: str, tmp_path: Path) -> None:
    source = "import sys; print(__file__, sys.argv, sys.path)\nraise ValueError"
    work = prepare(tmp_path, "script.py", source)
    (work / "sub").mkdir()
    (work / "sub" / "script.py").write_text(source)
    (work / "link.py").symlink_to(work / "sub" / "script.py")
    assert told(ours(path, cwd=work))[:3] == told(plain(path, cwd=work))[:3]


MODULE = """
import sys, multiprocessing
from . import part
def work(x):
    return x, __name__
if __name__ == "__main__":
    print(__name__, __file__, __package__, __spec__.name, sys.argv, sys.path, part.__name__)
    if __spec__.name == "package.module":  # a package's __main__ cannot be imported by its workers
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(work, [1]))
    import atexit
    atexit.register(lambda: print(sys.modules["__main__"].__file__))
    raise ValueError("of a module")
"""


@pytest.mark.parametrize("name", ["package.module", "package", "missing.module", "package.broken"])
def test_modules_run_as_behind_python_m(name: str, tmp_path: Path) -> None:
    work = prepare(tmp_path, "script.py", "")
    package = work / "package"
    package.mkdir()
    for file, text in {
        "__init__": "",
        "part": "",
        "module": MODULE,
        "__main__": MODULE,
        "broken": "1 +",
    }.items():
        (package / f"{file}.py").write_text(text)
    assert told(ours("-m", name, "x", cwd=work))[:3] == told(plain("-m", name, "x", cwd=work))[:3]


def test_folders_and_archives_run(tmp_path: Path) -> None:
    source = "import sys; print(__name__, __file__, sys.argv, sys.path, __spec__.name, __package__)"
    work = prepare(tmp_path, "__main__.py", source)
    with zipfile.ZipFile(work / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", source)
    for target in (".", "app.pyz"):
        assert told(ours(target, "x", cwd=work))[:3] == told(plain(target, "x", cwd=work))[:3]


def test_compiled_files_run(tmp_path: Path) -> None:
    import py_compile

    work = prepare(tmp_path, "script.py", "print(__file__, __name__)")
    py_compile.compile(str(work / "script.py"), cfile=str(work / "compiled.pyc"))
    assert told(ours("compiled.pyc", cwd=work))[:3] == told(plain("compiled.pyc", cwd=work))[:3]


SLEEPER = """
import sys, time
try:
    print("ready", flush=True)
    time.sleep(30)
except KeyboardInterrupt:
    print("cleaned up", flush=True)
    if "again" in sys.argv:
        raise
"""


@pytest.mark.parametrize(
    ("number", "argument"),
    [
        (signal.SIGINT, "again"),
        (signal.SIGINT, "once"),
        (signal.SIGTERM, ""),
        (signal.SIGKILL, ""),
        (signal.SIGHUP, ""),
    ],
)
def test_signals_end_it_as_they_end_python(number: signal.Signals, argument: str, tmp_path: Path) -> None:
    work = prepare(tmp_path, "script.py", SLEEPER)
    endings = []
    for start in (plain, ours):
        process = start("script.py", argument, cwd=work)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        process.send_signal(number)
        endings.append(told(process)[:3])
    assert endings[0] == endings[1]


def test_a_script_that_is_not_there_is_told(tmp_path: Path) -> None:
    from perfcheck.run.script import NoScript, Target

    with pytest.raises(NoScript, match=r"cannot open .*/missing\.py: No such file"):
        Target(str(tmp_path / "missing.py")).check()
