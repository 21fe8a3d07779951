"""What calls return that are no operators: containers, builtins, modules, libraries."""

import pytest

from perfcheck.events import Truth
from tests.lint.programs import expression, value


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("xs[0]", True),
        ("xs.pop()", True),
        ("hs[-1]", False),
        ("hs.copy()[0]", False),
        ("(hs + hs)[0]", False),
        ("(hs * 3)[0]", False),
        ("hs[1:][0]", False),
        ("d['h']", False),
        ("d.get('x')", True),
        ("list(d.values())[0]", None),
        ("{**d}['h']", None),
        ("[v for _, v in zip(xs, hs)][0]", False),
        ("[v for v, _ in zip(xs, hs)][0]", True),
        ("[v for _, v in enumerate(hs)][0]", False),
        ("list(reversed(hs))[0]", False),
        ("tuple(hs)[0]", False),
        ("sum(hs)", False),
        ("sum(xs)", True),
        ("next(iter(xs))", True),
        ("max(xs)", True),
        ("abs(h)", False),
        ("copy.copy(h)", False),
        ("functools.partial(torch.zeros, 3)(device='cuda')", True),
        ("tqdm(hs)[0]", False),
    ],
)
def test_containers_and_builtins(text: str, device: Truth) -> None:
    before = """
    import copy, functools
    from tqdm import tqdm
    h = torch.zeros(3)
    xs, hs = [x, x], [h, h]
    d = {"x": x, "h": h}
    """
    assert expression(text, "x: torch.Tensor", before).device is device


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("len([])", "number"),
        ("int('1')", "number"),
        ("range(3)", "list"),
        ("sorted([1])", "list"),
        ("dict(a=1)", "dict"),
        ("set()", "set"),
        ("open('f')", "host"),
        ("'a'.join([])", "str"),
        ("'a b'.split()", "list"),
        ("math.sqrt(2)", "number"),
        ("np.zeros(3)", "array"),
        ("np.zeros(3).mean()", "array"),
        ("np.zeros(3).item()", "number"),
        ("np.log(np.exp(1.0) - 1)", "number"),
        ("np.log(np.zeros(3))", "array"),
        ("random.random()", "number"),
        ("model.eval()", "module"),
        ("model.to('cuda')", "module"),
        ("torch.compile(model)", "module"),
        ("nn.DataParallel(model)", "module"),
        ("unknown(1)", "unknown"),
        ("getattr(x, 'shape')", "size"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    before = "import math, os, random\nimport numpy as np"
    assert expression(text, "x: torch.Tensor, model: nn.Module", before).kind == kind


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("unknown(x)", True),  # what comes back, if it is a tensor, is where they are
        ("unknown([x])", True),
        ("unknown(h)", None),
        ("unknown(1)", None),
        ("model(x)", True),
        ("nn.Linear(1, 1)(h)", None),  # one of them has to be moved
        ("nn.LSTM(1, 1)(x)[0]", True),
        ("nn.CrossEntropyLoss()(x, x)", True),
    ],
)
def test_where_results_are(text: str, device: Truth) -> None:
    assert expression(text, "x: torch.Tensor, model: nn.Module", "h = torch.zeros(1)").device is device


def test_parameters_of_a_module() -> None:
    assert expression("next(model.parameters())", "model: nn.Module").on_device is True
    assert expression("next(model.parameters())", "model: nn.Module").grad is True
    assert expression("[p for _, p in model.named_parameters()][0]", "model: nn.Module").on_device is True
    assert expression("model.state_dict()", "model: nn.Module").kind == "dict"


def test_parameters_of_a_constructor() -> None:
    """A model is moved after it is made: what it is given may be anywhere."""
    body = """
    class Head(nn.Module):
        def {name}(self, weight: torch.Tensor, other):
            reveal(weight + other.clamp(0))
    """
    assert value(body.format(name="forward")).device is True
    assert value(body.format(name="__init__")).device is None


def test_what_a_processor_makes() -> None:
    assert (
        expression("processor(images, return_tensors='pt')['sizes'].sum()", "processor, images").device
        is False
    )
    assert expression("processor(images)['sizes'].clamp(0)", "processor: nn.Module, images").device is True


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("tok(text, return_tensors='pt').input_ids", False),
        ("tok(text, return_tensors='pt').to(device).input_ids", True),
        ("tok(text, return_tensors='pt').to('cuda')['input_ids']", True),
        ("tok(text, return_tensors='pt').to('cpu')['input_ids']", False),
        ("tok(text, return_tensors='pt').to(torch.bfloat16)['pixel_values']", False),
        ("{k: v.to(device) for k, v in tok(text, return_tensors='pt').items()}['input_ids']", True),
        ("tok.encode(text, return_tensors='pt')", False),
        ("tok.encode(text, return_tensors='pt').to(device)[0]", True),
    ],
)
def test_what_a_tokenizer_makes_is_moved_with_all_it_holds(text: str, device: Truth) -> None:
    found = expression(text, "tok, text, device")
    assert (found.kind, found.device) == ("tensor", device)


def test_group_operations_are_no_methods_of_tensors() -> None:
    assert expression("accelerator.gather(x)", "accelerator, x: torch.Tensor").kind == "unknown"
    assert expression("y.gather(1, x)", "x: torch.Tensor, y").kind == "tensor"


def test_variables_of_a_comprehension_are_its_own() -> None:
    body = """
    def f(words, u):
        first = [reveal(ids) for ids in words]
        second = [ids.unsqueeze(0) for ids in u]
    """
    assert value(body).kind == "unknown"
    assert value(body.replace("reveal(ids)", "reveal(ids).clone() + ids.unsqueeze(0)")).kind == "tensor"


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("torch.zeros(2, n)", 2),
        ("torch.zeros(2, self.n, device=d)", 2),
        ("torch.zeros(2)", 1),
        ("torch.zeros(*n)", None),
    ],
)
def test_ranks_of_factories(text: str, rank: int | None) -> None:
    assert expression(text, "self, n, d").rank == rank


def test_what_is_called_after_the_cpu_lies_there() -> None:
    assert expression("x_cpu.clone()", "x_cpu", "x_cpu.unsqueeze(0)").device is False
    assert expression("u.x_cpu.clone()", "u", "u.x_cpu.unsqueeze(0)").device is False
    assert expression("u.x.clone()", "u", "u.x.unsqueeze(0)").device is True


def test_rows_of_a_table_have_one_dimension() -> None:
    assert expression("torch.cartesian_prod(x, x)", "x: torch.Tensor").rank == 2
    assert expression("torch.cartesian_prod(x, x)[0]", "x: torch.Tensor").rank == 1


def test_reductions_of_numpy_give_numbers() -> None:
    before = "import numpy as np"
    assert expression("np.prod(shape)", "shape", before).kind == "number"
    assert expression("np.prod(shape, axis=0)", "shape", before).kind == "array"
    assert expression("np.cumsum(shape)", "shape", before).kind == "array"


def test_numbers_become_tensors_on_the_host() -> None:
    assert expression("torch.as_tensor(n)", "n: int").device is False
    assert expression("torch.as_tensor(x.shape[:-1])", "x: torch.Tensor").device is False
    assert expression("torch.as_tensor(n, device=x.device)", "n: int, x: torch.Tensor").device is True
    assert (
        expression("torch.tensor(u)", "u", "v = u.repeat_interleave(2)").device is None
    )  # u was data, or not


def test_special_tokens_are_numbers() -> None:
    assert expression("pad_index", "pad_index").kind == "number"
    assert expression("speaker_index", "speaker_index").kind == "unknown"


def test_what_numpy_draws_of_numbers_are_indices() -> None:
    before = "import numpy as np"
    assert expression("np.random.choice(n, 8)", "n: int", before).dtype == "int"
    assert expression("np.random.choice(mask, 8)", "mask", before).dtype is None
    assert expression("np.arange(n)", "n: int", before).dtype is None


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("model = model.cpu(); reveal(model(x).sum())", False),
        ("model = model.to('cpu').eval(); reveal(model(x).sum())", False),
        ("model.to('cpu'); reveal(model(x).sum())", False),
        ("model.to(torch.device('cpu')); reveal(model(x).sum())", False),
        ("model.to('cpu'); model.cuda(); reveal(model(x).sum())", True),
        ("model = model.to(device); reveal(model(x).sum())", True),
        ("m = m.cpu(); reveal(m(x).sum())", False),
        ("m.to('cpu'); reveal(m(x).sum())", False),
        ("reveal(m(x).sum())", True),
        ("reveal(model(x.to('cpu')).argmax(1) == y.to('cpu'))", False),
        ("net = nn.Linear(3, 1); reveal(net(h).sum())", False),
        ("net = nn.Linear(3, 1); net.to(device); reveal(net(x).sum())", True),
        ("net = nn.Linear(3, 1); move(net); reveal(net(x).sum())", True),
        ("net = nn.DataParallel(nn.Linear(3, 1)); reveal(net(x).sum())", True),
        ("net = nn.Linear(3, 1, device=device); reveal(net(x).sum())", True),
    ],
)
def test_a_model_that_is_kept_on_the_host_gives_host_tensors(text: str, device: Truth) -> None:
    body = """
    h = torch.zeros(1)

    def step(model: nn.Module, m, x: torch.Tensor, y: torch.Tensor, device):
        {text}
    """
    assert value(body.format(text=text)).device is device


@pytest.mark.parametrize(
    "prepared",
    [
        "accelerator.prepare(model, opt, loader)",
        "self.accelerator.prepare(model, opt, loader)",
        "fabric.setup(model, opt, loader)",
    ],
)
@pytest.mark.parametrize(
    "text", ["batch['ids']", "batch[0] + 1", "nn.functional.cross_entropy(batch[0], batch[1])"]
)
def test_a_loader_that_a_library_prepares_moves_its_batches(prepared: str, text: str) -> None:
    body = f"""
    def train(self, accelerator, fabric, model, opt, dataset):
        loader = torch.utils.data.DataLoader(dataset)
        model, opt, loader = {prepared}
        for batch in loader:
            reveal({text})
    """
    assert value(body).device is True
    assert value(body.replace(prepared, "model, opt, loader")).device is not True


def test_what_a_backward_kept_lies_on_the_device() -> None:
    kept = value(
        """
        class Round(torch.autograd.Function):
            @staticmethod
            def backward(ctx, grad):
                x, scale = ctx.saved_tensors
                reveal(scale)
        """
    )
    assert (kept.kind, kept.device, kept.assumed) == ("tensor", True, True)
