"""Predicates of rule pages, asked about the place that a pattern found."""

import ast

import pytest

from perfcheck.events import Truth
from perfcheck.lint.asking import _QUESTIONS, Surroundings, asker
from perfcheck.lint.facts import Match
from perfcheck.rulebook.patterns import compile_pattern
from perfcheck.rulebook.predicates import VOCABULARY, evaluate, parse_predicate
from tests.lint.programs import Program

AROUND = Surroundings(None, frozenset({"torch", "lightning"}))


def answer(predicate: str, body: str, around: Surroundings = AROUND, path: str = "main.py") -> Truth:
    """What a predicate says about ``at($X, …)``, the only call of that name, which is ``$N``."""
    source = "import torch\nfrom torch import nn\nimport lightning\n"
    source += f"def f(x: torch.Tensor, u, loader, n: int, model: nn.Module, more):\n    {body}\n"
    source = source.replace("at(", "u.at(")
    scope = Program({path: source}).scope("f", path)
    (call,) = scope.calls("at")
    bindings = compile_pattern("$O.at($X, $...A)").match(call, scope.resolve)
    assert bindings is not None
    node = call if not isinstance(scope.parent(call), ast.Expr) else scope.parent(call)
    assert isinstance(node, (ast.expr, ast.stmt))
    return evaluate(
        parse_predicate(predicate, None), asker(scope, Match(node, {**bindings, "N": call}), around)
    )


def test_every_predicate_has_an_answer() -> None:
    assert set(VOCABULARY) == set(_QUESTIONS)


@pytest.mark.parametrize(
    ("predicate", "body", "expected"),
    [
        ("tensor($X)", "at(x)", True),
        ("tensor($X)", "at(n)", False),
        ("tensor($X)", "at(u)", None),
        ("not tensor($X)", "at(u)", None),
        ("likely(tensor($X))", "at(u)", True),
        ("on_device($X)", "at(x)", True),
        ("on_device($X)", "at(x.cpu())", False),
        ("on_device($X)", "at(n)", False),
        ("on_host($X)", "at(x.cpu())", True),
        ("on_host($X)", "at(x)", False),
        ("on_host($X)", "at(u)", None),
        ("pinned($X)", "at(x.cpu().pin_memory())", True),
        ("requires_grad($X)", "at(nn.Parameter(x))", True),
        ("from_loader($X)", "for b in loader: at(b)", True),
        ("from_loader($X)", "at(x)", False),
        ("tokenized($X)", "text = tok(x, return_tensors='pt'); ids = text.input_ids; at(ids)", True),
        ("tokenized($X)", "for k, v in tok(x, return_tensors='pt').items(): at(v)", True),
        ("tokenized($X)", "ids = tok(x)['input_ids']; at(ids)", False),
        ("dtype($X, 'bool')", "at(x > 0)", True),
        ("dtype($X, 'int')", "at(x > 0)", False),
        ("dtype($X, 'int')", "at(x)", None),
        ("moves_data()", "at(x.cpu().cuda())", True),
        ("moves_data()", "at(x.cpu())", False),
        ("rank($X, 0)", "at(torch.zeros(3).sum())", True),
        ("rank($X, 0)", "at(x)", None),
        ("together()", "at(x[0].item(), x[1].item())", True),
        ("together()", "a = x.cpu().numpy()\n    at(x.sum().item())", True),
        ("together()", "a = x.sum().item()\n    b = n + 1\n    at(x.mean().item())", False),
        ("together()", "at(x.item())", False),
        ("number($X)", "at(n)", True),
        ("string($X)", "at('a')", True),
        ("module($X)", "at(model)", True),
        ("module($X)", "at(x)", False),
        ("of_pass($X)", "at(u.evaluate(model, loader).mean())", True),
        ("of_pass($X)", "at(u.evaluate(model, x))", False),
        ("loader($X)", "at(torch.utils.data.DataLoader(u))", True),
        ("optimizer($X)", "at(torch.optim.SGD(u))", True),
        ("instance_of($X, 'torch.nn.Module')", "at(nn.Linear(1, 1))", True),
        ("device_expression($X)", "at('cuda:0')", True),
        ("device_expression($X)", "at('a')", False),
        ("device_expression($X)", "at(x.device)", True),
        ("accelerator($X)", "at('cuda')", True),
        ("accelerator($X)", "at('cpu')", False),
        ("accelerator($X)", "at(u)", None),
        ("literal($X)", "at((1, -2.0))", True),
        ("literal($X)", "at(n)", False),
        ("equals($X, 1)", "at(1)", True),
        ("equals($X, 1)", "at(True)", False),
        ("equals($X, 1)", "at(u)", None),
        ("is_name($X)", "at(x)", True),
        ("is_name($X)", "at(x.T)", False),
        ("keyword_missing('a')", "at(x)", True),
        ("keyword_missing('a')", "at(x, a=1)", False),
        ("keyword_missing('a')", "at(x, **more)", None),
        ("keyword_missing('a', 1)", "at(x, 1)", False),
        ("keyword_is('a', True)", "at(x, a=True)", True),
        ("keyword_is('a', True)", "at(x, a=n)", None),
        ("keyword_is('a', True)", "at(x)", False),
        ("has_keyword('a')", "at(x, a=1)", True),
        ("has_keyword('a')", "at(x, **more)", False),
        ("may_pass('a')", "at(x, **more)", True),
        ("hot('step')", "for b in loader: at(x)", True),
        ("hot('step')", "at(x)", False),
        ("hot('epoch')", "for epoch in u: at(x)", True),
        ("cold()", "at(x)", True),
        ("in_loop()", "for b in u: at(x)", True),
        ("in_loop()", "at(x)", False),
        ("in_epoch_loop()", "for epoch in u: at(x)", True),
        ("in_epoch_loop()", "for b in loader: at(x)", False),
        ("guarded()", "if n % 10 == 0: at(x)", True),
        ("guarded()", "if u.debug: at(x)", True),
        ("no_grad()", "with torch.no_grad(): at(x)", True),
        ("captured()", "with torch.cuda.graph(u): at(x)", True),
        ("captured()", "at(x)", None),
        ("in_function('f', 'g')", "at(x)", True),
        ("in_function('g')", "at(x)", False),
        ("at_module_level()", "at(x)", False),
        ("switches()", "at(x)", False),
        ("loop_invariant($X)", "for b in u: at(x)", True),
        ("loop_invariant($X)", "for b in u: at(b.y)", False),
        ("loop_invariant($X)", "for b in u: at(g(x))", None),
        ("loop_invariant($X)", "at(x)", False),
        ("reassigned_in_loop($X)", "for b in u:\n        at(x)\n        x = b", True),
        ("of_turn($X)", "for b in u: at(b.y)", True),
        ("of_turn($X)", "for b in u:\n        y = b + 1\n        at(y)", True),
        ("of_turn($X)", "for b in u:\n        y = x.sum()\n        at(y)\n        x = x / y", False),
        ("of_turn($X)", "while u: at(x)", False),
        ("result_unused()", "at(x)", True),
        ("result_unused()", "y = at(x)", False),
        ("used_later($X)", "at(x)\n    y = x", True),
        ("used_later($X)", "at(x)\n    x = 1", False),
        ("written_in_place($X)", "at(x)\n    x.add_(1)", True),
        ("written_in_place($X)", "at(x)\n    x[0] = 1", True),
        ("written_in_place($X)", "at(x)\n    x += 1", True),
        ("written_in_place($X)", "at(x)\n    x.add(1)", False),
        ("overwritten()", "y = at(x)\n    y += 1", True),
        ("overwritten()", "y = at(x).clone()", True),
        ("overwritten()", "y = at(x)\n    z = y + 1", False),
        ("overwritten()", "y = at(x).sum()\n    y += 1", False),
        ("project_imports('lightning')", "at(x)", True),
        ("project_imports('jax')", "at(x)", False),
        ("file_imports('torch')", "at(x)", True),
        ("file_imports('numpy')", "at(x)", False),
        ("test_code()", "at(x)", False),
    ],
)
def test_answers(predicate: str, body: str, expected: Truth) -> None:
    assert answer(predicate, body) is expected


def test_versions_of_torch() -> None:
    old = Surroundings((2, 4), frozenset())
    assert answer("torch_at_least('2.5')", "at(x)") is True  # the newest, if none is named
    assert answer("torch_at_least('2.5')", "at(x)", old) is False
    assert answer("torch_at_least('2.4')", "at(x)", old) is True
    assert answer("torch_before('2.5')", "at(x)", old) is True
    assert answer("torch_before('2.5')", "at(x)") is False


def test_code_of_tests() -> None:
    assert answer("test_code()", "at(x)", path="tests/test_it.py") is True


@pytest.mark.parametrize(
    ("data", "settled"),
    [
        ("[1, 2]", True),
        ("[-1.0] * n", True),
        ("[x.shape[0], n]", True),
        ("[0, x.size(0)]", True),
        ("[i * 2 for i in range(n)]", True),
        ("self.sizes", True),
        ("sorted(self.sizes)", True),
        ("config.sizes", True),
        ("more", False),
        ("[len(part) for part in more]", False),
        ("u.lengths()", False),
        ("u.lengths", False),
    ],
)
def test_what_data_is_made_of(data: str, settled: bool) -> None:
    assert answer("settled($X)", f"at({data})") is settled
    assert answer("settled($X)", f"d = {data}; at(d)") is settled


@pytest.mark.parametrize(
    ("use", "reduced", "returned"),
    [
        ("at(x).sum()", True, False),
        ("torch.mean(at(x))", True, False),
        ("nn.functional.cross_entropy(at(x), u)", True, False),
        ("self.criterion(at(x), u)", True, False),
        ("(at(x) - 1).pow(2).mean()", True, False),
        ("y = at(x); l = (y - u).abs().sum()", True, False),
        ("y = at(x); l = y.sum() + u.add(y)", False, False),
        ("u.add(at(x))", False, False),
        ("return at(x).sum()", True, False),
        ("return at(x)", False, True),
        ("return u, at(x)[0]", False, True),
        ("y = at(x); return y", False, True),
        ("y = at(x)\n    y = u\n    return y", False, False),
    ],
)
def test_what_becomes_of_a_value(use: str, reduced: bool, returned: bool) -> None:
    assert answer("only_reduced()", use) is reduced
    assert answer("returned()", use) is returned


def test_what_an_index_is_made_of() -> None:
    assert answer("index_settled()", "at(x)[[0, 1]]") is False  # the place is the call, no index


def test_what_a_loop_goes_over() -> None:
    assert answer("iterated()", "for i, n in enumerate(at(x)): pass") is True
    assert answer("iterated()", "[n for n in at(x)]") is True
    assert answer("iterated()", "for n in x: at(n)") is False
    assert answer("iterated()", "for n in f(at(x)): pass") is False


@pytest.mark.parametrize(
    ("tensor", "handed"),
    [
        ("torch.arange(n).expand(2, n)", False),
        ("torch.from_numpy(more)", False),
        ("torch.tensor([n, 0])", False),
        ("torch.tensor(more)", True),
        ("torch.Tensor(torch.zeros(n, u))", False),
        ("self.mask(n)[0]", False),
        ("torch.randn(n, generator=u)", False),
        ("pad(more)", True),
        ("pad(more).long()", True),
        ("u.make(n)", False),
        ("self.codec.make(n)", False),
        ("lightning.load(n)", True),
        ("torch.stack(more)", True),
        ("torch.concatenate([torch.tensor(v) for v in more], 0)", True),
        ("torch.concatenate([torch.zeros(n), torch.ones(n)])", False),
    ],
)
def test_who_made_a_tensor(tensor: str, handed: bool) -> None:
    assert answer("handed($X)", f"at({tensor})") is handed
    assert answer("handed($X)", f"t = {tensor}; at(t.view(-1))") is handed


@pytest.mark.parametrize(
    ("predicate", "body", "expected"),
    [
        ("reshaped()", "at(x).view(-1)", True),
        ("reshaped()", "at(x) + 1", False),
        ("kept($X)", "self.x = at(self.x)", True),
        ("kept($X)", "self.y = at(self.x)", False),
        ("kept($X)", "x = at(x)", False),
        ("kept($X)", "global x; x = at(x)", True),
    ],
)
def test_where_a_result_goes(predicate: str, body: str, expected: bool) -> None:
    assert answer(predicate, body) is expected


def test_what_a_function_hands_over_with_others() -> None:
    assert answer("handed($X)", "a, b = load(u)\n    at(a)") is True
    assert answer("handed($X)", "a, b = torch.meshgrid(u)\n    at(a)") is False


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("at(x)\n    for i in u:\n        if x.sum() > i: break", True),
        ("at(x)\n    for i in u: print(x.sum() > i)", False),
        ("for i in u:\n        at(x)\n        if x.sum() > i: break", False),
        ("at(x)\n    if x.sum() > 0: return", False),
    ],
)
def test_what_a_loop_dwarfs(body: str, expected: bool) -> None:
    assert answer("dwarfed()", body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("for i in u:\n        if at(x): break", True),
        ("for i in u:\n        done = at(x)\n        if not done: return u", True),
        ("while at(x) > 0: u.f()", True),
        ("for i in range(n):\n        if at(x[i]): break", False),  # a search
        ("for i in u:\n        if at(x): u.f()", False),
        ("for i in u:\n        if at(x):\n            u.f()\n            return u", False),
        ("if at(x): return u", False),
        ("while u:\n        y = at(x)", False),
    ],
)
def test_what_ends_a_loop(body: str, expected: bool) -> None:
    assert answer("stops_loop()", body) is expected


def test_what_a_loop_fills_is_handed_over() -> None:
    assert (
        answer("handed($X)", "t = torch.zeros(n)\n    for i in range(n):\n        t[i] = u[i]\n    at(t)")
        is True
    )
    assert answer("handed($X)", "t = torch.zeros(n)\n    t[0] = 1\n    at(t)") is False
    assert answer("settled($X)", "t = []\n    t.append(u)\n    at(t)") is False


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("torch.zeros(at(x))", True),
        ("torch.zeros(int(at(x)) + 1, n)", True),
        ("x[: at(x)]", True),
        ("k = at(x); y = torch.arange(k)", True),
        ("k = at(x)\n    if k == 0: return\n    y = x.expand(k, n)", True),
        ("k = at(x)\n    if k == 0: return", False),
        ("k = at(x); y = torch.arange(k) * k", False),
        ("k = at(x.max()); y = torch.arange(k) * k", True),
        ("k = at(x); y = x * k", False),
        ("y = x / at(x)", False),
        ("return at(x)", False),
        ("u.log(at(x))", False),
    ],
)
def test_numbers_that_become_sizes(use: str, expected: bool) -> None:
    assert answer("sizes()", use) is expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("scipy.linalg.sqrtm(at(x).numpy())", True),
        ("y = at(x).numpy().astype(float); z = scipy.linalg.sqrtm(y)", True),
        ("nn.utils.rnn.pack_padded_sequence(u, lengths=at(x))", True),
        ("self.kmeans.predict(np.asarray(at(x)))", True),
        ("a = at(x).numpy(); return self.envs.step(a)", True),
        ("if u:\n        a = at(x)\n    else:\n        a = u.f(x)\n    self.envs.step(a.reshape(3))", True),
        ("[scipy.linalg.sqrtm(part) for part in at(x)]", True),
        ("torch.histogram(at(x), bins=8)", True),
        ("z = 255 * einops.rearrange(at(x), 'c h -> h c'); scipy.linalg.sqrtm(z.astype(u))", True),
        ("y = -at(x); scipy.linalg.sqrtm(y.numpy())", True),
        ("self.session.run(None, {'image': at(x).numpy()})", True),
        ("self.model.run(at(x).numpy())", False),
        ("at(x).apply_(u)", False),  # element by element, in Python
        ("[np.sqrt(part) for part in at(x)]", False),
        ("u.log(at(x))", False),
        ("return at(x).numpy()", False),
    ],
)
def test_what_host_libraries_compute_on(use: str, expected: bool) -> None:
    assert answer("for_host_library($N)", f"import einops, scipy, numpy as np\n    {use}") is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if at(x): raise ValueError", True),
        ("if not at(x) and u:\n        warnings.warn('no')", True),
        ("if at(x):\n        raise ValueError\n    else:\n        u.f()", False),
        ("if at(x): return\n    raise ValueError", True),
        ("if u:\n        if at(x): return\n    raise ValueError", True),
        ("if at(x): return\n    u.f()", False),
        ("if at(x): u.f()", False),
        ("at(x)", False),
    ],
)
def test_what_is_asked_for_an_error_alone(body: str, expected: bool) -> None:
    assert answer("only_checks()", body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("lightning.all_reduce(x)\n    if at(x > 0): return", True),
        ("lightning.all_reduce(x)\n    if at(x > 0): x = -x", False),
        ("lightning.all_reduce(more)\n    if at(x > 0): return", False),
    ],
)
def test_what_all_ranks_have_to_know(body: str, expected: bool) -> None:
    assert answer("agrees()", body) is expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("y = at(x).numpy(); return y.argmax(-1)", True),
        ("a, b = u, at(x); return torch.fft.rfft(b)", True),
        ("return np.unique(at(x).numpy())", True),
        ("return at(x) > 0.5", True),
        ("y = at(x); return [y[i].item() for i in range(3)]", True),
        ("y = at(x)\n    for i in range(3): u.f(y[i])", True),
        ("total = 0; total += at(x).numpy()", True),
        ("y = at(x); return y is not None", False),
        ("return at(x).numpy()", False),
        ("self.rows.append(at(x).flatten())", False),
        ("print(at(x).shape)", False),
    ],
)
def test_what_the_host_goes_on_computing_with(use: str, expected: bool) -> None:
    assert answer("computed_with()", f"import numpy as np\n    {use}") is expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("self.outputs.append(at(x).numpy())", True),
        ("self.outputs[n] = at(x)", True),
        ("self.outputs[n].extend(at(x))", True),
        ("found = []; found.append(at(x))", False),
        ("more.append(at(x))", False),
        ("return at(x)", False),
    ],
)
def test_what_is_kept_from_step_to_step(use: str, expected: bool) -> None:
    assert answer("collected()", use) is expected


def test_what_convention_says() -> None:
    assert answer("presumed($X)", "at(x)") is True
    assert answer("presumed($X)", "at(torch.zeros(3, device='cuda'))") is False


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if n is None: n = at(x) + 1", True),
        ("if u is not None and n is None:\n        n = int(at(x))", True),
        ("n = at(x) if n is None else n", True),
        ("if n is not None:\n        k = n\n    elif u:\n        k = 0\n    else:\n        k = at(x)", True),
        ("k = n if n is not None else at(x)", True),
        ("k = at(x) + 1 if n is None else n", True),
        ("k = at(x) + 1 if n is None else 1", False),
        ("k = getattr(u, 'size', None)\n    if k is None: k = at(x)", True),
        ("k = getattr(u, 'size', 0)\n    if k is None: k = at(x)", False),
        ("k = getattr(u, 'size', None)\n    if k is None: n = at(x)\n    else: n = int(k)", True),
        ("if k is not None:\n        k = n\n    else:\n        k = at(x)", False),
        ("if u is None: n = at(x)", False),
        ("if n is None: k = at(x)", False),
        ("n = at(x)", False),
    ],
)
def test_what_callers_may_pass(body: str, expected: bool) -> None:
    assert answer("fills_in()", body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("try:\n        at(x)\n    except ValueError:\n        return", True),
        ("try:\n        at(x)\n    finally:\n        return", False),
        ("try:\n        return\n    except ValueError:\n        at(x)", False),
    ],
)
def test_what_is_tried(body: str, expected: bool) -> None:
    assert answer("failure_handled()", body) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [("[1, 2]", True), ("(u, n, 3, 4)", True), ("[1, 2, 3, 4, 5]", False), ("u", False)],
)
def test_a_few_elements(given: str, expected: bool) -> None:
    assert answer("few($X)", f"at({given})") is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("torch.distributed.all_reduce(at(x))", True),
        ("y = at(x)[None]\n    u.gather(y)", True),
        ("u.all_gather_object([at(x)])", True),
        ("torch.gather(x, 0, at(x))", False),
        ("y = at(x)\n    torch.stack([y, x])", False),
    ],
)
def test_what_all_ranks_gather(body: str, expected: bool) -> None:
    assert answer("for_collective()", body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("# y of x may stay unused\n    y = at(x)", True),
        ("y = at(x)  # y of x may stay unused", True),
        ("# unused\n\n    y = u\n    y = u\n    y = at(x)", False),
        ("unused = at(x)", False),
    ],
)
def test_what_a_comment_explains(body: str, expected: bool) -> None:
    assert answer("explained('unused')", body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("at(u.Data(3, device=n))", True),
        ("data = u.Data(3, device=n)\n    at(data)", True),
        ("data = u.Data(3)\n    at(data)", False),
        ("at(u)", False),
    ],
)
def test_what_a_call_is_made_with(body: str, expected: bool) -> None:
    assert answer("made_with($X, 'device')", body) is expected
