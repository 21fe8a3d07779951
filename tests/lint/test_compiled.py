import pytest

from perfcheck.events import Truth
from perfcheck.lint.compiled import CompiledMap
from tests.lint.programs import MAIN, Program, Sources

IMPORTS = "import torch\nfrom torch import nn\n"


def compiled(sources: Sources, qualname: str, path: str = MAIN) -> Truth:
    program = Program(sources)
    return CompiledMap(program.engine, program.heat).of(program.function(qualname, path))


@pytest.mark.parametrize(
    "source",
    [
        "@torch.compile\ndef f(x): ...",
        "@torch.compile(fullgraph=True)\ndef f(x): ...",
        "def f(x): ...\ng = torch.compile(f)",
        "def f(x): ...\ng = torch.compile(f, mode='max-autotune')",
        "def f(x): ...\ndef main():\n    return torch.compile(f)",
        "@torch.compile\ndef g(x):\n    return f(x)\ndef f(x): ...",
        "@torch.compile\ndef g(x):\n    return h(x)\ndef h(x):\n    return f(x)\ndef f(x): ...",
    ],
)
def test_functions_that_are_compiled(source: str) -> None:
    assert compiled(IMPORTS + source, "f") is True


@pytest.mark.parametrize("decorator", ["torch.compiler.disable", "torch._dynamo.disable(recursive=True)"])
def test_functions_that_are_kept_out(decorator: str) -> None:
    source = f"@torch.compile\ndef g(x):\n    f(x)\n@{decorator}\ndef f(x):\n    h(x)\ndef h(x): ...\n"
    assert compiled(IMPORTS + source, "f") is False
    assert compiled(IMPORTS + source, "h") is None


@pytest.mark.parametrize(
    "methods",
    [
        """
    @torch.compile
    def forward(self, x): ...
""",
        """
    def __init__(self):
        self.g = torch.compile(self.forward)
    def forward(self, x): ...
""",
        """
    @torch.compile
    def g(self, x):
        return self.forward(x)
    def forward(self, x): ...
""",
    ],
)
def test_methods_that_are_compiled(methods: str) -> None:
    assert compiled(IMPORTS + "class A(nn.Module):" + methods, "A.forward") is True


def test_through_files() -> None:
    files = {
        MAIN: "import torch\nfrom ops import f\n@torch.compile\ndef g(x):\n    return f(x)\n",
        "ops.py": "def f(x): ...\ndef other(x): ...\n",
    }
    assert compiled(files, "f", "ops.py") is True
    assert compiled(files, "other", "ops.py") is None


def test_where_nothing_is_compiled_the_answer_is_no() -> None:
    assert compiled(IMPORTS + "def f(x): ...", "f") is False


def test_where_something_is_compiled_the_rest_is_unknown() -> None:
    assert compiled(IMPORTS + "def f(x): ...\n@torch.compile\ndef g(x): ...", "f") is None
    assert compiled(IMPORTS + "def f(x): ...\ndef g(model): model.compile()", "f") is None


def test_script_is_another_compiler() -> None:
    assert compiled(IMPORTS + "@torch.jit.script\ndef f(x): ...", "f") is not True


def test_circles_end() -> None:
    source = "@torch.compile\ndef f(x):\n    return g(x)\ndef g(x):\n    return f(x)\n"
    assert compiled(IMPORTS + source, "g") is True


def test_what_a_class_offers_to_compile_is_not_always_compiled() -> None:
    source = """
        import torch
        class Env:
            def compile(self, **options):
                self.step = torch.compile(self.step, **options)
            def step(self, x): ...
        class Model:
            def setup(self):
                self.step = torch.compile(self.step)
            def step(self, x): ...
    """
    assert compiled(source, "Env.step") is None
    assert compiled(source, "Model.step") is True


@pytest.mark.parametrize(
    "use",
    [
        "model = torch.compile(A())",
        "model = torch.compile(A().to('cuda').eval(), dynamic=True)",
        "def main():\n    model = A().cuda()\n    model = torch.compile(model)",
        "def main():\n    model = A()\n    model.compile(mode='max-autotune')",
        "def main():\n    model = build().to('cuda')\n    model = torch.compile(model)",
        "class T:\n    def __init__(self):\n        self.model = A()\n"
        "        self.model = torch.compile(self.model)",
        "class T:\n    def __init__(self):\n        self.model = A()\n"
        "        self.model.forward = torch.compile(self.model.forward)",
        "class B(nn.Module):\n    def __init__(self):\n"
        "        self.blocks = nn.ModuleList([A() for _ in range(2)])\n"
        "    def forward(self, x): ...\n\nmodel = torch.compile(B())",
    ],
)
def test_modules_that_are_compiled_as_instances(use: str) -> None:
    source = f"class A(nn.Module):\n    def forward(self, x): ...\n\ndef build():\n    return A()\n\n{use}\n"
    assert compiled(IMPORTS + source, "A.forward") is True


@pytest.mark.parametrize(
    "use",
    [
        "pattern = re.compile(A())",
        "def main(model):\n    torch.compile(model)\n    A()",
        "def main(model, other):\n    torch.compile(model)\n    return isinstance(other, A)",
    ],
)
def test_modules_of_which_nobody_compiles_an_instance(use: str) -> None:
    source = f"import re\nclass A(nn.Module):\n    def forward(self, x): ...\n\n{use}\n"
    assert compiled(IMPORTS + source, "A.forward") is not True
