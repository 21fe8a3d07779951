import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from perfcheck.findings import LintError
from perfcheck.lint.corpus import Corpus, Indexed, engine_state, module_name
from perfcheck.source.text import SourceFile
from tests.cli.command import write


class Memory:
    """A store that counts."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.hits = 0

    def get(self, key: str) -> bytes | None:
        self.hits += key in self.kept
        return self.kept.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.kept[key] = data


def corpus(
    root: Path, targets: Mapping[str, str], others: tuple[str, ...] = (), store: Memory | None = None
) -> Corpus:
    files = [SourceFile(root / path, f"shown/{path}", text) for path, text in targets.items()]
    return Corpus(root, files, [str(root / path) for path in others], store)


@pytest.mark.parametrize(
    ("path", "name", "is_package"),
    [
        ("a.py", "a", False),
        ("pkg/a.py", "pkg.a", False),
        ("pkg/__init__.py", "pkg", True),
        ("src/pkg/a.py", "pkg.a", False),
        ("src.py", "src", False),
        ("src/__init__.py", "root", True),
        ("__init__.py", "root", True),
        ("notebook.ipynb", "notebook", False),
        ("../elsewhere/a.py", "a", False),
    ],
)
def test_module_names(path: str, name: str, is_package: bool) -> None:
    found = module_name(Path("/w/root"), "/w/elsewhere/a.py" if path.startswith("..") else f"/w/root/{path}")
    assert found == (name, is_package)


def test_targets_are_as_given_and_others_as_on_disk(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import torch  # old\n", "b.py": "import torch\n"})
    found = corpus(tmp_path, {"a.py": "import torch  # new\n"}, ("a.py", "b.py", "gone.py"))
    assert [found.text(path) for path in found.paths] == ["import torch  # new\n", "import torch\n", ""]


def test_what_cannot_be_parsed_is_an_error_of_a_target_alone(tmp_path: Path) -> None:
    write(tmp_path, {"b.py": "import torch\ndef f(:\n"})
    found = corpus(tmp_path, {"a.py": "import torch\n\ndef f(:\n"}, ("b.py",))
    ours, other = (found.index(path) for path in found.paths)
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    assert ours.error == LintError("shown/a.py", 3, f"cannot be parsed by {python}: invalid syntax")
    assert other == Indexed()


@pytest.mark.parametrize("text", ["x = " + "(" * 5000 + ")" * 5000, "x = " + "-" * 200_000 + "1"])
def test_deep_nesting_is_an_error(tmp_path: Path, text: str) -> None:
    found = corpus(tmp_path, {"a.py": "import torch\n" + text})
    error = found.index(found.paths[0]).error
    assert error is not None and (error.path, error.line) == ("shown/a.py", 2)


def test_surroundings_that_have_nothing_to_do_with_tensors_are_not_indexed(tmp_path: Path) -> None:
    around = {"a.py": "x = 1\n", "b.py": "import torch\n", "pkg/__init__.py": "from .a import x\n"}
    for path, text in around.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    found = corpus(tmp_path, {"target.py": "y = 2\n"}, tuple(around))
    indexed = {Path(path).name: found.index(path).record is not None for path in found.paths}
    assert indexed == {"target.py": True, "a.py": False, "b.py": True, "__init__.py": True}


def test_an_index_is_kept_by_content(tmp_path: Path) -> None:
    store = Memory()
    first = corpus(tmp_path, {"a.py": "import torch\n"}, store=store)
    fresh = first.index(first.paths[0])
    assert store.hits == 0
    assert first.index(first.paths[0]) == fresh
    assert store.hits == 1
    changed = corpus(tmp_path, {"a.py": "import torch as t\n"}, store=store)
    record = changed.index(changed.paths[0]).record
    assert store.hits == 1
    assert record is not None and record.imports == {"t": "torch"}


def test_a_kept_error_bears_the_name_it_is_asked_by(tmp_path: Path) -> None:
    store = Memory()
    broken = {"a.py": "def f(:\n"}
    corpus(tmp_path, broken, store=store).index(str(tmp_path / "a.py"))
    again = Corpus(tmp_path, [SourceFile(tmp_path / "a.py", "other", broken["a.py"])], [], store)
    error = again.index(str(tmp_path / "a.py")).error
    assert error is not None and error.path == "other"


def test_the_digest_tells_every_change(tmp_path: Path) -> None:
    write(tmp_path, {"b.py": "import torch\n"})
    same = corpus(tmp_path, {"a.py": "x\n"}, ("b.py",)).digest()
    assert corpus(tmp_path, {"a.py": "x\n"}, ("b.py",)).digest() == same
    digests = {
        same,
        corpus(tmp_path, {"a.py": "y\n"}, ("b.py",)).digest(),
        corpus(tmp_path, {"a.py": "x\n"}).digest(),
        corpus(tmp_path, {"a.py": "x\n", "b.py": "import torch\n"}).digest(),
    }
    write(tmp_path, {"b.py": "import torch as t\n"})
    digests.add(corpus(tmp_path, {"a.py": "x\n"}, ("b.py",)).digest())
    assert len(digests) == 5


def test_the_engine_s_state_is_stable() -> None:
    assert engine_state() == engine_state() != ""
