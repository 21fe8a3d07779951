"""Copies whose cause lies in another expression: what they flag, and what they leave alone."""

import pytest

from tests.lint.detectors.snippets import flagged, found
from tests.lint.programs import builtin_rules, linted


def test_a_factory_is_found_through_its_variable() -> None:
    source = """
        import torch
        from torch import nn

        class Positions(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                positions = torch.arange(x.shape[1])
                positions = positions.to(x.device)
                return x + positions + torch.full((), 0.5).cuda()
    """
    assert flagged(source, "PC201", "PC214") == {("PC201", 7), ("PC201", 8)}


def test_noise_of_a_generator_of_its_own() -> None:
    source = """
        import torch
        from torch import nn

        class Noise(nn.Module):
            def forward(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
                return x + torch.randn(4, generator=generator).to(x.device)
    """
    assert not flagged(source, "PC201")


def test_a_cast_on_the_device_is_no_move() -> None:
    source = """
        import torch
        from torch import nn

        class Cast(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.zeros(4, device=x.device).to(torch.bfloat16) + x.to(torch.bfloat16)
    """
    assert not flagged(source, "PC201", "PC202", "PC214")


def test_buffers_move_with_their_module() -> None:
    source = """
        import torch
        from torch import nn

        class Table(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.register_buffer("kept", torch.arange(8))
                self.plain = torch.arange(8)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x + self.kept.to(x.device) + self.plain.to(x.device)
    """
    assert flagged(source, "PC210", "PC214") == {("PC210", 11)}


def test_an_attribute_that_is_moved_for_good() -> None:
    source = """
        import torch
        from torch import nn

        class Table(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.plain = torch.arange(8)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                self.plain = self.plain.to(x.device)
                return x + self.plain
    """
    assert not flagged(source, "PC210")


def test_data_that_comes_from_the_host_makes_no_round_trip() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        class Lookup(nn.Module):
            def forward(self, x: torch.Tensor, names: list[str]) -> torch.Tensor:
                ids = torch.from_numpy(np.array([hash(name) for name in names])).to(x.device)
                return x[ids.long()]
    """
    assert not flagged(source, "PC207")


def test_an_index_of_the_host_brings_back_nothing_that_the_data_is_made_of() -> None:
    source = """
        import torch
        from torch import nn

        class Mask(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                hidden = x % x.sum().item()
                return hidden[torch.randperm(4)]
    """
    assert not flagged(source, "PC207")


@pytest.mark.parametrize("made", ["torch.from_numpy(host[:n])", "torch.from_numpy(host).new_zeros(n, 3)"])
def test_the_bounds_of_a_slice_and_sizes_bring_back_nothing(made: str) -> None:
    source = f"""
        import torch
        from torch import nn

        class Rows(nn.Module):
            def forward(self, x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
                host = table.numpy()
                n = x.sum().item()
                return x + {made}.to(x.device)
    """
    assert not flagged(source, "PC207")


def test_what_another_library_looks_up_makes_no_round_trip() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        class Neighbours(nn.Module):
            def __init__(self, similarity) -> None:
                super().__init__()
                self.similarity = similarity
                self.table = np.zeros((8, 8))

            def forward(self, user: torch.Tensor) -> torch.Tensor:
                rows = self.similarity[user.cpu().numpy(), :].toarray()
                return torch.from_numpy(rows).to(user.device)

            def predict_step(self, user: torch.Tensor) -> torch.Tensor:
                rows = self.table[user.cpu().numpy()]
                return torch.from_numpy(rows).to(user.device)
    """
    assert {line for _, line in flagged(source, "PC207")} == {16, 17}


def test_images_cast_on_the_host() -> None:
    source = """
        import torch

        device = torch.device("cuda")

        def run(model, loader) -> None:
            for images in loader:
                model((images.float() / 255).to(device, non_blocking=True))
                model((images / 255.0).cuda(non_blocking=True))
                model(images.to(device, non_blocking=True).float() / 255)
                model((images / images.norm()).to(device, non_blocking=True))
    """
    assert flagged(source, "PC211") == {("PC211", 7), ("PC211", 8)}


def test_a_copy_to_the_host_is_read_after_a_wait() -> None:
    source = """
        import torch

        def snapshot(x: torch.Tensor, y: torch.Tensor):
            x, y = x.to("cuda"), y.to("cuda")
            early = x.to("cpu", non_blocking=True)
            first = early.tolist()
            waited = x.to("cpu", non_blocking=True)
            torch.cuda.synchronize()
            second = waited.tolist()
            followed = x.to("cpu", non_blocking=True)
            blocking = y.to("cpu")
            third = followed.tolist()
            return first, second, third, blocking, x.to("cpu", non_blocking=True).numpy()
    """
    assert flagged(source, "PC204") == {("PC204", 6), ("PC204", 13)}


def test_blocking_copies_of_pinned_batches() -> None:
    source = """
        import torch
        from torch.utils.data import DataLoader

        device = torch.device("cuda")

        def run(model, dataset) -> None:
            loader = DataLoader(dataset, num_workers=4, pin_memory=True)
            for images in loader:
                model(images.to(device))
                model(images.to(device, non_blocking=True))
            for images in DataLoader(dataset, num_workers=4):
                model(images.to(device))
    """
    assert flagged(source, "PC202", "PC404", "PC214") == {("PC404", 9), ("PC202", 12)}


def test_batches_of_loaders_that_another_file_makes_and_none_pins() -> None:
    files = {
        "lib/data.py": """
            from torch.utils.data import DataLoader
            def make_loaders(dataset):
                return DataLoader(dataset, batch_size=32, num_workers=4)
        """,
        "lib/fit.py": """
            import torch
            def fit(model, loader, device):
                for images in loader:
                    model(images.to(device)).sum().backward()
        """,
    }

    def told(files: dict[str, str]) -> set[tuple[str, int]]:
        result = linted(files, rules=builtin_rules(), targets=["lib/fit.py"])
        return {
            (f.rule, f.place.line)
            for f in result.findings
            if f.confidence != "heuristic" and f.rule == "PC202"
        }

    assert told(files) == set()
    assert told({"lib/fit.py": files["lib/fit.py"]}) == {("PC202", 4)}
    pinned = files["lib/data.py"].replace("workers=4", "workers=4, pin_memory=True")
    assert told(files | {"lib/data.py": pinned}) == {("PC202", 4)}


def test_a_mover_that_is_told_to_block() -> None:
    source = """
        class Unit:
            def move_data_to_device(self, batch, non_blocking=False):
                return batch.to(self.device, non_blocking=non_blocking)

            def fit_step(self, batches):
                batch = self.move_data_to_device(next(batches), non_blocking={})
    """
    assert flagged(source.format("False"), "PC216") == {("PC216", 6)}
    assert not flagged(source.format("True"), "PC216")


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        ("self.move_data_to_device(batch, device)", True),
        ("self.move_data_to_device(batch, 'cpu')", None),
        ("self.move_data_to_device(self.template, device)", False),
    ],
)
def test_what_is_moved_and_whereto(moved: str, told: bool | None) -> None:
    source = f"""
        class Unit:
            def move_data_to_device(self, batch, device, non_blocking=False):
                return batch.to(device, non_blocking=non_blocking)

            def put(self, batch, device):
                return {moved}
    """
    assert [one.confidence != "heuristic" for one in found(source, "PC216")] == (
        [] if told is None else [told]
    )


def test_getters_that_move_what_is_on_the_device_already() -> None:
    source = """
        import torch

        class Batches:
            def __init__(self, device):
                self.data = torch.zeros(8, device=device)

            def get_batch(self, start, device):
                return self.data[start : start + 2].to(device), self.model.to(device)
    """
    assert not flagged(source, "PC215")


def test_numbers_and_other_libraries_bring_no_data_back() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        class Steps(nn.Module):
            def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
                n = lengths.max().item()
                positions = torch.arange(n).to(x.device)
                labels = self.clusters.predict(x.cpu().numpy())
                levels = np.round(x.cpu().numpy())
                share = x.mean().item()
                return (
                    x + positions + torch.tensor(labels, device=x.device)
                    + torch.from_numpy(levels).to(x.device) + torch.tensor([share, 1 - share]).to(x.device)
                )
    """
    assert {line for _, line in flagged(source, "PC207")} == {10, 11, 14}


def test_what_a_loop_fills_on_the_host_is_copied_once() -> None:
    source = """
        import torch
        from torch import nn

        class Drops(nn.Module):
            def forward(self, x: torch.Tensor, drops: list[float]) -> torch.Tensor:
                filled = torch.empty(8)
                for i in range(8):
                    filled[i] = drops[i]
                made = torch.empty(8).to(x.device)
                for i in range(8):
                    made[i] = x[i]
                return x * filled.to(x.device) * made
    """
    told = {
        (finding.rule, finding.place.line)
        for finding in found(source, "PC201", "PC214")
        if finding.confidence != "heuristic"
    }
    assert told == {("PC201", 9)}


def test_which_samples_are_taken_is_no_batch() -> None:
    source = """
        import torch

        def sample_batch(inputs, count, size):
            chosen = torch.randperm(count)[:size]
            return inputs[chosen.to(inputs.device)]
    """
    assert not flagged(source, "PC215")


def test_pieces_of_a_tensor_come_from_no_loader() -> None:
    source = """
        import torch

        def encode(codec, embeddings, loader):
            for batch in embeddings.split(1024):
                codec(batch.cuda())
            for batch in loader:
                codec(batch.cuda())
    """
    assert flagged(source, "PC202") == {("PC202", 7)}


def test_data_that_is_got_once_and_data_that_is_got_again_and_again() -> None:
    source = """
        import torch

        def {}(path, loader, device):
            data = {}
            return data.to(device)
    """
    assert not flagged(source.format("load_data", "torch.load(path)"), "PC215")
    assert flagged(source.format("get_data", "next(iter(loader))"), "PC215", "PC202", "PC214")
    assert flagged(source.format("load_batch", "read(path)"), "PC215")


def test_parameters_that_are_moved_are_no_batch() -> None:
    source = """
        import torch

        def to_device({}, device: torch.device) -> None:
            apply(lambda t: t.to(device))
    """
    assert not flagged(source.format("module"), "PC215")
    moved = source.replace("apply(lambda t: t.to(device))", "return data.to(device)").format("data")
    assert flagged(moved, "PC215") and not flagged(moved.replace("data", "module"), "PC215")


def test_nothing_is_copied_of_what_has_no_elements() -> None:
    source = """
        import torch
        from torch import nn

        class Boxes(nn.Module):
            def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
                none = torch.empty(0, 4).to(x.device), torch.zeros((0, 4)).to(x.device)
                return *none, torch.tensor([]).to(x.device), torch.empty(4, 1).to(x.device)
    """
    assert {line for _, line in flagged(source, "PC201", "PC214")} == {7}


def test_distributions_of_scipy_have_no_twin() -> None:
    source = """
        import torch
        from scipy.stats import nbinom
        from torch import nn

        class Counts(nn.Module):
            def forward(self, x: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
                made = nbinom(n=mean.cpu().numpy(), p=0.5)
                return torch.tensor(made.cdf(x.cpu().numpy()), device=x.device)
    """
    assert flagged(source, "PC207") == set()
    assert flagged(source.replace("made.cdf(x.cpu().numpy())", "x.cpu().numpy()"), "PC207") != set()


def test_results_are_moved_to_the_host_as_tensors_are() -> None:
    source = """
        import torch

        def score(self, pairs, batch_size):
            scores = []
            for i in range((len(pairs) + batch_size - 1) // batch_size):
                scores.append(self.rate(pairs[i])["score"].to(torch.device("cpu")))
                self.build(i).to("cpu")
            return scores
    """
    assert flagged(source, "PC104") == {("PC104", 6)}


def test_what_one_caller_surely_keeps_on_the_host() -> None:
    source = """
        import torch

        class Bank:
            def update(self, rows: torch.Tensor) -> None:
                kept = rows.detach().to(device="cpu")
                for _ in range(3):
                    self.chosen = farthest(kept)

            def finish(self, loader) -> None:
                for level in loader:
                    self.chosen = farthest(level.flat)

        def farthest(rows: torch.Tensor) -> int:
            return int(rows.norm(dim=1).argmax().item())
    """
    assert flagged(source, "PC101") == set()
    moved = source.replace("level.flat", "level.flat.cuda()")
    assert flagged(moved, "PC101") == {("PC101", 14)}


def test_tables_that_functions_of_the_project_make_on_the_host() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        def octaves(rate, bands):
            return np.ones((rate, bands)), bands

        def sample_rows(count):
            return np.ones(count), count

        class Score(nn.Module):
            def forward(self, x: torch.Tensor, names: list[str]) -> torch.Tensor:
                bands, _ = octaves(10000, x.shape[-1])
                rows, _ = sample_rows(10)
                others, _ = octaves(names, 10)
                return x * torch.from_numpy(bands).to(x) * (
                    torch.from_numpy(rows).to(x) * torch.from_numpy(others).to(x)
                )
    """
    told = {f.confidence: 1 + len(f.places) for f in found(source, "PC214")}
    assert told == {"medium": 1, "heuristic": 2}


def test_parts_of_a_batch_that_a_function_pads() -> None:
    source = """
        import torch

        def pad(tensors: list[torch.Tensor], value: int) -> torch.Tensor:
            out = tensors[0].new_full((len(tensors), 9), value)
            for i, tensor in enumerate(tensors):
                out[i, : len(tensor)] = tensor
            return out

        class Field:
            def compose(self, batch: list[torch.Tensor]) -> torch.Tensor:
                return pad(batch, 0).to(self.device)
    """
    assert flagged(source, "PC202") == {("PC202", 11)}


def test_factories_within_a_device() -> None:
    source = """
        import torch
        from torch import nn

        class Steps(nn.Module):
            def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
                with torch.device(t.device):
                    inside = torch.arange(8)
                return x + (t * inside).to(x) + (torch.arange(8) * 2).to(x.device)
    """
    assert {line for _, line in flagged(source, "PC201", "PC214")} == {8}
    assert found(source, "PC201", "PC214")[0].place.column > 36


def test_copies_to_where_each_turn_says_are_no_invariants() -> None:
    source = """
        import torch

        def scale(loader, grads, factor):
            factor = torch.from_numpy(factor)
            for batch in loader:
                for grad in grads:
                    grad.mul_(factor.to(grad.device))
                batch.mul_(factor.to("cuda"))
    """
    assert flagged(source, "PC206") == {("PC206", 8)}


def test_parts_that_are_brought_together_on_the_first_one() -> None:
    source = """
        import torch

        def move_all(parts, device):
            if isinstance(parts, list):
                return [move_all(part, device) for part in parts]
            return parts.to(device)

        def move_together(parts):
            if isinstance(parts[0], list):
                return [move_together(part) for part in parts]
            first_device = parts[0].device
            return torch.cat([part.to(first_device) for part in parts])
    """
    assert flagged(source, "PC215") == {("PC215", 6)}


def test_variables_are_the_tensors_in_them() -> None:
    source = """
        import torch
        from torch.autograd import Variable

        class Scheduler:
            def before_backward_pass(self, batch):
                return torch.autograd.Variable(torch.zeros(1), requires_grad=True).cuda()

            def after_backward_pass(self, batch):
                return Variable(torch.zeros(1)).cuda()
    """
    assert {line for _, line in flagged(source, "PC201", "PC214")} == {6, 9}


def test_what_a_training_loop_goes_over_is_a_batch() -> None:
    source = """
    import torch


    def train(model, data, optimizer, device):
        for i, (images, labels) in enumerate(data):
            images, labels = images.cuda(), labels.to(device)  # both
            loss = model(images, labels)
            loss.backward()
            optimizer.step()


    def mixed(model, labeled, unlabeled, optimizer, device):
        ours, theirs = iter(labeled), iter(unlabeled)
        for step in range(1000):
            seen, targets = next(ours)
            (weak, strong), _ = next(theirs)
            inputs = torch.cat((seen, weak, strong)).to(device)  # joined
            loss = model(inputs, targets)
            loss.backward()
            optimizer.step()


    def mapped(model, data, optimizer, device):
        for batch in data:
            x, y = map(lambda part: part.to(device), batch)  # mapped
            model(x, y).backward()
            optimizer.step()


    def accumulated(model, batch, optimizer, accum_steps):
        for x, y in zip(*map(lambda part: part.chunk(accum_steps), batch)):
            model(x.cuda(), y).backward()  # accumulated
        optimizer.step()


    def models(nets, optimizers, x, device):
        for net, optimizer in zip(nets, optimizers):
            net.to(device)
            net(x).backward()
            optimizer.step()


    def times(model, x, timesteps, device):
        for t in timesteps:
            x = model(x, t.to(device))
        return x
    """
    lines = source.strip().split("\n")
    told = {lines[line - 1].partition("# ")[2] for _, line in flagged(source, "PC202", "PC214")}
    assert told == {"both", "joined", "mapped", "accumulated"}


def test_what_a_step_is_handed_comes_from_a_loader() -> None:
    source = """
    class Trainer:
        def train_on_batch(self, features, labels):
            inputs = {key: value.to(self.device) for key, value in features.items()}
            loss = self.model(inputs, labels.to(self.device))
            loss.backward()
            self.optimizer.step()

        def describe(self, features):
            return {key: value.to(self.device) for key, value in features.items()}
    """
    assert flagged(source, "PC202") == {("PC202", 3), ("PC202", 4)}


def test_batches_of_a_project_s_own_class_and_wrappers_of_cuda() -> None:
    source = """
    import torch
    from typing import NamedTuple
    from torch import nn


    class Minibatch(NamedTuple):
        x: torch.Tensor

        def to(self, device):
            return Minibatch(self.x.to(device))  # own


    class Experience:
        def to_device(self, device):
            self.rewards = self.rewards.to(device, torch.float32)  # experience


    class Encoder(nn.Module):
        def to(self, device):
            self.table = self.table.to(device)
            return super().to(device)


    def to_var(x):
        if torch.cuda.is_available():
            x = x.cuda()  # wrapped
        return x


    class ReplayBuffer:
        def sample(self, n, device):
            rows = self.draw(n)
            return torch.as_tensor(self.states[rows]).to(device)  # drawn
    """
    lines = source.strip().split("\n")
    told = {lines[line - 1].partition("# ")[2] for _, line in flagged(source, "PC215")}
    assert told == {"own", "experience", "wrapped", "drawn"}


def test_what_numpy_draws_or_holds_is_made_here() -> None:
    source = """
    import numpy as np
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.mean = np.array([0.5, 0.4, 0.3])

        def forward(self, x, seen):
            mean = torch.as_tensor(self.mean).to(x.device)  # constant
            kept = torch.from_numpy(np.random.rand(8) > 0.5).to(x.device)  # drawn
            ys, xs = torch.meshgrid(torch.arange(8), torch.arange(8))  # made
            grid = torch.stack((xs, ys)).float().to(x.device)  # stacked
            return (x - mean)[kept] + grid + torch.tensor([float(s) for s in seen]).to(x.device)
    """
    lines = source.strip().split("\n")
    sure = [f for f in found(source, "PC214") if f.confidence != "heuristic"]
    told = {lines[p.line - 1].partition("# ")[2] for f in sure for p in (f.place, *f.places)}
    assert told == {"constant", "drawn", "made", "stacked"}


def test_loaders_behind_generators_overrides_and_maps() -> None:
    source = """
    import torch
    from torch.utils.data import DataLoader


    def cycle(iterable):
        while True:
            for batch in iterable:
                yield batch


    class Trainer:
        def __init__(self, model, data):
            self.model = model
            self.loader = cycle(DataLoader(data))
            self.optimizer = torch.optim.Adam(model.parameters())

        def train(self):
            total = torch.zeros(1).cuda()  # once a step
            for _ in range(self.accumulate):
                images = next(self.loader).cuda()  # cycled
                loss = self.model(images)
                loss.backward()
            self.optimizer.step()
            return total + loss


    class Base:
        def fit(self, data_loader):
            for inputs in data_loader:
                self.forward_on(*self._parse_data(inputs)).backward()

        def _parse_data(self, inputs):
            raise NotImplementedError


    class Faces(Base):
        def _parse_data(self, inputs):
            images, labels = inputs
            return images, labels.cuda()  # overridden


    def learn(queue, model, optimizer, flags):
        for tensors in queue:
            tensors = nest.map(lambda t: t.to(flags.learner_device), tensors)  # mapped
            model(tensors).backward()
            optimizer.step()


    def accuracy(model, x, batch_size, device):
        for i in range(len(x) // batch_size):
            model(x[i * batch_size : (i + 1) * batch_size].to(device))  # a chunk
    """
    lines = source.strip().split("\n")
    told = {lines[line - 1].partition("# ")[2] for _, line in flagged(source, "PC201", "PC202", "PC214")}
    assert told == {"once a step", "cycled", "overridden", "mapped", "a chunk"}


def test_what_is_encoded_of_what_callers_hand_over_has_to_be_copied() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        class Reader(nn.Module):
            def encode(self, words: list[str]):
                return np.array([len(word) for word in words]), np.zeros(len(words))

            def forward(self, x: torch.Tensor, words: list[str]) -> torch.Tensor:
                first, second = self.encode(words)
                a, b = torch.from_numpy(first), torch.from_numpy(second)
                a, b = a.to(x.device), b.to(x.device)
                return x + a + b
    """
    assert {finding.confidence for finding in found(source, "PC214")} == {"heuristic"}
    table = source.replace("self.encode(words)", "self.encode(self.classes)")
    assert {finding.confidence for finding in found(table, "PC214")} == {"medium"}


def test_what_moves_what_lasts_moves_no_batch() -> None:
    source = """
        def move_all({first}, device):
            if isinstance({first}, (list, tuple)):
                return [move_all(part, device) for part in {first}]
            return {first}.to(device)
    """
    assert flagged(source.format(first="parts"), "PC215")
    assert not flagged(source.format(first="cache"), "PC215")
    assert not flagged(source.format(first="past_kv"), "PC215")
    of_others = source.replace("[move_all(", "[other.move_all(")
    assert not flagged(of_others.format(first="parts"), "PC215")  # it does not call itself


def test_parts_that_a_function_has_made_are_no_batch() -> None:
    source = """
        import torch

        def prepare_inputs(self, ids):
            parts = []
            for one in ids:
                parts.append(self.embed(one))
            return torch.cat([x.to(self.device) for x in parts])
    """
    assert not flagged(source, "PC215")
    assert flagged(source.replace("for x in parts", "for x in ids"), "PC215")


def test_devices_without_pinned_memory() -> None:
    source = """
        import torch

        class DeviceGPU:
            def tensor_to_device(self, tensor: torch.Tensor) -> torch.Tensor:
                return tensor.to(self._device)
    """
    assert flagged(source, "PC215")
    assert not flagged(source.replace("DeviceGPU", "DeviceCPU"), "PC215")
    assert not flagged(source.replace("DeviceGPU", "DeviceHPU"), "PC215")


def test_chunks_of_arrays_and_what_a_replay_buffer_samples() -> None:
    source = """
    import torch


    def encode(model, features, device, batch_size=32):
        for start in range(0, len(features), batch_size):
            yield model(torch.from_numpy(features[start : start + batch_size]).to(device))  # a chunk


    class Agent:
        def learn(self, replay_buffer):
            for _ in range(self.iterations):
                states, rewards = replay_buffer.sample(64)
                states = torch.FloatTensor(states).to(self.device)  # sampled
                loss = self.q(states).mean()
                loss.backward()
                self.optimizer.step()


    def denoise(model, x, guidance, timesteps):
        for t in timesteps:
            x = x - model(x, t) * torch.tensor(guidance, device=x.device)  # always the same
        return x


    class Camera(torch.nn.Module):
        def forward(self, eye, up=(0, 1, 0)):
            up = torch.FloatTensor(up).to(eye.device)  # by default
            return torch.linalg.cross(up, eye)
    """
    lines = source.strip().split("\n")
    sure = [f for f in found(source, "PC121", "PC202", "PC214") if f.confidence != "heuristic"]
    told = {lines[p.line - 1].partition("# ")[2] for f in sure for p in (f.place, *f.places)}
    assert told == {"a chunk", "sampled", "always the same", "by default"}


def test_a_loss_gets_a_batch_that_was_moved_for_the_model() -> None:
    source = """
        import torch

        class DetectionLoss:
            def __call__(self, preds, batch):
                boxes = batch["boxes"].to(self.device)
                return (preds - boxes).mean()

        def train(model, loader, criterion, device):
            for batch in loader:
                criterion(model(batch["image"].to(device)), batch).backward()
    """
    (moved, again) = sorted(found(source, "PC202"), key=lambda finding: -finding.place.line)
    assert (moved.place.line, moved.confidence) == (10, "medium")
    assert again.confidence == "heuristic"


def test_an_attribute_that_a_method_replaces_may_lie_anywhere() -> None:
    source = """
        import torch
        from torch import nn

        class Head(nn.Module):
            anchors = torch.empty(0)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                self.anchors = make(x)
                return self.decode(x)

            def decode(self, x: torch.Tensor) -> torch.Tensor:
                y = x.clone()
                y[:, 0] = self.anchors
                return y
    """
    (told,) = found(source, "PC133")
    assert told.confidence == "heuristic"
    (told,) = found(source.replace("self.anchors = make(x)", "pass"), "PC133")
    assert told.confidence == "medium"


@pytest.mark.parametrize(("name", "lines"), [("_restore_types", ()), ("_prepare", (6,))])
def test_what_brings_a_saved_state_back_moves_no_batches(name: str, lines: tuple[int, ...]) -> None:
    source = """
        import torch

        class Keeper:
            def {name}(self, value, device):
                if isinstance(value, torch.Tensor):
                    return value.to(device)
                if isinstance(value, dict):
                    return {{key: self.{name}(part, device) for key, part in value.items()}}
                return value
    """
    assert flagged(source.format(name=name), "PC215") == {("PC215", line) for line in lines}


@pytest.mark.parametrize(("scale", "found"), [("scale", False), ("nn.Parameter(torch.ones(3))", True)])
def test_numbers_that_are_annotated_as_tensors(scale: str, found: bool) -> None:
    source = """
        import torch
        from torch import nn

        class Layer(nn.Module):
            def __init__(self, scale: float = 1.0):
                super().__init__()
                self.scale = {scale}

            def scaled(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
                return x / torch.tensor(factor)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.scaled(x, self.scale)
    """
    assert flagged(source.format(scale=scale), "PC310") == ({("PC310", 10)} if found else set())


@pytest.mark.parametrize(
    ("computed", "told"),
    [
        ("np.sort(pairs)", True),
        ("linear_sum_assignment(pairs)[1]", False),
        ("np.stack([linear_sum_assignment(part)[1] for part in pairs])", False),
        ("torch.histogram(torch.from_numpy(pairs), bins=8).hist", False),
    ],
)
def test_round_trips_by_way_of_what_the_host_alone_computes(computed: str, told: bool) -> None:
    source = f"""
        import numpy as np
        import torch
        from scipy.optimize import linear_sum_assignment
        from torch import nn

        class Match(nn.Module):
            def forward(self, cost: torch.Tensor) -> torch.Tensor:
                pairs = cost.detach().cpu().numpy()
                best = {computed}
                return torch.as_tensor(best, device=cost.device)
    """
    assert any(one.confidence != "heuristic" for one in found(source, "PC207")) is told


@pytest.mark.parametrize(("last", "told"), [("break", False), ("self.seen += 1", True)])
def test_parts_of_the_first_batch(last: str, told: bool) -> None:
    source = f"""
        import torch

        class Warmup:
            def __init__(self, dataloader):
                self.dataloader = dataloader

            def setup(self, trainer, module):
                for tensors in self.dataloader:
                    parts = {{name: part.to(module.device) for name, part in tensors.items()}}
                    module(**parts)
                    {last}
    """
    assert bool(flagged(source, "PC202")) is told


@pytest.mark.parametrize(
    ("made", "told"),
    [("Tensor()", False), ("FloatTensor([])", False), ("LongTensor(3)", True), ("Tensor([0])", True)],
)
def test_nothing_is_copied_of_a_tensor_without_elements(made: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Parts(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.cat((torch.{made}.to(x.device), x))
    """
    assert bool(flagged(source, "PC201", "PC206", "PC214")) is told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return o.to(device)", True),
        ("o.to(device)", False),  # a module, or an object with a ``to`` of its own
        ("return o if o.requires_grad and o.is_leaf else o.to(device)", False),
    ],
)
def test_only_what_may_be_a_tensor_of_a_batch_is_one(body: str, told: bool) -> None:
    source = f"""
        def move_to_device(o, device):
            {body}
    """
    assert bool(flagged(source, "PC215")) is told
    assert all(finding.fix is None for finding in found(source, "PC215"))


def test_what_is_made_anew_when_it_is_outgrown_is_made_seldom() -> None:
    source = """
        import torch
        from torch import nn

        def table(n, device=None):
            angles = torch.outer(torch.arange(n), torch.arange(4)).float()
            if device is not None:
                angles = angles.to(device)
            return angles, angles.cos()

        class Attention(nn.Module):
            def forward(self, x: torch.Tensor):
                if x.shape[1] {operator} self.angles.size(0):
                    self.angles, self.cos = table(x.shape[1] + 2, x.device)
                return x + self.angles[: x.shape[1]]
    """
    assert not flagged(source.format(operator=">"), "PC214")
    assert flagged(source.format(operator="=="), "PC214") == {("PC214", 7)}


def test_a_property_is_not_what_a_call_of_that_name_reaches() -> None:
    source = """
        from torch import nn

        class Posterior:
            {decorator}
            def flow(self, net):
                self.build(net)

            def build(self, net: nn.Module):
                self.net = net.to("cuda")

        class Steps:
            def training_step(self, batch):
                show(self.flow)
    """
    assert not flagged(source.format(decorator="@flow.setter"), "PC209")
    assert not flagged(source.format(decorator="@property"), "PC209")
    assert flagged(source.format(decorator=""), "PC209") == {("PC209", 9)}
