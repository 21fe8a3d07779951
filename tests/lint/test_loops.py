import ast

import pytest

from perfcheck.lint.loops import LoopKind, loop_kind


def kind(loop: str, body: str = "pass", **aliases: str) -> LoopKind:
    node = ast.parse(f"{loop}:\n    {body}").body[0]
    assert isinstance(node, (ast.For, ast.AsyncFor, ast.While))
    bound = {name: ast.parse(text, mode="eval").body for name, text in aliases.items()}
    return loop_kind(node, bound)


@pytest.mark.parametrize(
    "loop",
    [
        "for x in loader",
        "for x in self.train_loader",
        "for x in train_dataloader",
        "for x in test_dl",
        "for i, (x, y) in enumerate(tqdm(data_loader, desc='train'))",
        "for x in zip(loader_a, loader_b)",
        "for x in itertools.islice(train_loader, 100)",
        "for x in self.trainer.val_dataloaders",
        "for x in batches.train_batches",
        "for step in range(1000)",
        "for batch in data",
        "for i in range(args.max_iters)",
        "for t in self.scheduler.timesteps",
        "for i in range(num_inference_steps)",
        "for _ in range(max_new_tokens)",
        "while step < max_steps",
        "async for x in loader",
        "for i in range(0, len(x), batch_size)",
        "for i in range((len(x) + batch_size - 1) // batch_size)",
        "for i in trange(math.ceil(len(x) / self.batch_size))",
        "for i in tqdm(range(0, n, args.chunk_size), desc='encode')",
    ],
)
def test_steps(loop: str) -> None:
    if loop.startswith("async"):
        node = ast.parse(f"async def f():\n    {loop}: pass").body[0].body[0]  # type: ignore[attr-defined]
        assert loop_kind(node) is LoopKind.STEP
    else:
        assert kind(loop) is LoopKind.STEP


@pytest.mark.parametrize(
    "loop",
    [
        "for epoch in range(3)",
        "for e in range(num_epochs)",
        "while epoch < 3",
        "for ep in range(args.epochs)",
    ],
)
def test_epochs(loop: str) -> None:
    assert kind(loop) is LoopKind.EPOCH


@pytest.mark.parametrize(
    "loop",
    [
        "for x in xs",
        "for i in range(3)",
        "for i in range(len(x) // width)",
        "for i in range(batch_size // 2)",
        "for name, p in model.named_parameters()",
        "while True",
        "for d in devices",
        "for key, name in self.key_iterator(data)",
    ],
)
def test_plain_loops(loop: str) -> None:
    assert kind(loop) is LoopKind.PLAIN


def test_loops_that_take_the_first_alone() -> None:
    assert kind("for batch in loader", "x = batch\n    break") is LoopKind.ONCE
    assert kind("for batch in loader", "return batch") is LoopKind.ONCE
    assert kind("for batch in loader", "if a: continue\n    break") is LoopKind.STEP
    assert kind("for batch in loader", "if a: break") is LoopKind.STEP


@pytest.mark.parametrize(
    "call", ["loss.backward()", "optimizer.zero_grad()", "self.training_step(x)", "self.env.step(a)"]
)
def test_what_the_body_does_decides(call: str) -> None:
    assert kind("for x in xs", call) is LoopKind.STEP
    assert kind("while True", f"if a: {call}") is LoopKind.STEP
    assert kind("for x in xs", f"def f(): {call}") is LoopKind.PLAIN
    assert kind("for x in xs", "backward()") is LoopKind.PLAIN


@pytest.mark.parametrize("counter", ["step", "self.global_step", "env_steps", "iteration"])
def test_a_loop_that_counts_its_steps(counter: str) -> None:
    assert kind("while True", f"{counter} += 1") is LoopKind.STEP
    assert kind("while True", f"for x in loader: f(x)\n    {counter} += 1") is LoopKind.EPOCH
    assert kind("while True", f"{counter} -= 1") is LoopKind.PLAIN


def test_a_loop_around_loops_of_steps_is_one_over_epochs() -> None:
    assert kind("for i in range(3)", "for x in loader: f(x)") is LoopKind.EPOCH
    assert kind("while True", "for x in xs: loss.backward()") is LoopKind.EPOCH


def test_a_loop_around_epochs_is_no_step_whatever_it_counts() -> None:
    body = "for agent in agents:\n        for x in loader: f(x)"
    assert kind("while population.below(max_steps)", body) is LoopKind.EPOCH
    assert kind("while population.below(max_steps)", "for agent in agents: f(agent)") is LoopKind.STEP


def test_a_loop_that_steps_after_its_inner_loop_is_a_step() -> None:
    body = "for x in loader:\n        f(x)\n    loss.backward()"
    assert kind("for i in range(3)", body) is LoopKind.STEP


def test_other_names_for_a_loader() -> None:
    assert kind("for x in bar") is LoopKind.PLAIN
    assert kind("for x in bar", bar="tqdm(train_loader)") is LoopKind.STEP
    assert kind("for i, x in enumerate(bar)", bar="tqdm(self.val_dataloader, total=9)") is LoopKind.STEP


def test_the_length_of_a_loader_is_no_loader() -> None:
    assert kind("for name in len(loader)") is LoopKind.PLAIN


def test_the_answer_is_remembered() -> None:
    node = ast.parse("for x in bar: pass").body[0]
    assert isinstance(node, ast.For)
    assert loop_kind(node, {"bar": ast.Name("train_loader")}) is LoopKind.STEP
    assert loop_kind(node) is LoopKind.STEP


def test_loops_that_serve_and_loops_that_know_of_epochs() -> None:
    assert kind("while True", "request = self.in_queue.get()") is LoopKind.STEP
    assert kind("while True", "names.get(1)") is LoopKind.PLAIN
    assert kind("while True", "ok, frame = cap.read()") is LoopKind.STEP
    assert kind("while camera.isOpened()", "show(frame)") is LoopKind.STEP
    assert kind("while True", "while not self.frame_event.wait(1): check()") is LoopKind.STEP
    assert kind("while True", "line = file.read()") is LoopKind.PLAIN
    assert kind("while True", "if full: yield batch") is LoopKind.STEP
    assert kind("while more", "yield name") is LoopKind.PLAIN
    assert kind("while not epoch_is_done(state)", "unit.train_step(batch)") is LoopKind.STEP
    assert kind("while not epoch_is_done(state)", "for x in loader: unit.train_step(x)") is LoopKind.EPOCH


def test_what_turns_until_it_is_stopped_from_outside_serves() -> None:
    assert kind("while True", "self.main_loop()") is LoopKind.STEP
    assert kind("while not self.stop_event.is_set()", "self.work()") is LoopKind.STEP
    assert kind("while self.running", "self.work()") is LoopKind.STEP


def test_what_ends_itself_or_sleeps_between_its_turns_does_not() -> None:
    assert kind("while True", "self.shrink()\n    if self.fits():\n        break") is LoopKind.PLAIN
    assert kind("while True", "if self.fits():\n        return self.size") is LoopKind.PLAIN
    assert kind("while self.running", "self.report()\n    time.sleep(10)") is LoopKind.PLAIN
    assert kind("while True", "self.trigger.wait()\n    self.render()") is LoopKind.PLAIN


def test_loops_over_chunks_of_data() -> None:
    assert kind("for start in range(0, n, hop)", "run(x[:, start : start + length])") is LoopKind.STEP
    assert kind("for start in trange(0, n, hop)", "run(x[start:end])") is LoopKind.STEP
    assert kind("for start in range(0, n, hop)", "run(x[start])") is LoopKind.PLAIN
    assert kind("for start in range(n)", "run(x[start : start + 1])") is LoopKind.PLAIN


def test_what_switches_autograd_off_in_each_turn_runs_a_model() -> None:
    switch = "with torch.no_grad():\n        "
    assert kind("for image in images", switch + "maps = backbone(image)") is LoopKind.STEP
    assert kind("for task in tasks", switch + "for x in loader: backbone(x)") is LoopKind.EPOCH
    assert kind("for image in images", "with lock: maps = backbone(image)") is LoopKind.PLAIN
    assert kind("for layer in layers", switch + "layer.weight.fill_(1)") is LoopKind.PLAIN
    assert kind("for image in images", switch + "image = torch.flip(image, dims)") is LoopKind.PLAIN


def test_a_model_that_is_made_is_not_called() -> None:
    assert kind("for x in xs", "y = unet_model(x)") is LoopKind.STEP
    assert kind("for x in xs", "model = builders.get_diffusion_model(x)") is LoopKind.PLAIN
