"""A project that is kept answers as one that is met for the first time."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from perfcheck.lint.check import LintOptions, lint
from perfcheck.lint.standing import Standing
from perfcheck.source.text import SourceFile
from tests.lint.programs import builtin_rules, texts

LOOP = """
    from work import *
    from model import Net

    def train(loader, net: Net):
        for batch in loader:
            loss = net(batch)
            loss.backward()
            {}
"""
VARIANTS = {
    "main.py": [
        LOOP.format("step(loss)"),
        LOOP.format("step(loss)") + "\nedited = 1\n",
        LOOP.format("if report(loss): return"),
        LOOP.format("(step)"),
        LOOP.format("print(loss.item())"),
        LOOP.format("step(loss"),
        LOOP.format("net.peek(loss)"),
        LOOP.format("step(loss)").replace("import *", "import report as step"),
    ],
    "work.py": [
        """
        import torch

        def step(x: torch.Tensor):
            return x.item()

        def report(x: torch.Tensor):
            return _read(x)

        def _read(x):
            return float(x)
        """,
        """
        import torch

        def step(x: torch.Tensor):

            return report(x)

        def report(x: torch.Tensor):
            return x

        def _read(x):
            return float(x)
        """,
        """
        import torch
        step = report = print
        """,
        "from model import step",
        "def step(x",
    ],
    "model.py": [
        """
        import torch

        class Net(torch.nn.Module):
            def forward(self, x):
                return self.peek(x)

            def peek(self, x):
                return x.sum()

        def step(x):
            return x.tolist()
        """,
        """
        import torch

        class Net(torch.nn.Module):
            def forward(self, x):
                return x

            def peek(self, x):
                if x.sum() > 0:
                    return x
                return x.sum().cpu()

        def step(x):
            return x.tolist()
        """,
        """
        import torch

        class Net:
            def peek(self, x):
                return x.sum()
        """,
    ],
}
FILES = {name: [texts(variant)["main.py"] for variant in found] for name, found in VARIANTS.items()}
EDITS = st.sampled_from([(name, text) for name, found in FILES.items() for text in found])


@settings(max_examples=40, deadline=None)
@given(st.lists(EDITS, min_size=1, max_size=8), st.sampled_from(sorted(FILES)))
def test_whatever_is_edited_in_whatever_order(edits: list[tuple[str, str]], shown: str) -> None:
    standing = Standing()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "pyproject.toml").touch()
        for name, found in FILES.items():
            (root / name).write_text(found[0])
        for number, (name, text) in enumerate(edits):
            (root / name).write_text(text)
            os.utime(root / name, ns=(number, number))
            target = SourceFile(root / shown, shown, (root / shown).read_text())
            options = LintOptions(events=True)
            alone = lint([target], root=root, rules=builtin_rules(), options=options)
            kept = lint([target], root=root, rules=builtin_rules(), options=options, standing=standing)
            assert kept == alone
