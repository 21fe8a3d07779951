"""The events that expressions and statements raise, by family of operators."""

import textwrap

import pytest

from tests.lint.programs import MAIN, events, operators, value

ANY = "x: torch.Tensor, u, flag, device"
"""``x`` is on the device, ``u`` is anything; ``h`` is on the host."""


def raised(body: str, event: str = "host-sync", parameters: str = ANY) -> set[str]:
    """The operators that raise an event; "?" follows what is only likely."""
    body = "h = torch.zeros(3)\n" + textwrap.dedent(body)
    return {
        operator + ("" if certainty == "yes" else "?")
        for found, operator, certainty in operators(body, parameters)
        if found == event
    }


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("x.item()", "Tensor.item"),
        ("x.sum().item()", "Tensor.item"),
        ("x[0].item()", "Tensor.item"),
        ("x.tolist()", "Tensor.tolist"),
        ("x.cpu()", "Tensor.cpu"),
        ("x.detach().cpu().numpy()", "Tensor.cpu"),
        ("x.to('cpu')", "Tensor.to"),
        ("float(x)", "Tensor.__float__"),
        ("int(x.max())", "Tensor.__int__"),
        ("bool(x)", "Tensor.__bool__"),
        ("complex(x)", "Tensor.__float__"),
        ("range(x)", "Tensor.__index__"),
        ("print(x)", "Tensor.__repr__"),
        ("print('loss', x.mean())", "Tensor.__repr__"),
        ("print([x])", "Tensor.__repr__"),
        ("str(x)", "Tensor.__repr__"),
        ("f'{x}'", "Tensor.__format__"),
        ("f'{x:.3f}'", "Tensor.__format__"),
        ("'%s' % x", "Tensor.__format__"),
        ("'%s %s' % (1, x)", "Tensor.__format__"),
        ("'{}'.format(x)", "Tensor.__format__"),
        ("math.sqrt(x)", "math.sqrt"),
        ("x in x", "Tensor.__contains__"),
        ("[1, 2][x]", "Tensor.__index__"),
        ("x in [1, 2]", "Tensor.__bool__"),
        ("max(x, 1)", "Tensor.__bool__"),
        ("min(x, x)", "Tensor.__bool__"),
        ("max(x)", "Tensor.__bool__"),
        ("sorted(x)", "Tensor.__bool__"),
        ("sorted(enumerate(x), key=lambda pair: pair[1])", "Tensor.__bool__"),
        ("max(zip(x, [1, 2]), key=lambda pair: pair[0])", "Tensor.__bool__"),
        ("[(v, 1) for v in x].sort(key=lambda pair: pair[0])", "Tensor.__bool__"),
        ("any(x)", "Tensor.__bool__"),
        ("all(x > 0)", "Tensor.__bool__"),
        ("list(map(float, x))", "Tensor.__float__"),
        ("[t.item() for t in x]", "Tensor.item"),
        ("{t.item(): 1 for t in x}", "Tensor.item"),
        ("(lambda: x.item())", "Tensor.item"),
        ("(y := x).item()", "Tensor.item"),
        ("torch.nonzero(x)", "torch.nonzero"),
        ("torch.where(x > 0)", "torch.where"),
        ("x.unique()", "Tensor.unique"),
        ("torch.masked_select(x, x > 0)", "torch.masked_select"),
        ("torch.allclose(x, x)", "torch.allclose"),
        ("torch.equal(x, x)", "torch.equal?"),
        ("torch.repeat_interleave(x, x.long())", "torch.repeat_interleave"),
        ("torch.bincount(x)", "torch.bincount"),
        ("F.one_hot(x)", "torch.nn.functional.one_hot"),
        ("x[x > 0]", "Tensor.__getitem__"),
        ("x[[0, 1]]", "Tensor.__getitem__"),
        ("x[:, (0, 1)]", "Tensor.__getitem__"),
        ("torch.cuda.synchronize()", "torch.cuda.synchronize"),
        ("x.type_as(h)", "Tensor.type_as"),
        ("[0] * x[0]", "Tensor.__index__"),
        ("x.max() * (1,)", "Tensor.__index__"),
        ("u.item()", "Tensor.item?"),
    ],
)
def test_reads(text: str, operator: str) -> None:
    assert raised(text) == {operator}


@pytest.mark.parametrize(
    "text",
    [
        "h.item()",
        "float(h)",
        "print(h)",
        "h.cpu()",
        "h.tolist()",
        "h[h > 0]",
        "torch.nonzero(h)",
        "print(x.shape)",
        "int(x.shape[0])",
        "float(x.size(0))",
        "f'{x.device} {x.dtype} {len(x)}'",
        "x is None",
        "sorted(x, key=lambda row: row.shape[0])",
        "torch.where(x > 0, x, 0)",
        "torch.repeat_interleave(x, 2)",
        "torch.repeat_interleave(x, x.long(), output_size=3)",
        "F.one_hot(x, 10)",
        "x[0]",
        "x[:, None, ...]",
        "x[x.long()]",
        "x[torch.arange(3, device='cuda', dtype=torch.long)]",
        "x.sum()",
        "x.to(torch.float16)",
        "x.to(device)",
        "x.to('cpu', non_blocking=True)",
        "x.float()",
        "u.append(1)",
        "float(u)",
        "print(u)",
        "max(1, 2)",
        "isinstance(x, torch.Tensor)",
        "hasattr(x, 'grad')",
        "x.detach()",
        "torch.is_tensor(x)",
        "id(x)",
        "x.grad is not None",
        "x == None",
    ],
)
def test_no_reads(text: str) -> None:
    assert raised(text) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "if x: pass",
        "if (x > 0).all(): pass",
        "if not x: pass",
        "if flag and x: pass",
        "if x or flag: pass",
        "while x > 0: x = x - 1",
        "assert x",
        "assert (x > 0).any(), 'text'",
        "y = 1 if x else 2",
        "y = x and 1",
        "y = not x",
        "if 0 < x < 1: pass",
        "[i for i in range(3) if x]",
        "if x.isnan().any(): raise ValueError",
        "if (y := x.sum()): pass",
    ],
)
def test_conditions(statement: str) -> None:
    assert "Tensor.__bool__" in raised(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "if h: pass",
        "if x is None: pass",
        "if x.shape[0] > 1: pass",
        "if len(x): pass",
        "if x.requires_grad: pass",
        "if x.device == device: pass",
        "if x.dtype == torch.float16: pass",
        "if isinstance(x, list): pass",
        "if flag: pass",
        "if u > 0: pass",
        "if [x]: pass",
        "if x.is_cuda: pass",
        "assert flag, float(x)",
    ],
)
def test_conditions_on_the_host(statement: str) -> None:
    assert raised(statement) == set()


@pytest.mark.parametrize(
    ("statement", "operators"),
    [
        (
            "z = torch.zeros(3, device=device)\nz[z > 0] = 1",
            set(),
        ),  # a constant through a mask is a kernel like any other
        ("x[x > 0] = x.sum()", {"Tensor.__setitem__"}),
        ("x[0] = h", {"Tensor.__setitem__"}),
        ("x[0] = x", set()),
        ("x[[1, 2]] = 0", {"Tensor.__setitem__"}),
        ("h[0] = 1.0", set()),
        ("h[0] = h", set()),
        ("h[0] = x", {"Tensor.__setitem__"}),
    ],
)
def test_writes(statement: str, operators: set[str]) -> None:
    assert raised(statement) == operators


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("h.to(device)", "Tensor.to"),
        ("h.cuda()", "Tensor.cuda"),
        ("h.to(x.device)", "Tensor.to"),
        ("h.to(x)", "Tensor.to"),
        ("h.type_as(x)", "Tensor.type_as"),
        ("torch.tensor([1.0], device=device)", "torch.tensor"),
        ("torch.as_tensor([1.0], device='cuda')", "torch.as_tensor"),
        ("x.copy_(h)", "Tensor.copy_"),
        ("torch.tensor(1.0).cuda()", "Tensor.cuda"),
        ("torch.zeros(3).to(device)", "Tensor.to"),
    ],
)
def test_copies_to_the_device(text: str, operator: str) -> None:
    assert operator in raised(text, "h2d-copy")
    assert operator in raised(text, "host-sync")


@pytest.mark.parametrize(
    "text",
    [
        "x.to(device)",
        "x.type_as(x)",
        "h.type_as(h)",
        "h.to('cpu')",
        "torch.zeros(3, device=device)",
        "x.cuda()",
    ],
)
def test_no_copies(text: str) -> None:
    assert raised(text, "h2d-copy") == set()
    assert raised(text) == set()


def test_copies_that_do_not_wait() -> None:
    assert raised("h.to(device, non_blocking=True)") == set()
    assert raised("h.to(device, non_blocking=True)", "h2d-copy") == {"Tensor.to"}
    assert raised("h.to(device)", "pageable-copy") == {"Tensor.to"}
    assert raised("h.pin_memory().to(device)", "pageable-copy") == set()
    assert raised("x.cpu()", "d2h-copy") == {"Tensor.cpu"}


def test_the_batches_of_a_loader_are_copied() -> None:
    body = """
    for x, y in loader:
        a = x.to(device)
        b = y.float().cuda()
    """
    assert raised(body, "h2d-copy", "loader, device") == {"Tensor.to", "Tensor.cuda"}


def test_a_hidden_copy() -> None:
    assert raised("x.contiguous().t().contiguous()", "hidden-copy") == {"Tensor.contiguous"}
    assert raised("torch.zeros(3, device=device).contiguous()", "hidden-copy") == set()


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ("h = h.cuda()\nh.item()", {"Tensor.item"}),
        ("if flag:\n    h = h.cuda()\nh.item()", {"Tensor.item?"}),
        ("for i in range(3):\n    h.item()\n    h = h.cuda()", {"Tensor.item?"}),
        ("if isinstance(u, torch.Tensor):\n    u.item()", {"Tensor.item"}),
        ("v = x if flag else 0\nfloat(v)", {"Tensor.__float__"}),
        ("v = x if flag else h\nfloat(v)", {"Tensor.__float__?"}),
        ("total = 0\nfor i in range(3):\n    total += x\nfloat(total)", {"Tensor.__float__"}),
        ("losses = []\nlosses.append(x)\nfor v in losses:\n    float(v)", {"Tensor.__float__"}),
        ("d = {'a': x, 'b': 1}\nfloat(d['a'])\nfloat(d['b'])", {"Tensor.__float__"}),
        ("try:\n    x.item()\nexcept E as e:\n    str(e)\nfinally:\n    pass", {"Tensor.item"}),
        ("with open(u) as g:\n    g.write(x.item())", {"Tensor.item"}),
        ("return x.item()", {"Tensor.item"}),
        ("yield x.item()", {"Tensor.item"}),
        ("raise ValueError(x.item())", {"Tensor.item"}),
        ("match flag:\n    case 1:\n        x.item()", {"Tensor.item"}),
        ("u.y = x\nu.y.item()", {"Tensor.item"}),
        ("del x\nx.item()", {"Tensor.item?"}),
        ("def inner():\n    return x.item()", {"Tensor.item"}),
    ],
)
def test_flow(body: str, certain: set[str]) -> None:
    found = raised(body)
    assert {
        one for one in found if "copy" not in one and not one.startswith(("Tensor.cuda", "Tensor.to"))
    } == certain


def test_what_comes_back_from_other_functions() -> None:
    files = {
        "ops.py": """
            import torch
            def loss_of(x, y):
                return torch.nn.functional.mse_loss(x, y)
            def counts(x):
                return x.shape[0], torch.relu(x)
            """,
        MAIN: """
            import torch
            from ops import counts, loss_of
            def f(x: torch.Tensor):
                h = torch.zeros(3)
                float(loss_of(x, x))
                float(loss_of(h, h))
                n, y = counts(x)
                float(n)
                float(y)
            """,
    }
    found = [one for one in events(files) if one.event == "host-sync"]
    assert [(one.line, one.certainty) for one in found] == [
        ("float(loss_of(x, x))", "yes"),
        ("float(y)", "yes"),
    ]


def test_a_module_s_forward_and_a_metric() -> None:
    source = """
        import torch
        from torch import nn
        from torchmetrics import Metric
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(1, 1)
                self.register_buffer("scale", torch.ones(1))
                self.plain = torch.ones(1)
            def forward(self, x):
                y = self.layer(x)
                float(y)
                float(self.scale)
                float(self.plain)
        class Mean(Metric):
            def __init__(self):
                self.add_state("total", torch.zeros(1))
            def update(self, x):
                self.total += x
                float(self.total)
        """
    found = [one for one in events(source) if one.event == "host-sync"]
    assert [(one.line, one.certainty) for one in found] == [
        ("float(y)", "yes"),
        ("float(self.scale)", "yes"),
        ("float(self.total)", "yes"),
    ]


def test_a_collate_function_works_on_the_host() -> None:
    source = """
        import torch
        from torch.utils.data import Dataset
        def collate_fn(items):
            return torch.stack(items).sum().item()
        class Data(Dataset):
            def __getitem__(self, i):
                return self.x[i].item(), torch.as_tensor(self.y).max().item()
        """
    assert [one for one in events(source) if one.certainty == "yes"] == []


def test_an_event_is_told_once_a_line() -> None:
    source = "import torch\ndef f(x: torch.Tensor):\n    x.item(), x.item()\n"
    assert len(events(source)) == 1


def test_what_follows_a_return_is_not_evaluated() -> None:
    assert raised("return\nx.item()") == set()


@pytest.mark.parametrize(
    "use",
    [
        "p.sum(dim=1)",
        "p.sort(1, descending=True)",
        "p[:, :4].clone()",
        "torch.mean((1 - p) ** 2)",
        "torch.relu(-p)",
    ],
)
def test_what_only_tensors_can_do_shows_a_tensor(use: str) -> None:
    body = f"""
        import numpy, torch
        def f(p, numbers):
            {use}
            float(p)
            numbers.sort()
            float(numbers)
        """
    assert [one.line for one in events(body) if one.event == "host-sync"] == ["float(p)"]


def test_numbers_of_numpy_are_read_without_waiting() -> None:
    assert not raised("import numpy as np\nnp.ceil(np.log(x.shape[0])).astype('int').item()")


def test_an_abstract_method_gives_what_its_definitions_give() -> None:
    source = """
        import torch
        class Ranker:
            def scores(self, batch):
                raise NotImplementedError
            def rank(self, batch):
                scores = self.scores(batch)
                float(scores)
        class Dot(Ranker):
            def scores(self, batch):
                return torch.zeros(3, device="cuda")
        """
    assert [one.line for one in events(source) if one.event == "host-sync"] == ["float(scores)"]


def test_an_iterator_named_like_a_loader_gives_batches() -> None:
    source = """
        import torch
        from collections.abc import Iterator
        class Trainer:
            loader_iter: Iterator[dict]
            def next_batch(self, device):
                batch = next(self.loader_iter)
                return batch["x"].to(device)
        """
    assert "h2d-copy" in {one.event for one in events(source)}


@pytest.mark.parametrize(
    ("given", "certainty"),
    [
        ("torch.zeros(3, device='cuda')", ["yes"]),
        ("torch.zeros(3)", []),
        ("3.0", []),
        ("unknown(x)", []),
    ],
)
def test_what_callers_hand_over(given: str, certainty: list[str]) -> None:
    source = f"""
        import torch
        def read(value):
            float(value)
        def main(x):
            read({given})
        """
    assert [one.certainty for one in events(source) if one.event == "host-sync"] == certainty


def test_callers_that_disagree() -> None:
    source = """
        import torch
        def read(value):
            value.item()
        def on_device(x):
            read(torch.zeros(3, device="cuda"))
        def on_host(x):
            read(torch.zeros(3))
        """
    assert [one.certainty for one in events(source) if one.event == "host-sync"] == ["maybe"]


@pytest.mark.parametrize(
    "body",
    [
        "images, labels = batch\nimages.to(device)",
        "batch.images.cuda()",
        "[part.to('cuda') for part in batch]",
        "{name: part.to(device) for name, part in batch.items()}",
        "images = batch[0]\nimages = images.to(device)\nimages.unsqueeze(0)",
    ],
)
def test_what_is_moved_out_of_a_batch_was_on_the_host(body: str) -> None:
    assert raised(body, "h2d-copy", "batch, device")
    assert not raised(body.replace("device", "x.device").replace("cuda", "cpu"), "h2d-copy", "batch, x")
    assert not raised(body.replace("batch", "module"), "h2d-copy", "module, device")


@pytest.mark.parametrize(("name", "found"), [("GymEnv", False), ("Learner", True)])
def test_what_a_world_observes_is_no_batch(name: str, found: bool) -> None:
    source = f"""
        import torch
        class {name}:
            def convert(self, observed):
                return observed["states"].to(self.device)
            def step(self, actions):
                self.seen = torch.zeros(3, device=self.device)
                return self.convert(self.world.step(actions))
        """
    assert ("h2d-copy" in {one.event for one in events(source)}) is found


@pytest.mark.parametrize("text", ["islice(loader, 8)", "cycle(loader)", "chain(loader, loader)"])
def test_iterators_over_a_loader_give_its_batches(text: str) -> None:
    body = f"import itertools\nfor x in itertools.{text}: x.to(device)"
    assert raised(body, "h2d-copy", "loader, device") == {"Tensor.to"}


def test_a_batch_is_handed_on() -> None:
    source = """
        import torch
        def forward(batch, device):
            return batch["x"].to(device)
        def train(loader, device):
            for inputs in loader:
                forward(inputs, device)
        """
    assert "h2d-copy" in {one.event for one in events(source)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("u['a'] = x\nu['a'].item()", {"Tensor.item"}),
        ("u[n] = x\nu[n].item()", {"Tensor.item"}),
        ("u['a'] = h\nu['a'].item()", set()),
        ("u['a'] = h\nu['b'] = x\nu['a'].item()", set()),
        ("u['a'] = h\nu[n] = x\nu['a'].item()", {"Tensor.item?"}),
        ("u[n] = h\nn = flag\nu[n].item()", {"Tensor.item?"}),
        ("u['a'] = h\nu = flag\nu['a'].item()", {"Tensor.item?"}),
        ("if flag:\n    u['a'] = h\nu['a'].item()", {"Tensor.item?"}),
        ("u[n] = x\nif flag:\n    u[n] = x.float()\nu[n].item()", {"Tensor.item"}),
        ("u[n] = h\nif flag:\n    u[n] = x\nu[n].item()", {"Tensor.item?"}),
        ("for n in u:\n    u[n] = x\n    u[n].item()", {"Tensor.item"}),
    ],
)
def test_what_was_stored_in_an_item(body: str, expected: set[str]) -> None:
    assert {one for one in raised(body, "host-sync") if one.startswith("Tensor.item")} == expected


def test_a_device_among_settings() -> None:
    assert raised("h.to(u['device'])", "h2d-copy", "h=torch.zeros(3), u=None") == {"Tensor.to"}
    assert raised("h.to(more['device'])", "h2d-copy", "h=torch.zeros(3), **more") == {"Tensor.to"}


@pytest.mark.parametrize(
    ("index", "certain"),
    [
        ("np.arange(n)", True),
        ("np.random.permutation(8)", True),
        ("np.random.choice(8, n)", True),
        ("np.random.randint(0, 8, size=4)", True),
        ("np.random.choice(8)", False),
        ("np.random.randint(8)", False),
    ],
)
def test_indices_that_numpy_draws(index: str, certain: bool) -> None:
    found = raised(f"import numpy as np\nx[{index}]", "h2d-copy", "x: torch.Tensor, n: int")
    assert found == {"Tensor.__getitem__" if certain else "Tensor.__getitem__?"}


def test_what_a_function_of_two_tensors_is_handed_is_one() -> None:
    source = """
        import torch
        from torch import nn
        from torch.nn import functional as F
        class Loss(nn.Module):
            def forward(self, logits, labels, other):
                kept = logits[labels > 0]
                rest = logits[other > 0]
                return F.cross_entropy(logits, labels)
        """
    found = {one.line.split(" ")[0] for one in events(source) if one.event == "host-sync"}
    assert found == {"kept"}


def test_loggers_format_what_they_are_handed() -> None:
    source = """
        import logging
        import torch
        logger = logging.getLogger(__name__)
        def report(loss: torch.Tensor):
            logger.info("%f", loss)
            logger.debug("%f", loss)
        """
    assert [one.operator for one in events(source)] == ["logging.Logger.info"]


@pytest.mark.parametrize(
    ("body", "expected"), [("pass", {"Tensor.__bool__"}), ("def __torch_dispatch__(self): ...", set())]
)
def test_classes_that_stand_for_tensors_in_annotations(body: str, expected: set[str]) -> None:
    source = f"""
        import torch
        class Square(torch.Tensor):
            {body}
        def inverse(gram: Square):
            if gram.diagonal().sum() < 1e-6:
                return gram
        """
    assert {one.operator for one in events(source)} == expected


def test_a_slice_by_device_tensors() -> None:
    assert any("__getitem__" in one for one in raised("part = slice(x.argmin(), x.argmax())\nx[part]"))


def test_a_change_of_type_copies_nothing_to_the_host_or_device() -> None:
    assert not raised("v.to(x.dtype)\nv.to(torch.float16)", "h2d-copy", "x: torch.Tensor, v=None")


LEGACY = """
cuda = torch.cuda.is_available()
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x.cpu().type(Tensor)", {"Tensor.type"}),
        ("x.cpu().type('torch.cuda.FloatTensor')", {"Tensor.type"}),
        ("x.type(torch.cuda.HalfTensor)", set()),
        ("x.type(torch.float16)", set()),
        ("Tensor([1.0, 2.0])", {"torch.cuda.FloatTensor"}),
        ("Tensor(np.zeros(3))", {"torch.cuda.FloatTensor"}),
        ("Tensor(x.shape[0], 1)", set()),
        ("Tensor(x.shape)", set()),
    ],
)
def test_types_that_stand_for_a_device(body: str, expected: set[str]) -> None:
    assert raised(LEGACY + body, "h2d-copy") == expected


def test_a_type_that_stands_for_the_host() -> None:
    assert raised("x.type(torch.FloatTensor)", "d2h-copy") == {"Tensor.type"}


def test_a_stream_that_is_waited_for() -> None:
    assert raised("s = torch.cuda.Stream()\ns.synchronize()", "host-sync") == {
        "torch.cuda.Stream.synchronize"
    }


@pytest.mark.parametrize(
    "test", ["not x.is_cuda", "x.device.type == 'cpu'", "x.device == torch.device('cpu')", "x.device == cpu"]
)
def test_in_the_branch_for_the_host_nothing_waits(test: str) -> None:
    assert raised(f"cpu = torch.device('cpu')\nif {test}: x.item()") == set()
    assert raised(f"cpu = torch.device('cpu')\nif {test}: x.item()\nx.sum().tolist()") == {"Tensor.tolist"}


def test_tensors_in_dictionaries_may_be_anywhere() -> None:
    assert raised("p['k'].item()", parameters="p: dict[str, torch.Tensor]") == {"Tensor.item?"}
    assert raised("p[0].item()", parameters="p: list[torch.Tensor]") == {"Tensor.item"}


def test_tensors_in_a_dictionary_that_a_model_is_called_with_are_where_it_is() -> None:
    body = """
    class Net(nn.Module):
        def {}(self, inputs: dict[str, torch.Tensor]):
            reveal(inputs["x"])
    """
    assert value(body.format("forward")).on_device is True
    assert value(body.format("set_inputs")).on_device is None


def test_a_scalar_as_it_was_read_before_torch_0_4() -> None:
    assert raised("x.sum().data[0]") == {"Tensor.item"}
    assert raised("loss.data[0]", parameters="loss: torch.Tensor") == {"Tensor.item"}
    assert raised("x.data[0]") == set()


@pytest.mark.parametrize(
    ("statement", "certainty"),
    [
        ("x.item()", "yes"),
        ("y[mask]", "yes"),
        ("y[:, ~x]", "yes"),
        ("y[:, (x > 0) & mask]", "yes"),
        ("y[x]", "maybe"),  # an index or a mask
        ("y[0, 1] = 2.0", "yes"),
        ("y[0, :] = 2.0", None),  # filled where it is
        ("y[x] = 1", "yes"),
        ("x.cpu()", "yes"),
        ("x.cuda()", "maybe"),  # it may be there
        ("torch.zeros(3).item()", None),
    ],
)
def test_what_is_supposed_of_tensors_of_unknown_place(statement: str, certainty: str | None) -> None:
    source = f"""
        import torch
        def f(given: dict[str, torch.Tensor]):
            x, y, mask = given["x"], given["y"], given["mask"]
            {statement}
        """
    found = [one for one in events(source, supposing=True) if one.event == "host-sync"]
    assert [one.certainty for one in found] == ([] if certainty is None else [certainty])
    assert not any(one.certainty == "yes" for one in events(source))


def test_an_unpacked_shape_tells_the_rank() -> None:
    certain = "y = x.argmax(dim=2)\nrows, columns = y.shape\nx[0, y[0, 1]]"
    assert raised(certain) == {"Tensor.__getitem__"}
    assert raised(certain.replace("columns =", "*columns =")) == set()


@pytest.mark.parametrize(
    "read",
    [
        "for name in held: f'{name}'",
        "[f'{name}' for name in held]",
        "for i, name in enumerate(held): f'{name}'",
        "f'{sorted(held)[0]}'",
        "f'{list(held)[0]}'",
    ],
)
def test_a_loop_over_a_dictionary_gets_its_keys(read: str) -> None:
    assert not raised(f"held = {{name: x for name in u}}\n{read}")


@pytest.mark.parametrize("read", ["held[name]", "held.get(name)"])
def test_a_dictionary_gives_what_it_holds_by_key(read: str) -> None:
    assert raised(f"held = {{name: x for name in u}}\nfor name in held: f'{{{read}}}'") == {
        "Tensor.__format__"
    }


@pytest.mark.parametrize(("name", "told"), [("forward", True), ("__call__", True), ("prepare", False)])
def test_what_a_module_computes_on_the_device_is_no_array(name: str, told: bool) -> None:
    source = f"""
        import numpy as np
        import torch
        class Loss(torch.nn.Module):
            def {name}(self, output, target):
                kept = target != 255
                count = kept.sum()
                return output[kept]
        """
    assert any(one.operator.startswith("Tensor.__getitem__") for one in events(source)) == told


@pytest.mark.parametrize(
    "move",
    [
        "for key in batch: batch[key] = batch[key].cuda()",
        "for key, part in batch.items():\n    if torch.is_tensor(part): batch[key] = part.cuda()",
        "for i in range(len(batch)): batch[i] = batch[i].cuda()",
        "def to_cuda(part): return part.cuda()\nbatch = apply_to_sample(to_cuda, batch)",
        "def to_cuda(part): return part.cuda()\nbatch = tree.apply_to_all(batch, function=to_cuda)",
    ],
)
def test_a_batch_of_which_all_parts_were_moved_is_on_the_device(move: str) -> None:
    back = move.replace("cuda()", "cpu()")
    read = "\nbatch['n'].sum().item()"
    assert "Tensor.item" in raised(move + read, parameters="batch, device")
    assert "Tensor.item" not in raised(back + read, parameters="batch, device")


def test_an_item_that_one_branch_has_moved_may_be_on_the_device() -> None:
    body = """
        for batch in loader:
            if torch.cuda.is_available():
                batch["x"] = batch["x"].cuda()
            batch["x"].sum().item()
            batch["y"].sum().item()
        """
    assert raised(body, parameters="loader") == {"Tensor.cuda", "Tensor.item?"}


def test_what_is_handed_back_beside_a_model_and_named_like_a_loader_is_one() -> None:
    body = "net.cuda()\nnet, train_loader = backend.distribute(net, u)\nfor x, y in train_loader: x.cuda()"
    assert raised(body, "h2d-copy", "net, u, backend") == {"Tensor.cuda"}


@pytest.mark.parametrize(
    ("imported", "place", "moved"),
    [
        ("from config import device", "device", True),
        ("from settings import DEVICE", "DEVICE", True),
        ("from tools import utils", "utils.device_type", True),
        ("from tools import map_device", "map_device", False),
    ],
)
def test_settings_of_other_packages_that_are_called_devices(imported: str, place: str, moved: bool) -> None:
    body = f"{imported}\nfor images in loader: images.to({place})"
    assert raised(body, "h2d-copy", "loader") == ({"Tensor.to"} if moved else set())


def test_whether_there_is_nothing_among_tensors_is_no_question_to_the_device() -> None:
    assert raised("u = [x, x.sum()]\nif None in u: return") == set()
    assert raised("u = [x, x.sum()]\nif 1 in u: return") != set()


def test_a_recurrent_layer_is_asked_whether_it_has_a_bias() -> None:
    layer = "layer: torch.nn.{}, x: torch.Tensor"
    assert raised("if layer.bias: return", parameters=layer.format("LSTM")) == set()
    assert raised("if layer.bias: return", parameters=layer.format("Linear")) != set()


def test_arrays_of_objects_hold_tensors_where_they_are() -> None:
    assert raised("u = np.empty(3, dtype=object)\nu[0] = x") == set()
    assert raised("u = np.empty(3)\nu[0] = x") != set()
