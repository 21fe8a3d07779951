"""Evaluation under `no_grad`: where inference mode would do, and where tensors get out."""

import pytest

from tests.lint.detectors.snippets import flagged

EVALUATE = """
        import torch
        import torch.nn.functional as F
        from torch import nn, no_grad

        def evaluate(self, model: nn.Module, loader, device, meter, writer):
            {eval}
            total, seen = 0.0, []
            for images, labels in loader:
                with {switch}:
                    out = model(images.to(device))
                    loss = F.cross_entropy(out, labels.to(device))
                    {inside}
                {after}
            return total

        def other(model: nn.Module):
            {other}
"""


def found(**parts: str) -> bool:
    given = {
        "eval": "model.eval()",
        "switch": "torch.no_grad()",
        "inside": "pass",
        "after": "pass",
        "other": "pass",
    }
    return flagged(EVALUATE.format(**{**given, **parts}), "PC814") == {("PC814", 9)}


@pytest.mark.parametrize(
    "parts",
    [
        {"inside": "total += loss.item()"},
        {"inside": "seen.append(out.argmax(-1).cpu().numpy())"},
        {"inside": "writer.add_scalar('loss', loss.item())"},
        {"after": "total += float(loss)"},
        {"after": "seen.extend(out[0].softmax(-1).tolist())"},
        {"switch": "no_grad()", "after": "print(loss.item())"},
        {"switch": "torch.no_grad(), torch.autocast('cuda')", "after": "print(loss.item())"},
    ],
)
def test_what_leaves_nothing_but_numbers(parts: dict[str, str]) -> None:
    assert found(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"inside": "seen.append(out)"},
        {"inside": "meter.update(out, labels)"},
        {"inside": "self.last = out"},
        {"inside": "return out"},
        {"after": "total = total + loss"},
        {"after": "meter.update(out)"},
        {"inside": "out = model(images)", "after": "labels.add_(out.argmax(-1))"},
        {"inside": "model(images)"},  # for what it keeps: hooks that calibrate
        {"inside": "_ = model(images)"},
        {"switch": "torch.inference_mode()"},
        {"switch": "torch.enable_grad()"},
        {"eval": "pass"},
        {"other": "model(torch.ones(2)).sum().backward()"},  # the same model may be trained later
        {"other": "model.train()"},
        {"other": "return torch.compile(model)"},
        {"other": "return torch.nn.parallel.DistributedDataParallel(model)"},
    ],
)
def test_what_may_be_looked_at_later(parts: dict[str, str]) -> None:
    assert not found(**{"inside": "total += loss.item()", **parts})


def test_a_decorated_function() -> None:
    source = """
        import torch

        @torch.no_grad()
        def accuracy(model, loader):
            model.eval()
            return sum((model(x).argmax(-1) == y).sum().item() for x, y in loader)

        @torch.no_grad()
        def embed(model, loader):
            model.eval()
            return [model(x) for x, _ in loader]
    """
    assert flagged(source, "PC801", "PC813", "PC814") == {("PC814", 3)}
