"""How often lines run. ``wait()`` stands for ``torch.cuda.synchronize()``; a comment says how hot it is."""

from collections.abc import Mapping

import pytest

from perfcheck.events import Hotness
from tests.lint.programs import MAIN, Program, heats, texts

WAIT = "torch.cuda.synchronize()"


def check(sources: str | Mapping[str, str], presumed: bool = False) -> None:
    files = {
        path: "import torch\nfrom torch import nn\n" + text.replace("wait()", WAIT)
        for path, text in texts(sources).items()
    }
    said, found = heats(files, presumed=presumed)
    assert said
    assert found == said


# ---- within a function -------------------------------------------------------------------------------


def test_loops() -> None:
    check(
        """
        def fit(model, loader, names):
            wait()  # cold
            for epoch in range(3):
                wait()  # epoch
                for batch in loader:
                    wait()  # step
                    for name in names:
                        wait()  # element
                    while names:
                        wait()  # element
                    [wait() for name in names]  # element
                else:
                    wait()  # epoch
                wait()  # epoch
            wait()  # cold
            for name in names:
                wait()  # cold
        """
    )


def test_comprehensions_over_a_loader() -> None:
    check(
        """
        def predict(model, test_loader, loaders, names):
            dl = torch.utils.data.DataLoader(names)
            [wait() for batch in test_loader]  # step
            [[wait() for name in names] for batch in test_loader]  # element
            [wait() for batch in dl]  # step
            [wait() for loader in loaders]  # cold
            [wait() for name in names]  # cold
            [name for name in wait()]  # cold

        def outside(test_loader):
            return [inside(batch) for batch in test_loader]

        def inside(batch):
            wait()  # step
        """
    )


def test_a_loop_that_runs_a_model_whatever_it_goes_over() -> None:
    check(
        """
        class Trainer:
            def __init__(self):
                self.lm = nn.Sequential(Block(), Block())
                for part in self.parts:
                    self.lm(part)
                    wait()  # cold

            def valid(self):
                for text in self.dev_set:
                    self.lm(text)
                    wait()  # step
                for text in self.dev_set:
                    self.tidy(text)
                    wait()  # cold
                for dtype in (torch.float16, torch.float32):
                    self.lm(self.text.to(dtype))
                    wait()  # cold

        class Block(nn.Module):
            def forward(self, x):
                return x
        """
    )


def test_what_runs_without_gradients_is_hot_where_a_loop_calls_it() -> None:
    check(
        """
        class Depth:
            def estimate(self, image):
                with torch.no_grad():
                    depth = self.net(image)
                wait()  # step
                return depth

            def animate(self, images):
                for image in images:
                    self.warp(image, self.estimate(image))
                for path in self.paths:
                    whole(path)

            def warp(self, image, depth):
                wait()  # cold

        @torch.inference_mode()
        def whole(path):
            wait()  # cold
            return chunks(path)

        def chunks(data):
            for start in range(0, len(data), hop):
                run(data[start : start + hop])
        """
    )


def test_a_loop_that_runs_what_the_function_is_handed_without_gradients() -> None:
    check(
        """
        @torch.no_grad()
        def make_animation(detector, frames, n):
            frames = frames.cuda()
            for i in range(n):
                detector(frames[:, :, i])
                wait()  # step
            for name in detector.names:
                detector(name)
                wait()  # cold

        def train(detector, frames, n):
            frames = frames.cuda()
            for i in range(n):
                detector(frames[:, :, i])
                wait()  # cold
        """
    )


def test_a_function_that_is_named_but_not_called_may_be_called_often() -> None:
    check(
        {
            "losses.py": """
                def choose(name):
                    return masked if name == "masked" else None

                def masked(x: torch.Tensor):
                    wait()  # step

                def unused(x: torch.Tensor):
                    wait()  # cold
                """,
            "main.py": "import losses\n",
        },
        presumed=True,
    )


def test_what_goes_through_epochs_is_no_step_whatever_it_is_called() -> None:
    check(
        """
        class Agent:
            def learn(self, loader, epochs):
                wait()  # epoch
                for epoch in range(epochs):
                    wait()  # epoch
                    for batch in loader:
                        self.net(batch).backward()
                        wait()  # step
        """
    )


def test_an_epoch_on_all_of_the_data_is_a_step() -> None:
    check(
        """
        def fit(model, x, loader, optimizer):
            for epoch in range(200):
                optimizer.zero_grad()
                model(x).mean().backward()
                optimizer.step()
                wait()  # step
            for epoch in range(200):
                learn()
                wait()  # epoch
            for epoch in range(200):
                for part in loader:
                    model(part).mean().backward()
                optimizer.step()
                wait()  # epoch

        def learn():
            model(data).mean().backward()
            optimizer.step()
            wait()  # step
        """
    )


def test_a_closure_that_an_optimizer_is_handed() -> None:
    check(
        """
        def fit(model, x, optimizer):
            def closure():
                optimizer.zero_grad()
                loss = model(x).mean()
                loss.backward()
                wait()  # step
                return loss
            for i in range(100):
                optimizer.step(closure)
                wait()  # step
        """
    )


def test_a_loader_by_its_value_whatever_it_is_called() -> None:
    check(
        """
        from torch.utils.data import DataLoader
        from tqdm import tqdm
        def fit(data):
            pinned = DataLoader(data)
            for images in pinned:
                wait()  # step
            for i, images in enumerate(tqdm(pinned)):
                wait()  # step
            bar = tqdm(pinned)
            for images in bar:
                wait()  # step
            for images in data:
                wait()  # cold
        """
    )


@pytest.mark.parametrize(
    "guard",
    [
        "if step % 100 == 0:",
        "if not step % 100:",
        "if debug:",
        "if step == 0:",
        "if self.cache is None:",
        "if step % 10 == 0 and rank == 0:",
        "try: pass\n        except RuntimeError:",
        "if step % 100: pass\n        else:",
    ],
)
def test_guards_cool(guard: str) -> None:
    check(
        f"""
    def fit(self, loader, debug, rank):
        for step, batch in enumerate(loader):
            wait()  # step
            {guard.replace(chr(10) + "        ", chr(10) + "            ")}
                wait()  # epoch
            wait()  # step
    """
    )


@pytest.mark.parametrize("guard", ["if step % 100: continue", "if not debug: continue"])
def test_what_skips_the_rest_cools_it(guard: str) -> None:
    check(
        f"""
        def fit(loader, debug):
            for step, batch in enumerate(loader):
                wait()  # step
                {guard}
                wait()  # epoch
            wait()  # cold
        """
    )


def test_what_leaves_a_loop_runs_as_often_as_what_is_around_it() -> None:
    check(
        """
        def fit(loader, done):
            for epoch in range(3):
                for batch in loader:
                    if done(batch):
                        wait()  # epoch
                        break
                    if done(epoch):
                        wait()  # cold
                        return
                    if batch is None:
                        wait()  # step
                        continue
        """
    )


def test_errors_are_rare() -> None:
    check(
        """
        def fit(loader):
            for batch in loader:
                if bad(batch):
                    wait()  # epoch
                    raise ValueError
        """
    )


def test_a_loop_under_a_guard_is_hot_again() -> None:
    check(
        """
        def fit(loader, debug):
            if debug:
                for batch in loader:
                    wait()  # step
        """
    )


# ---- by role -----------------------------------------------------------------------------------------


def test_roles() -> None:
    check(
        """
        class Net(nn.Module):
            def __init__(self):
                wait()  # cold
            def forward(self, x):
                wait()  # step
                for layer in self.layers:
                    wait()  # element
            def load_weights(self, path):
                wait()  # cold
            def on_train_epoch_end(self):
                wait()  # epoch
        wait()  # cold
        for batch in range(3):
            wait()  # step
        """
    )


def test_nothing_is_hot_in_tests() -> None:
    files = {
        "tests/test_net.py": """
        def test_it(loader):
            for batch in loader:
                wait()  # cold
                helper()
        def helper():
            wait()  # cold
        class Net(nn.Module):
            def forward(self, x):
                wait()  # cold
        """,
    }
    check(files)


# ---- by calls ----------------------------------------------------------------------------------------


def test_calls_warm_what_they_reach_through_files() -> None:
    check(
        {
            MAIN: """
            from ops import first
            import ops
            def fit(loader):
                for batch in loader:
                    first(batch)
                    for part in batch:
                        ops.each(part)
                ops.last()
            """,
            "ops.py": """
            import deep
            def first(batch):
                wait()  # step
                deep.down()
                helper = deep.Helper()
            def each(part):
                wait()  # element
            def last():
                wait()  # cold
            """,
            "deep.py": """
            def down():
                wait()  # step
                def nested():
                    wait()  # step
                nested()
            class Helper:
                def __init__(self):
                    wait()  # step
            """,
        }
    )


def test_an_epoch_s_call_is_warm_and_its_loops_are_hot() -> None:
    check(
        """
        def fit(loader):
            for epoch in range(3):
                train(loader)
        def train(loader):
            wait()  # epoch
            for batch in loader:
                wait()  # step
            wait()  # epoch
        """
    )


def test_a_guarded_call_does_not_warm() -> None:
    check(
        """
        def fit(loader):
            for step, batch in enumerate(loader):
                if step % 100 == 0:
                    report(batch)
        def report(batch):
            wait()  # cold
        """
    )


def test_a_call_after_what_skips_the_rest_does_not_warm() -> None:
    check(
        """
        def fit(loader):
            for step, batch in enumerate(loader):
                work(batch)
                if step % 100:
                    continue
                note(batch)
        def note(batch):
            wait()  # cold
        def work(batch):
            wait()  # step
        """
    )


def test_methods_bases_and_overrides() -> None:
    check(
        """
        class Base:
            def fit(self, loader):
                for batch in loader:
                    self.work(batch)
            def work(self, batch):
                wait()  # step
            def other(self):
                wait()  # cold
        class Derived(Base):
            def work(self, batch):
                super().work(batch)
                wait()  # step
                self.mine()
            def mine(self):
                wait()  # step
        class Stranger:
            def work(self, batch):
                wait()  # cold
        """
    )


def test_methods_of_attributes_by_their_name_alone() -> None:
    check(
        """
        class Trainer:
            def fit(self, loader):
                for batch in loader:
                    self.engine.advance_all(batch)
        class Engine:
            def advance_all(self, batch):
                wait()  # step
        """
    )


def test_names_that_everything_has_warm_nothing() -> None:
    check(
        """
        def fit(loader, thing):
            for batch in loader:
                thing.update(batch)
        class Engine:
            def update(self, batch):
                wait()  # cold
        """
    )


def test_callbacks() -> None:
    check(
        """
        class Net(nn.Module):
            def forward(self, x):
                return checkpoint(self.block, x) + apply(outer, x)
            def block(self, x):
                wait()  # step
        def outer(x):
            wait()  # step
        """
    )


def test_what_stays_cold_though_it_is_called_on_every_step() -> None:
    check(
        """
        from torch.utils.data import Dataset
        def fit(loader, net):
            for batch in loader:
                net.save_checkpoint()
                collate_fn(batch)
        class Net:
            def save_checkpoint(self):
                wait()  # cold
        def collate_fn(batch):
            wait()  # step
        class Data(Dataset):
            def __getitem__(self, i):
                wait()  # cold
        """
    )


def test_what_parses_losses_on_every_step_is_no_set_up() -> None:
    check(
        """
        class Detector(nn.Module):
            def train_step(self, data, optimizer):
                return self._parse_losses(self(**data))
            def _parse_losses(self, losses):
                wait()  # step
                return losses
            def parse_config(self, path):
                wait()  # cold
        """
    )


def test_setting_up_is_cold_until_a_loop_calls_it() -> None:
    check(
        """
        def make_model(x):
            wait()  # cold
            return x.detach()
        def make_experience(x):
            wait()  # step
            return x.detach()
        def fit(loader):
            for batch in loader:
                make_experience(batch)
        """,
        presumed=True,
    )


def test_what_is_handed_over_may_be_called_at_any_time() -> None:
    check(
        """
        class Viewer:
            def __init__(self, scene):
                self.scene = scene
                scene.add(self.render)
            def render(self, x: torch.Tensor):
                wait()  # step
                return x.detach()
        """,
        presumed=True,
    )


def test_hooks_of_modules_run_in_every_forward() -> None:
    check(
        """
        class Probe:
            def attach(self, model):
                def hook(module, inputs, output):
                    wait()  # step
                model.register_forward_hook(hook)
        """
    )


def test_a_loop_over_the_rows_of_a_tensor_is_hot_wherever_it_stands() -> None:
    check(
        """
        if __name__ == "__main__":
            scores = torch.rand(8, device="cuda")
            for i in range(len(scores)):
                wait()  # step
            for i in range(8):
                wait()  # cold
        """
    )


def test_the_number_of_rows_by_another_name() -> None:
    check(
        """
        def filters(weight: torch.Tensor, images: torch.Tensor, sizes: list[int]):
            count = weight.size(0)
            batch, channels = images.shape[:2]
            height = sizes[0]
            for i in range(count):
                for j in range(i, count):
                    wait()  # element
            for i in range(batch):
                wait()  # step
            for i in range(height):
                wait()  # cold
        """
    )


def test_an_algorithm_that_reads_in_each_turn_what_it_computed_is_hot_wherever_it_stands() -> None:
    check(
        """
        def pick(points: torch.Tensor, count: int):
            nearest = torch.full((len(points),), 1.0, device="cuda")
            chosen = []
            for _ in range(count):
                chosen.append(int(nearest.argmax()))
                nearest = torch.minimum(nearest, (points - points[chosen[-1]]).norm(dim=1))
                wait()  # step
            return chosen

        class Basis(nn.Module):
            def __init__(self, kept):
                self.register_buffer("kept", kept)
            def __iter__(self):
                place = 0
                for order in range(self.order):
                    if self.kept[place] == 1:
                        wait()  # cold
                        yield order
                    place += 1

        def report(points: torch.Tensor, names: list[str], count: int):
            for i in range(count):
                print(names[i], points.mean().item())
                wait()  # cold
            for _ in range(3):
                points = points - points.mean().item()
                wait()  # cold
        """
    )


def test_what_stands_around_an_inference_over_windows_is_done_once_for_all_of_them() -> None:
    check(
        """
        def perplexity(tokens: torch.Tensor, model, stride: int):
            losses = []
            for begin in range(0, tokens.size(1), stride):
                part = tokens[:, begin : begin + stride].cuda()
                with torch.no_grad():
                    losses.append(model(part))
            wait()  # epoch
        def rolled(tokens: torch.Tensor, model, length: int):
            for i in range(length):
                tokens = model(tokens)
            wait()  # step
        def report(model: nn.Module, loader):
            for batch in loader:
                perplexity(batch, model, 512)
                rolled(batch, model, 8)
        """
    )


def test_a_loop_that_reads_one_number_after_the_other_counts_wherever_it_stands() -> None:
    check(
        """
        def values_of(logits: torch.Tensor, history):
            values = logits.softmax(-1).sum(-1)
            for i in range(len(history)):
                history[i] = values[i].item()
                wait()  # epoch
            for i in range(len(history)):
                history[i] = values[0].item()
                wait()  # cold
            for i in range(4):
                history[i] = values[i].item()
                wait()  # cold
        """
    )


def test_a_loop_over_tensors_of_the_host_in_any_number_is_hot_wherever_it_stands() -> None:
    check(
        """
        def means(counts: list[int]):
            groups = [torch.arange(count) for count in counts]
            for group in groups:
                wait()  # step
            for group in (torch.zeros(1), torch.zeros(2)):
                wait()  # cold
        """
    )


def test_what_nobody_names_never_runs() -> None:
    check(
        """
        class Net:
            def _left_over(self, x: torch.Tensor):
                for i in range(len(x)):
                    wait()  # cold
            def _used(self, x: torch.Tensor):
                for i in range(len(x)):
                    wait()  # element
        table = {"used": Net._used}
        """,
        presumed=True,
    )


def test_passes_over_graphs_are_cold() -> None:
    check(
        """
        def lower(module: torch.fx.GraphModule, example: torch.Tensor):
            wait()  # cold
            return example.detach()
        """,
        presumed=True,
    )


def test_what_drives_the_steps_is_none_itself() -> None:
    check(
        """
        class Trainer:
            def drive(self, model: torch.nn.Module, x: torch.Tensor):
                wait()  # cold
                while not self.done:
                    self._run_step(x)
            def _run_step(self, x: torch.Tensor):
                wait()  # step
        """,
        presumed=True,
    )


def test_circles_of_calls_end() -> None:
    check(
        """
        def fit(loader):
            for batch in loader:
                ping(batch)
        def ping(x):
            wait()  # element
            for y in x:
                pong(y)
        def pong(x):
            wait()  # element
            ping(x)
        """
    )


# ---- presumed ----------------------------------------------------------------------------------------


def test_a_function_of_tensors_without_callers_is_taken_to_be_hot() -> None:
    check(
        """
        def loss(x: torch.Tensor):
            wait()  # step
        def parts(words) -> list[torch.Tensor]:
            wait()  # step
        def lengths(words) -> list[int]:
            wait()  # cold
        def nothing():
            wait()  # cold
        def build_mask(x: torch.Tensor):
            wait()  # cold
        class Net(nn.Module):
            def encode(self, words):
                wait()  # step
            def __init__(self, x: torch.Tensor):
                wait()  # cold
        """,
        presumed=True,
    )


def test_what_a_step_sets_up_is_set_up_on_every_step() -> None:
    check(
        """
        def attend(x: torch.Tensor, debug):
            scale = create_scale(2.0)
            if debug:
                create_table(2.0)
        def create_scale(number):
            wait()  # step
        def create_table(number):
            wait()  # cold
        def configure_all(x: torch.Tensor):
            create_mask(2.0)
        def create_mask(number):
            wait()  # cold
        """,
        presumed=True,
    )


def test_what_drives_the_steps_is_no_step() -> None:
    check(
        """
        def evaluate_all(model: nn.Module, loader, x: torch.Tensor):
            wait()  # cold
            for batch in loader:
                step(batch)
                wait()  # step
            wait()  # cold
        def step(batch):
            wait()  # step
        """,
        presumed=True,
    )


def test_what_is_called_now_and_then_is_no_step() -> None:
    check(
        """
        def fit(loader, x: torch.Tensor):
            for step, batch in enumerate(loader):
                if step % 100 == 0:
                    note(batch)
        def note(x: torch.Tensor):
            wait()  # cold
        """,
        presumed=True,
    )


def test_a_presumption_is_no_certainty() -> None:
    program = Program("def f(loader, x):\n    for b in loader:\n        g(b)\ndef g(b): ...\n")
    assert program.heat.of(program.function("g")).sure
    program = Program(
        """
        def f(loader, x):
            for batch in loader:
                x.run_one(batch)
        class A:
            def run_one(self, batch): ...
        class B:
            def run_one(self, batch): ...
        """
    )
    assert [program.heat.of(program.function(name)).sure for name in ("A.run_one", "B.run_one")] == [
        False
    ] * 2


# ---- receivers of known class ------------------------------------------------------------------------


def test_methods_of_what_a_class_holds_are_called_by_its_own_steps() -> None:
    check(
        {
            "parts.py": """
                class Sampler:
                    def update(self, x):
                        wait()  # step
                class Recorder:
                    def update(self, x):
                        wait()  # cold
            """,
            "main.py": """
                from parts import Recorder, Sampler
                class Made(nn.Module):
                    def __init__(self):
                        self.sampler = Sampler()
                        self.recorder = Recorder()
                    def forward(self, x):
                        self.sampler.update(x)
                        return x
            """,
        }
    )


def test_a_function_kept_in_an_attribute_is_called_by_it() -> None:
    check(
        """
        def nearest(x):
            wait()  # step
            return x.sum()
        def farthest(x):
            wait()  # cold
            return x.sum()
        class Graph(nn.Module):
            def __init__(self):
                super().__init__()
                self.knn = nearest
                self.other = farthest
            def forward(self, x):
                return self.knn(x)
        """
    )


def test_an_object_kept_in_an_attribute_is_called_by_it() -> None:
    check(
        """
        class Proposals:
            def __call__(self, x):
                wait()  # step
        class Targets:
            def __call__(self, x):
                wait()  # cold
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.propose = Proposals()
                self.match = Targets()
            def forward(self, x):
                return self.propose(x)
        """
    )


@pytest.mark.parametrize("annotation", ["Sampler", "'Sampler'", "Sampler | None", "Optional[Sampler]"])
def test_an_annotation_tells_whose_method_is_called(annotation: str) -> None:
    check(
        f"""
        from typing import Optional
        class Sampler:
            def update(self, x):
                wait()  # step
        class Nested(Sampler):
            def update(self, x):
                wait()  # step
        class Recorder:
            def update(self, x):
                wait()  # cold
        def fit(loader, sampler: {annotation}):
            for batch in loader:
                sampler.update(batch)
        """
    )


def test_a_variable_that_may_be_of_two_classes_tells_nothing() -> None:
    check(
        """
        class Sampler:
            def update(self, x):
                wait()  # cold
        class Recorder:
            def update(self, x):
                wait()  # cold
        def fit(loader, quiet):
            sampler = Sampler()
            if quiet:
                sampler = Recorder()
            for batch in loader:
                sampler.update(batch)
        """
    )


def test_overridden_methods_are_one_family_whatever_calls_them() -> None:
    check(
        """
        class Search:
            def advance(self):
                raise NotImplementedError
        class Beam(Search):
            def advance(self):
                wait()  # step
        class Greedy(Search):
            def advance(self):
                wait()  # step
        def decode(strategy, model, max_length):
            for step in range(max_length):
                strategy.advance()
        """
    )


def test_a_pipeline_that_drives_steps_is_none() -> None:
    said, found = heats(
        """
        import torch
        class DrawingPipeline:
            def __call__(self, prompt):
                torch.cuda.synchronize()  # epoch
                self.encode(prompt)
                for t in self.scheduler.timesteps:
                    torch.cuda.synchronize()  # step
                    self.denoise(t)
            def encode(self, prompt):
                torch.cuda.synchronize()  # epoch
            def denoise(self, t):
                torch.cuda.synchronize()  # step
        class ClassifyingPipeline:
            def __call__(self, image):
                torch.cuda.synchronize()  # step
        """
    )
    assert found == said


def test_an_epoch_that_drops_gradients_is_no_step() -> None:
    check(
        """
        class Trainer:
            def train(self):
                while True:
                    self.optimizer.zero_grad()
                    batches = enumerate(self.train_set)
                    for i, batch in batches:
                        self.loss(batch).backward()
                        wait()  # step
                        self.optimizer_step()
                    wait()  # epoch

            def accumulate(self, micro, steps):
                while True:
                    self.optimizer.zero_grad()
                    for part in micro:
                        self.loss(part).backward()
                    self.optimizer.step()
                    wait()  # step
        """
    )


def test_what_nobody_names_and_its_module_does_not_offer_is_cold() -> None:
    source = """
        __all__ = ["Offered", "make"]

        class Offered(nn.Module):
            def forward(self, x):
                wait()  # step

        class Used(nn.Module):
            def forward(self, x):
                wait()  # step

        def make():
            return Used()

        @register
        class Registered(nn.Module):
            def forward(self, x):
                wait()  # step

        class Base(nn.Module):
            def forward(self, x):
                wait()  # step

        class Offered2(Base):
            pass

        class Unused(nn.Module):
            def forward(self, x):
                wait()  # cold
    """
    check(source)
    check(source.replace("__all__ =", "names =").replace("# cold", "# step"))
    check(
        source.replace("class Offered2", "__all__ += ['Unused']\n\n        class Offered2").replace(
            "# cold", "# step"
        )
    )


def test_optimizers_that_came_along_with_others_are_cold() -> None:
    files = {
        "lib/optim/radam.py": """
            class RAdam(torch.optim.Optimizer):
                def step(self):
                    wait()  # step
            class PlainRAdam(torch.optim.Optimizer):
                def __init__(self, params):
                    super(PlainRAdam, self).__init__(params)
                def step(self):
                    wait()  # cold
            class Layer(nn.Module):
                def forward(self, x):
                    wait()  # step
            def made_here():
                class Fused(torch.optim.Optimizer):
                    def step(self):
                        wait()  # step
        """,
        "lib/optim/__init__.py": "from lib.optim.radam import RAdam",
        "lib/__init__.py": "",
    }
    check(files)
    radam = files["lib/optim/radam.py"].replace("cold", "step")
    check({"lib/optim/radam.py": radam, "lib/optim/__init__.py": "", "lib/__init__.py": ""})


def test_what_a_person_runs_to_see_that_it_works_is_as_cold_as_tests() -> None:
    check(
        """
        def check_env():
            for _ in range(100):
                env.step(agent.act())
                wait()  # cold
        def check_env_with(agent):
            for _ in range(100):
                env.step(agent.act())
                wait()  # step
        """
    )


def test_what_is_kept_once_it_is_known_is_cold() -> None:
    check(
        """
        from gpytorch.utils.memoize import cached

        class Strategy(nn.Module):
            def forward(self, x):
                return x @ self.mean_cache

            @property
            @cached(name="mean_cache")
            def mean_cache(self):
                wait()  # cold
                return self.prior.mean
        """
    )


def test_a_forward_that_trains_is_no_step() -> None:
    check(
        """
        class Trainer(nn.Module):
            def forward(self):
                wait()  # epoch
                for images in self.loader:
                    loss = self.net(images)
                    loss.backward()
                    wait()  # step
        """
    )


def test_a_function_that_a_step_is_handed_is_called_in_it() -> None:
    check(
        """
        def losses(outputs, labels):
            wait()  # step
            return outputs.sum(), {}

        def train_step(batch, model, criterion):
            loss, parts = criterion(model(batch), batch)
            loss.backward()

        def train_epoch(model, train_loader):
            for batch in train_loader:
                train_step(batch, model, losses)
        """
    )


def test_a_metric_is_summed_up_once_for_many_updates() -> None:
    said, found = heats(
        """
        import torch
        class Metric:
            def forward(self, x):
                self.reset()
                self.update(x)
                return self.compute()
        class Accuracy(Metric):
            def reset(self):
                torch.cuda.synchronize()  # cold
            def update(self, x):
                torch.cuda.synchronize()  # step
            def compute(self):
                torch.cuda.synchronize()  # epoch
        class Simulation:
            def forward(self, x):
                return self.compute()
            def compute(self):
                torch.cuda.synchronize()  # step
        """
    )
    assert found == said


def test_who_makes_it_hot() -> None:
    program = Program(
        """
        def train(loader):
            for batch in loader:
                step(batch)
        def step(batch):
            losses(batch)
        def losses(batch): ...
        def other(batch): ...
        class Net:
            def training_step(self, batch):
                other(batch)
        """
    )
    assert program.heat.heated_by(program.function("losses")) == ("main.train", "main.step")
    assert program.heat.heated_by(program.function("other")) == ("main.Net.training_step",)
    assert program.heat.heated_by(program.function("Net.training_step")) == ()


def test_methods_of_other_packages_are_not_the_projects() -> None:
    text = """
        from sklearn.decomposition import PCA
        import other
        def masks(batches):
            for batch in batches:
                pca = PCA(1)
                pca.fit_transform(batch)
        class Reduction:
            def fit_transform(self, x):
                wait()  # cold
        """
    check(text)
    check(text.replace("PCA(1)", "other.make(1)").replace("# cold", "# step"))


def test_hooks_of_iterations_and_tokens_and_what_is_kept_for_them() -> None:
    check(
        """
        class Loop:
            def on_train_iteration(self, data):
                wait()  # step
            def before_training_iteration(self, data):
                wait()  # step
            def generate_token(self, batch):
                wait()  # step
                table(3)
            def on_train_start(self):
                wait()  # cold
        @lru_cache(maxsize=None)
        def table(n):
            wait()  # cold
        """
    )


def test_what_only_serves_functions_that_remember_their_results_runs_once() -> None:
    check(
        """
        from joblib import Memory
        cache = Memory("grids")
        class Sphere(nn.Module):
            def forward(self, x):
                return x @ grid(3)
        @cache.cache
        def grid(n):
            return _spread(n)
        def _spread(n):
            x = torch.rand(n, 3)
            for _ in range(5000):
                loss = _energy(x)
                loss.backward()
                wait()  # cold
            _both(x)
        def _energy(x: torch.Tensor):
            wait()  # cold
        def _both(x: torch.Tensor):
            wait()  # step
        def other(x: torch.Tensor):
            _both(x)
        _spread(1)
        """,
        presumed=True,
    )


def test_what_answers_a_question_looks_something_up_or_shows_something_is_presumed_to_be_no_step() -> None:
    check(
        """
        class Manifold:
            def contains_all(self, x: torch.Tensor):
                if x.shape != self.shape:
                    return False
                wait()  # cold
                return self.check(x)
            def close(self, x: torch.Tensor, y: torch.Tensor):
                wait()  # cold
                return x.shape == y.shape and (x == y).all().item()
            def project(self, x: torch.Tensor):
                wait()  # step
                return (x == x).all()
            def __getitem__(self, r: torch.Tensor):
                wait()  # cold
        def heat_map(image: "PIL.Image.Image", x: torch.Tensor) -> PIL.Image.Image:
            wait()  # cold
        """,
        presumed=True,
    )


def test_what_learns_by_rollouts_of_its_own_is_no_step() -> None:
    check(
        """
        class Runner:
            def learn(self, iterations, obs):
                self.share()
                for i in range(iterations):
                    for _ in range(self.horizon):
                        wait()  # step
                        obs = self.env.step(self.policy(obs))
                    wait()  # epoch
                    self.report(obs)
            def share(self):
                wait()  # epoch
            def report(self, obs):
                wait()  # epoch
        class Agent:
            def learn(self, batch):
                wait()  # step
        """
    )


def test_what_brings_processes_together_is_done_once() -> None:
    check(
        """
        def train(loader):
            for batch in loader:
                join("nccl")
                share(batch)
        def join(backend):
            dist.init_process_group(backend)
            wait()  # cold
        def share(batch):
            wait()  # step
        """
    )


def test_what_asks_the_disk_is_presumed_to_be_no_step() -> None:
    check(
        """
        import os
        class Store:
            def fits(self, x: torch.Tensor, path):
                wait()  # cold
                return os.path.getsize(path) >= x.numel()
            def filled(self, x: torch.Tensor, path):
                wait()  # step
                return self.size(path) >= x.numel()
        """,
        presumed=True,
    )


def test_what_makes_parameters_is_done_once() -> None:
    check(
        """
        class Quantized(nn.Module):
            def quantize(self, x: torch.Tensor):
                self.weight = nn.Parameter(self.scale(self.kernel), requires_grad=False)
                wait()  # cold
            def scale(self, x: torch.Tensor):
                wait()  # cold
                return x
            def quantized(self, x: torch.Tensor):
                wait()  # step
        """,
        presumed=True,
    )


def test_forward_passes_by_other_names() -> None:
    check(
        """
        class Net(nn.Module):
            def incremental_forward(self, x):
                wait()  # step
                for t in x.steps:
                    wait()  # element
            def forward_head(self, x):
                wait()  # step
            def forward_hook_handles(self):
                wait()  # cold
        class Mail:
            def forward_letter(self, x):
                wait()  # cold
        """
    )


def test_what_is_sure_counts_before_what_may_be() -> None:
    program = Program(
        """
        from torch import nn
        class Net(nn.Module):
            def forward(self, x):
                for part in self.parts:
                    x = part.advance(x)
                return x
        class Part(nn.Module):
            def advance(self, x):
                return x
        class Other:
            def advance(self, x):
                return x
        def train(loader):
            part = Part()
            for batch in loader:
                part.advance(batch)
        """
    )
    heat = program.heat.of(program.function("Part.advance"))
    assert (heat.level, heat.sure) == (Hotness.STEP, True)
    heat = program.heat.of(program.function("Other.advance"))
    assert (heat.level, heat.sure) == (Hotness.ELEMENT, False)


def test_what_learns_once_and_what_begins_a_sequence() -> None:
    check(
        """
        class Agent:
            def update_pi(self, z):
                loss = self.score(z)
                loss.backward()
                self.optim.step()
                wait()  # step
            def train(self, loader):
                wait()  # cold
                for batch in loader:
                    loss = self.score(batch)
                    loss.backward()
                    self.optim.step()
        class Flow(nn.Module):
            def forward(self, x):
                return self.initialize_flow(x), self.initialize_weights(x)
            def initialize_flow(self, x):
                wait()  # step
            def initialize_weights(self, x):
                wait()  # cold
        """
    )


def test_private_methods_that_another_package_may_call() -> None:
    said, found = heats(
        """
        import torch
        from torch import nn
        from lm_eval.api.model import TemplateLM


        class Evaluator(TemplateLM):
            def _loglikelihood_tokens(self, requests: torch.Tensor):
                torch.cuda.synchronize()  # step
                return requests


        class Model(nn.Module):
            def _nobody_calls_it(self, x: torch.Tensor):
                torch.cuda.synchronize()  # cold
                return x


        class Captioner(nn.Module):
            def forward(self, x: torch.Tensor, mode="forward"):
                return getattr(self, "_" + mode)(x)

            def _sample(self, x: torch.Tensor):
                torch.cuda.synchronize()  # step
                return x
        """,
        presumed=True,
    )
    assert found == said


def test_what_accumulates_gradients_and_steps_once_is_a_step() -> None:
    said, found = heats(
        """
        import torch


        class Trainer:
            def train(self):
                torch.cuda.synchronize()  # step
                for _ in range(self.accumulate):
                    self.loss(next(self.loader)).backward()
                self.optimizer.step()

            def fit(self):
                torch.cuda.synchronize()  # cold
                for batch in self.loader:
                    self.loss(batch).backward()
                    self.optimizer.step()
                self.scheduler.step()
        """
    )
    assert found == said


def test_what_is_called_before_a_generation_is_done_once_for_it() -> None:
    check(
        """
        def noise(shape):
            wait()  # epoch

        def turn(model, latents, t):
            wait()  # element

        def sample(model, scheduler, shape):
            latents = noise(shape)
            for t in scheduler.timesteps:
                latents = turn(model, latents, t)

        def run(loader, model, scheduler):
            for batch in loader:
                sample(model, scheduler, batch.shape)
        """
    )


def test_what_stands_before_a_generation_is_done_once_for_it() -> None:
    source = """
        def sample(model, scheduler, shape, device):
            begin()
            for t in scheduler.timesteps:
                turn()
        def learn(model, scheduler, optimizer):
            begin()
            for t in scheduler.timesteps:
                model(t).backward()
                optimizer.step()
        def run(loader, model, scheduler, optimizer, device):
            for batch in loader:
                sample(model, scheduler, batch.shape, device)
                learn(model, scheduler, optimizer)
    """
    program = Program(source)

    def level(function: str, call: str) -> Hotness:
        scope = program.scope(function)
        (found,) = scope.calls(call)
        return scope.hotness(found)

    assert level("sample", "begin") is Hotness.EPOCH
    assert level("sample", "turn") >= Hotness.STEP
    assert level("learn", "begin") is Hotness.STEP


def test_what_answers_a_request_is_presumed_to_run_now_and_then() -> None:
    source = """
        import torch
        class Vocoder:
            def {name}(self, mel: torch.Tensor):
                torch.cuda.synchronize()  # {level}
                return mel
        """
    check(source.format(name="filtered", level="step"), presumed=True)
    check(source.format(name="inference", level="cold"), presumed=True)
    check(source.format(name="get_attention_map", level="cold"), presumed=True)
    check(source.replace("mel", "batch").format(name="inference", level="step"), presumed=True)
