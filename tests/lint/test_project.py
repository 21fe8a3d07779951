"""Names across files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.lint.project import ClassRef, FunctionRef, external_ancestry
from tests.lint.programs import MAIN, Program, linted

OPS = "def add(x):\n    return x\n\nclass Net:\n    def run(self): ...\n"


def resolved(files: dict[str, str], name: str, path: str = MAIN) -> str | None:
    """What a name as written in a file stands for."""
    program = Program(files)
    return program.engine.names.dotted(program.module(path), name)


@pytest.mark.parametrize(
    ("statement", "name", "dotted"),
    [
        ("import torch", "torch.cat", "torch.cat"),
        ("import torch as t", "t.cat", "torch.cat"),
        ("import torch.nn.functional as F", "F.relu", "torch.nn.functional.relu"),
        ("from torch.nn import functional as F", "F.relu", "torch.nn.functional.relu"),
        ("from torch import cat as glue", "glue", "torch.cat"),
        ("from torch import *", "cat", "torch.cat"),
        ("from ops import add", "add", "ops.add"),
        ("from ops import Net", "Net.run", "ops.Net.run"),
        ("from ops import *", "add", "ops.add"),
        ("import ops as o", "o.Net.run", "ops.Net.run"),
        ("from common import *", "torch.cat", "torch.cat"),
        ("from common import *", "glue", "torch.cat"),
        ("from common import *", "absent", None),
        ("def add(): ...", "add", "main.add"),
        ("class Net: ...", "Net.run", "main.Net.run"),
        ("", "float", "builtins.float"),
        ("", "nothing", None),
        ("x = 1", "x", None),
    ],
)
def test_names(statement: str, name: str, dotted: str | None) -> None:
    common = "import torch\nfrom torch import cat as glue\n"
    assert resolved({"ops.py": OPS, "common.py": common, MAIN: statement}, name) == dotted


def test_a_name_of_the_module_hides_a_builtin_one() -> None:
    assert resolved({MAIN: "def float(x): ..."}, "float") == "main.float"


@pytest.mark.parametrize(
    "package",
    [
        {"pkg/__init__.py": "from .ops import add"},
        {"pkg/__init__.py": "from .ops import *"},
        {"pkg/__init__.py": "from pkg.ops import add as add"},
        {"pkg/__init__.py": "from .more import add", "pkg/more.py": "from .ops import add"},
        {"pkg/__init__.py": "from .more import *", "pkg/more.py": "from .ops import *"},
        {"pkg/__init__.py": "from . import ops\nadd = ops.add\nfrom .ops import add"},
    ],
)
def test_re_exports(package: dict[str, str]) -> None:
    files = {"pkg/ops.py": OPS, **package, MAIN: "from pkg import add"}
    assert resolved(files, "add") == "pkg.ops.add"


def test_a_function_that_a_package_puts_in_its_modules_place() -> None:
    files = {
        MAIN: "from pkg import knn\nimport pkg.other\n",
        "pkg/__init__.py": "from .knn import knn\n",
        "pkg/knn.py": "def knn(x):\n    return x\n\ndef near(x): ...\n",
        "pkg/other.py": "def far(x): ...\n",
    }
    program = Program(files)
    found = program.project.lookup("pkg.knn", program.module(MAIN))
    assert isinstance(found, FunctionRef) and found.dotted == "pkg.knn.knn"
    assert resolved(files, "pkg.other.far") == "pkg.other.far"
    near = program.project.lookup("pkg.knn.near")
    assert isinstance(near, FunctionRef)


def test_relative_imports() -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/ops.py": OPS,
        "pkg/sub/__init__.py": "",
        "pkg/sub/use.py": "from ..ops import add\nfrom .. import ops\nfrom . import near\n",
        "pkg/sub/near.py": OPS,
    }
    assert resolved(files, "add", "pkg/sub/use.py") == "pkg.ops.add"
    assert resolved(files, "ops.Net", "pkg/sub/use.py") == "pkg.ops.Net"
    assert resolved(files, "near.add", "pkg/sub/use.py") == "pkg.sub.near.add"


def test_a_script_imports_its_neighbours_by_bare_names() -> None:
    files = {"examples/run.py": "from common import add", "examples/common.py": OPS}
    assert resolved(files, "add", "examples/run.py") == "examples.common.add"


@pytest.mark.parametrize("folder", ["src", "lib", "python"])
def test_a_folder_of_sources_is_no_part_of_names(folder: str) -> None:
    files = {f"{folder}/pkg/__init__.py": "", f"{folder}/pkg/ops.py": OPS, MAIN: "from pkg.ops import add"}
    assert resolved(files, "add") == "pkg.ops.add"
    assert resolved({**files, MAIN: f"from {folder}.pkg.ops import add"}, "add") == "pkg.ops.add"


@pytest.mark.parametrize("name", ["torch", "numpy", "transformers"])
def test_a_vendored_folder_is_not_the_library(name: str) -> None:
    files = {
        "pkg/__init__.py": "",
        f"pkg/third_party/{name}/__init__.py": "from .optim import AdamW",
        f"pkg/third_party/{name}/optim.py": "class AdamW: ...",
        "pkg/train.py": f"from {name} import optim",
    }
    assert resolved(files, "optim.AdamW", "pkg/train.py") == f"{name}.optim.AdamW"


def test_the_library_itself_may_be_the_project() -> None:
    files = {"torch/__init__.py": "from .functional import cat", "torch/functional.py": "def cat(): ..."}
    assert resolved({**files, "torch/use.py": "import torch"}, "torch.cat", "torch/use.py") == (
        "torch.functional.cat"
    )


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "from b import f", "b.py": "from a import f"},
        {"a.py": "from b import *", "b.py": "from a import *"},
        {"a.py": "from a import f"},
        {"a.py": "from a import *"},
        {"a/__init__.py": "from .a import f", "a/a.py": "from . import f"},
        {"a.py": "from b.f import f", "b.py": "from a.f import f"},
        {"a.py": "import b as f", "b.py": "import a as f"},
        {"a.py": "class A(A): ...", "b.py": "from a import A\nclass A(A): ..."},
        {"a.py": "from b import B\nclass A(B): ...", "b.py": "from a import A\nclass B(A): ..."},
    ],
)
def test_circles_end(files: dict[str, str]) -> None:
    files = {**files, MAIN: "import torch\nfrom a import *\nfrom a import f\nf.f.f(torch.ones(1))\nA().f()\n"}
    result = linted(files, events=True)
    assert not result.errors


def test_bases_across_files() -> None:
    program = Program(
        {
            "base.py": "from torch import nn\nclass Base(nn.Module):\n    def forward(self, x): ...\n",
            "mid.py": "import base\nclass Mid(base.Base): ...\n",
            MAIN: "from mid import Mid as M\nclass Leaf(M):\n    def step(self): ...\n",
        }
    )
    leaf = program.project.lookup("main.Leaf")
    assert isinstance(leaf, ClassRef)
    inside, outside = program.project.ancestry(leaf)
    assert [one.dotted for one in inside] == ["main.Leaf", "mid.Mid", "base.Base"]
    assert outside == {"torch.nn.Module"}
    assert program.project.is_subclass(leaf, "torch.nn.Module")
    assert program.project.is_subclass(leaf, "base.Base")
    assert not program.project.is_subclass(leaf, "torch.optim.Optimizer")
    found = program.project.method(leaf, "forward")
    assert found is not None and found.dotted == "base.Base.forward"
    assert program.project.method(leaf, "backward") is None


def test_overrides() -> None:
    program = Program(
        """
        class A:
            def f(self): ...
        class B(A):
            def f(self): ...
        class C(B):
            def g(self): ...
        class D(C):
            def f(self): ...
        """
    )
    a = program.project.lookup("main.A")
    assert isinstance(a, ClassRef)
    assert [one.dotted for one in program.project.overrides(a, "f")] == ["main.B.f", "main.D.f"]


def test_methods_through_classes() -> None:
    program = Program({"ops.py": OPS, MAIN: "from ops import Net\nclass Mine(Net): ...\n"})
    found = program.project.lookup("main.Mine.run")
    assert isinstance(found, FunctionRef) and found.dotted == "ops.Net.run"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("torch.nn.Linear", "torch.nn.Module"),
        ("torch.nn.modules.conv.Conv2d", "torch.nn.Module"),
        ("torchmetrics.Accuracy", "torch.nn.Module"),
        ("transformers.BertModel", "torch.nn.Module"),
        ("torch.optim.AdamW", "torch.optim.Optimizer"),
        ("torch.utils.data.TensorDataset", "torch.utils.data.Dataset"),
        ("torchvision.datasets.ImageFolder", "torch.utils.data.Dataset"),
        ("torch.utils.data.DataLoader", "torch.utils.data.DataLoader"),
        ("torch.distributions.Normal", "torch.distributions.Distribution"),
        ("lightning.pytorch.LightningModule", "torch.nn.Module"),
    ],
)
def test_what_outside_classes_derive_from(name: str, base: str) -> None:
    assert base in external_ancestry(name)


@pytest.mark.parametrize("name", ["torch.nn.Parameter", "torch.nn.functional.relu", "numpy.ndarray", "A"])
def test_what_is_no_module(name: str) -> None:
    assert external_ancestry(name) == {name}


NAMES = st.sampled_from(["a", "b", "c", "f", "A"])
STATEMENTS = st.one_of(
    st.builds("from {} import {}".format, st.sampled_from(["a", "b", ".", ".a", ".b", "a.b", "..a"]), NAMES),
    st.builds("from {} import *".format, st.sampled_from(["a", "b", ".", ".a", "a.b"])),
    st.builds("import {} as {}".format, st.sampled_from(["a", "b", "a.b"]), NAMES),
    st.builds("class {}({}): pass".format, NAMES, st.sampled_from(["A", "a.A", "b.A", "f", "A.A"])),
    st.builds("def {}(x):\n    return {}(x)".format, NAMES, st.sampled_from(["a", "b.f", "f", "A", "A.f"])),
    st.builds("{} = {}(1)".format, NAMES, st.sampled_from(["a", "b.f", "f", "A().f"])),
)
FILES = st.dictionaries(
    st.sampled_from(["a/__init__.py", "a/b.py", "a/a.py", "b.py", "c.py"]),
    st.lists(STATEMENTS, max_size=6).map("\n".join),
    min_size=1,
)


@given(files=FILES)
def test_any_tangle_of_imports_is_resolved_to_something(files: dict[str, str]) -> None:
    program = Program(files)
    for path in files:
        for name in ("a", "b.f", "A.f", "a.b.c", "f"):
            program.engine.names.dotted(program.module(path), name)
        for qualname in program.module(path).functions:
            program.engine.evaluate(program.function(qualname, path))
