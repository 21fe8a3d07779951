import ast

import pytest

from perfcheck.lint.guards import exits, is_cooling, is_error_path, skips_the_rest, warns


def branch(test: str, body: str = "f()", orelse: str = "g()") -> tuple[bool, bool]:
    """Do the body, and the ``else`` part, run rarely?"""
    node = ast.parse(f"if {test}:\n    {body}\nelse:\n    {orelse}\n").body[0]
    assert isinstance(node, ast.If)
    return is_cooling(node)


@pytest.mark.parametrize(
    "test",
    [
        "step % 10 == 0",
        "(step + 1) % self.log_interval == 0",
        "not step % 100",
        "batch_idx % args.log_interval == args.log_interval - 1",
        "step % n == 0 and rank == 0",
        "rank == 0 and step % n == 0",
        "debug",
        "self.debug",
        "args.verbose",
        "self.collect_stats",
        "self.should_log()",
        "logger.isEnabledFor(logging.DEBUG)",
        "step == 0",
        "batch_idx < 10 and logger",
        "self.global_step <= 3",
        "self.cache is None",
        "self.cache is None or x.shape != self.shape",
        "not hasattr(self, 'mask')",
        "len(state) == 0",
        "key not in self._mask_cache",
        "not self.initialized",
        "not ok",
        "not self.success",
        "torch.isnan(loss)",
        "first_step and x is not None",
        "torch.jit.is_tracing()",
        "self.last_log_step != step",
        "check",
    ],
)
def test_rare_branches(test: str) -> None:
    assert branch(test) == (True, False)


@pytest.mark.parametrize(
    "test",
    [
        "x is None",
        "mask is not None",
        "self.mask is not None",
        "x.shape[0] > 1",
        "self.training",
        "epoch > 3",
        "batch < 16",
        "step < warmup",
        "step < 5000",
        "layer_idx == 0",
        "scatter_idx == 1",
        "debug or training",
        "i % 2 == 0 or x",
        "step % grad_accum_steps == 0",
        "(i + 1) % self.args.gradient_accumulation_steps == 0",
        "'%s' % x",
        "text % values == other",
        "key not in names",
        "use_cache",
        "len(x) == 0",
        "x",
    ],
)
def test_branches_that_say_nothing(test: str) -> None:
    assert branch(test) == (False, False)


@pytest.mark.parametrize("test", ["step % 10", "step % 10 != 0", "step % 10 > 0", "not self.debug"])
def test_the_other_branch_is_the_rare_one(test: str) -> None:
    assert branch(test) == (False, True)


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(x)",
        "f(); raise ValueError",
        "sys.exit(1)",
        "self.fail(x)",
        "warnings.warn('empty'); x = f()",
        "logger.warning('empty')",
    ],
)
def test_error_paths(body: str) -> None:
    assert branch("x", body) == (True, False)
    assert branch("x", "f()", body) == (False, True)
    assert is_error_path(ast.parse(body).body)


def test_what_sets_its_own_flag_runs_once() -> None:
    assert branch("not self.checked", "self.checked = True; f()") == (True, False)
    assert branch("not self.checked", "self.other = True; f()") == (False, False)
    assert branch("self.checked", "self.checked = True; f()") == (False, False)


def test_what_is_made_for_more_than_ever_before_is_made_seldom() -> None:
    assert branch("n > self.pe.size(0)", "self.pe = f(n)") == (True, False)
    assert branch("old and n + 1 >= self.pe.shape[0]", "self.pe, self.cos = f(n)") == (True, False)
    assert branch("n > self.pe.size(0)", "x = f(n)") == (False, False)
    assert branch("n != self.pe.size(0)", "self.pe = f(n)") == (False, False)


def test_an_empty_block_is_no_error_path() -> None:
    assert not is_error_path([])
    assert not exits([])


@pytest.mark.parametrize(
    ("statement", "skips"),
    [
        ("if step % 10: continue", True),
        ("if step % 10 != 0: return None", True),
        ("if not self.should_log: return", True),
        ("if not self.should_process(item): continue", False),
        ("if not debug: continue", True),
        ("if batch_idx > 0: return", True),
        ("if epoch % 2 or self.batch_idx != 0: return", True),
        ("if n > 0: return", False),
        ("if step < self.last + self.log_interval: return", True),
        ("if step - self.last < every: return", True),
        ("if step - self.last < size: return", False),
        ("if step < every: return", False),
        ("if step - self.last >= every: return", False),
        ("if step % 10 == 0: continue", False),  # what follows runs nearly always
        ("if not hasattr(self, 'a'): return", False),
        ("if getattr(self, '_ready', False): return", True),
        ("if getattr(self, '_ready', False): return x", False),
        ("if self.pe is not None:\n      if self.pe.size(1) >= n: return", True),
        ("if self.pe is not None:\n      if self.pe.size(1) >= n: return\n      else: f()", False),
        ("if pe is not None:\n      if pe.size(1) >= n: return", False),
        ("if x is None: return", False),
        ("if step % 10: raise E", False),
        ("if step % 10: f()", False),
        ("f()", False),
    ],
)
def test_what_skips_the_rest(statement: str, skips: bool) -> None:
    source = f"def _():\n  for _ in _:\n    {statement}"
    node = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.If, ast.Expr)))
    assert skips_the_rest(node) is skips


@pytest.mark.parametrize(
    ("statement", "leaves"),
    [("return 1", True), ("raise E", True), ("break", True), ("continue", True), ("f()", False)],
)
def test_what_leaves_a_block(statement: str, leaves: bool) -> None:
    loop = ast.parse(f"def _():\n  for _ in _:\n    g()\n    {statement}").body[0].body[0]  # type: ignore[attr-defined]
    assert exits(loop.body) is leaves


@pytest.mark.parametrize(
    ("statement", "rare"),
    [
        ("if self.merged: self.unmerge()", True),
        ("if not self.merged: self.merge()", True),
        ("if self.training: self.update()", False),
        ("if self.merged: self.layer.unmerge()", False),
        ("if self.merged: y = self.unmerge()", False),
    ],
)
def test_changes_of_mode(statement: str, rare: bool) -> None:
    node = ast.parse(statement).body[0]
    assert isinstance(node, ast.If)
    assert is_cooling(node) == (rare, False)


@pytest.mark.parametrize(
    ("test", "rare"),
    [
        ("x.shape[0] == 0", (True, False)),
        ("x.numel() == 0", (True, False)),
        ("x[0] == 0", (False, False)),
        ("x.size(0) == 1", (False, False)),
        ("self.use_gpu", (False, True)),
        ("use_cuda", (False, True)),
        ("gpu_memory", (False, False)),
    ],
)
def test_what_is_done_where_there_is_nothing_or_no_gpu(test: str, rare: tuple[bool, bool]) -> None:
    node = ast.parse(f"if {test}: f()").body[0]
    assert isinstance(node, ast.If)
    assert is_cooling(node) == rare


@pytest.mark.parametrize(
    ("test", "rare"),
    [
        ("torch.isnan(x).any()", (True, False)),
        ("math.isinf(loss)", (True, False)),
        ("not torch.isnan(x)", (False, True)),
        ("not x.isfinite().all()", (True, False)),
        ("torch.isfinite(x).all()", (False, True)),
        ("self.filter and (torch.isnan(x) or torch.isinf(x))", (True, False)),
        ("torch.isnan(x) or first", (False, False)),
        ("torch.isfinite(x) and torch.isfinite(y)", (False, True)),
        ("torch.isfinite(x) and first", (False, False)),
        ("not ok", (True, False)),
        ("isnan", (False, False)),
        ("x.any()", (False, False)),
    ],
)
def test_what_is_done_where_something_has_gone_wrong(test: str, rare: tuple[bool, bool]) -> None:
    node = ast.parse(f"if {test}: f()").body[0]
    assert isinstance(node, ast.If)
    assert is_cooling(node) == rare


@pytest.mark.parametrize(
    ("body", "rare"),
    [
        ("return torch.tensor(0.0, device=d)", True),
        ("return torch.tensor(0.0, device=d), 1", True),
        ("return torch.tensor(0.0, device=d), x", False),
        ("return torch.tensor(float('nan'), device=d)", True),
        ("return x.new_tensor([])", True),
        ("return torch.tensor(sizes, device=d)", False),
        ("return f(0.0, x)", False),
        ("y = torch.tensor(0.0, device=d); return y", False),
    ],
)
def test_answers_where_there_is_nothing_to_compute(body: str, rare: bool) -> None:
    assert branch("x.sum() == 0", body) == (rare, False)


def test_what_is_kept_by_key_is_made_once() -> None:
    assert branch("key not in windows", "windows[key] = make(key)")[0]
    assert branch("n > 0 and key not in windows", "windows[key] = make(key)")[0]
    assert not branch("key not in windows", "windows[other] = make(key)")[0]
    assert not branch("key in windows", "windows[key] = make(key)")[0]


def test_what_is_done_again_after_a_while_is_rare() -> None:
    assert branch("step - self.logged >= self.gap", "report(); self.logged = step")[0]
    assert branch("(n - last) / gap > 1", "last = n; report()")[0]
    assert not branch("step - self.logged >= self.gap", "self.logged = other")[0]
    assert not branch("step - self.logged >= self.gap", "report(step)")[0]
    assert not branch("step - self.logged < self.gap", "self.logged = step")[0]
    assert branch("self.since >= self.period", "self.since = 0; report()")[0]
    assert not branch("self.since >= self.period", "self.since = 1; report()")[0]
    assert not branch("accumulated >= accum_steps", "accumulated = 0; step()")[0]


@pytest.mark.parametrize(
    ("statement", "warning"),
    [
        ("logger.warning(x)", True),
        ("print(f'Warning: {x} is large')", True),
        ("print('WARN', x)", True),
        ("print(f'{x} is large')", False),
        ("print(x)", False),
        ("report('Warning')", False),
    ],
)
def test_what_warns(statement: str, warning: bool) -> None:
    assert warns(ast.parse(statement).body[0]) is warning


def test_what_follows_a_device_moves_once() -> None:
    assert branch("self.table.device != x.device", "self.table = self.table.to(x.device)")[0]
    assert not branch("table.device != x.device", "table = table.to(x.device)")[0]
    assert not branch("self.table.device != x.device", "x = x.to(self.table.device)")[0]
    assert branch("group['d'].device != device", "group['d'] = group['d'].to(device)")[0]
    assert branch("self.device != model_device", "self.model = self.model.to(self.device)")[0]
    assert not branch("self.size != size", "self.table = self.table.to(device)")[0]


@pytest.mark.parametrize(
    ("test", "rare"),
    [
        ("x.device.type == 'mps'", (True, False)),
        ("x.device.type in ('xla', 'ipu')", (True, False)),
        ("device_type != 'xla'", (False, True)),
        ("x.device.type == 'cuda'", (False, True)),
        ("device not in ('cuda', 'cpu')", (True, False)),
        ("device.type == 'xpu'", (False, False)),
        ("device in allowed", (False, False)),
        ("model_type == 'cpu'", (False, False)),
    ],
)
def test_branches_for_other_devices(test: str, rare: tuple[bool, bool]) -> None:
    assert branch(test) == rare


def test_what_sets_its_own_flag_is_done_once() -> None:
    assert branch("self.first", "self.first = False")[0]
    assert branch("not self.ready", "self.ready = True")[0]
    assert not branch("self.first", "self.first = True")[0]
    assert not branch("self.first", "self.second = False")[0]


def test_what_ends_in_a_failed_assertion_is_an_error_path() -> None:
    assert branch("bad.any()", "torch._assert(False, 'no')")[0]
    assert branch("bad.any()", "assert False, 'no'")[0]
    assert not branch("bad.any()", "torch._assert(good, 'no')")[0]


def test_initialised_processes_are_no_rare_case() -> None:
    assert branch("dist.is_initialized()") == (False, False)
    assert branch("dist.is_available() and torch.distributed.is_initialized()") == (False, False)
    assert branch("self.is_initialized()") == (True, False)
