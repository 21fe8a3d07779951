"""Reads, branches and waits that need more than a pattern: what they flag, and what they leave alone."""

import pytest

from tests.lint.detectors.snippets import flagged, found, messages


def test_reads_of_elements_are_one_cause() -> None:
    source = """
        import torch
        from torch import nn

        class Lengths(nn.Module):
            def forward(self, x: torch.Tensor, sizes: torch.Tensor) -> list:
                first = [sizes[i].item() for i in range(4)]
                second = [int(sizes[i, 0]) for i in range(4)]
                return first + second
    """
    assert flagged(source, "PC101", "PC102", "PC103") == {("PC103", 6), ("PC103", 7)}


def test_elements_of_a_tensor_that_the_loop_changes() -> None:
    source = """
        import torch
        from torch import nn

        class Running(nn.Module):
            def forward(self, sizes: torch.Tensor) -> float:
                total = 0.0
                for i in range(4):
                    sizes[i] = sizes[i] * 2
                    total += sizes[i].item()
                return total
    """
    assert flagged(source, "PC101", "PC103") == {("PC101", 9)}


def test_a_constant_index_is_no_loop_over_elements() -> None:
    source = """
        import torch
        from torch import nn

        class First(nn.Module):
            def forward(self, sizes: torch.Tensor) -> list:
                return [sizes[0].item() + i for i in range(4)]
    """
    assert flagged(source, "PC101", "PC103") == {("PC101", 6)}


def test_rows_that_stay_on_the_device() -> None:
    source = """
        import torch
        from torch import nn

        class Rows(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.stack([row.softmax(0) for row in x])
    """
    assert not flagged(source, "PC116")


def test_two_reads_are_not_many() -> None:
    source = """
        import torch
        from torch import nn

        class Two(nn.Module):
            def forward(self, x: torch.Tensor) -> tuple:
                return x.sum().item(), x.norm().item()
    """
    assert flagged(source, "PC101", "PC119") == {("PC101", 6)}


def test_reads_of_one_tensor_are_not_adjacent_reads() -> None:
    source = """
        import torch
        from torch import nn

        class Thrice(nn.Module):
            def forward(self, x: torch.Tensor) -> tuple:
                y = x.sum()
                return y.item(), y.item(), y.item()
    """
    assert flagged(source, "PC101", "PC119") == {("PC101", 7)}


def test_branches_are_told_of_where_a_tensor_is_certain() -> None:
    source = """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self, limit: torch.Tensor, order=2):
                super().__init__()
                self.limit, self.order = limit, order

            def forward(self, x: torch.Tensor):
                if x.sum() > 0:
                    x = -x
                if self.limit > 0:
                    x = x / self.limit
                order = self.order
                if torch.is_tensor(self.order):
                    order = x.new_tensor(2).mul(self.order)
                if order != 2:
                    x = x**order
                return x
    """
    assert {(one.place.line, one.confidence) for one in found(source, "PC106")} == {
        (10, "high"),
        (12, "heuristic"),
    }


def test_branches_of_a_loop_are_told_of_whoever_calls_it() -> None:
    source = """
        import torch

        class Assigner:
            def assign_each(self, overlaps: torch.Tensor):
                best = overlaps.max(dim=1)[0]
                for i in range(overlaps.shape[0]):
                    if best[i] > self.least:
                        self.keep(i)

        class Head(torch.nn.Module):
            def forward(self, overlaps):
                return self.assigner.assign_each(overlaps)
    """
    assert {one.place.line for one in found(source, "PC106") if one.confidence != "heuristic"} == {7}


@pytest.mark.parametrize(("device", "confidence"), [('"cpu"', "heuristic"), ('"cuda"', "medium")])
def test_functions_that_work_on_the_host_unless_asked(device: str, confidence: str) -> None:
    source = f"""
        import torch

        def corners(n, device={device}):
            return torch.rand(n, device=device).max().item()
    """
    assert [one.confidence for one in found(source, "PC101")] == [confidence]


def test_numbers_that_are_only_checked() -> None:
    source = """
        import torch
        from torch import nn

        class Net(nn.Module):
            def forward(self, lengths: torch.Tensor):
                if int(lengths.min()) < 1:
                    raise ValueError("empty")
                return lengths
    """
    assert [one.confidence for one in found(source, "PC102")] == ["heuristic"]


@pytest.mark.parametrize(
    ("said", "confidence"),
    [
        ("This is not very fast.", "heuristic"),
        ("Slow but easy to read: a correctness reference.", "heuristic"),
        ("Kernels of attention.", "high"),
    ],
)
def test_code_that_is_there_to_be_compared_with(said: str, confidence: str) -> None:
    source = f"""
        # A licence

        \"\"\"{said}\"\"\"
        import torch
        from torch import nn

        class Net(nn.Module):
            def forward(self, x: torch.Tensor):
                return x * x.max().item()
    """
    assert [one.confidence for one in found(source, "PC101")] == [confidence]


def test_axes_of_figures_are_no_tensors() -> None:
    source = """
        import matplotlib.pyplot as plt
        from torch import nn

        class Net(nn.Module):
            def forward(self, x, points):
                figure, (left, right) = plt.subplots(1, 2)
                for axes in [left, right]:
                    axes.scatter(points[:, 0], points[:, 1])
                    if axes == left:
                        axes.axis("off")
                return x
    """
    assert not flagged(source, "PC106")


def test_python_comparisons_of_numbers() -> None:
    source = """
        import torch
        from torch import nn

        class Sizes(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                width = max(x.shape[0], x.shape[1])
                return x[:, : min(width, 8)]
    """
    assert not flagged(source, "PC115", "PC106", "PC112")


def test_checks_of_shapes_are_free() -> None:
    source = """
        import torch
        from torch import nn

        class Checked(nn.Module):
            def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
                if x.ndim == 3 and all(size > 0 for size in x.shape):
                    return x.flatten(1)
                return x if mask is None else x * mask
    """
    assert not flagged(source, "PC106", "PC107", "PC115")


def test_a_scalar_written_through_a_mask_does_not_wait() -> None:
    source = """
        import torch
        from torch import nn

        class Fill(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                y = x.clone()
                y[x < 0] = 0.0
                y[x > 1] = x.max()
                return y
    """
    assert flagged(source, "PC110", "PC133") == {("PC110", 8)}


def test_a_scaler_of_images_is_no_grad_scaler() -> None:
    source = """
        from torch import nn

        class Zoom(nn.Module):
            def forward(self, x, viewport):
                return x * viewport.get_scale()
    """
    assert not flagged(source, "PC122")


def test_distributions_of_python_numbers_do_not_wait() -> None:
    source = """
        import torch
        from torch import nn
        from torch.distributions import Beta, Normal

        class Mix(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                weight = Beta(1.0, 1.0).sample().to(x.device, non_blocking=True)
                noise = Normal(x, 1.0, validate_args=False).rsample()
                return weight * x + Normal(x, 1.0).rsample() + noise
    """
    assert flagged(source, "PC126") == {("PC126", 9)}


def test_waits_of_other_libraries_are_less_certain() -> None:
    source = """
        import torch
        from torch import nn

        class Step(nn.Module):
            def forward(self, x: torch.Tensor, accelerator) -> torch.Tensor:
                accelerator.synchronize()
                torch.cuda.synchronize()
                return x
    """
    assert flagged(source, "PC117") == {("PC117", 6), ("PC117", 7)}


def test_lists_of_numbers_are_not_lists_of_tensors() -> None:
    source = """
        import torch
        from torch import nn

        class Weights(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.tensor([x.shape[0], 2]) + torch.tensor([x.sum(), x.mean()])
    """
    assert flagged(source, "PC129") == {("PC129", 6)}


def test_nothing_to_copy_and_nothing_to_count() -> None:
    source = """
        import torch
        from torch import nn

        class Pool(nn.Module):
            def forward(self, x: torch.Tensor, keep) -> torch.Tensor:
                if x.shape[0] == 0:
                    return torch.tensor([], device=x.device)
                index = torch.randperm(4)
                x[index[0]] += torch.tensor([1.0, 2.0], device=x.device)
                y = x[index]
                x[~keep] = 0.0
                return y + x
    """
    assert flagged(source, "PC110", "PC111", "PC121", "PC132") == {("PC121", 9), ("PC111", 8), ("PC111", 10)}


def test_tuples_are_no_lists_of_indices() -> None:
    source = """
        import torch
        from torch import nn

        class Mask(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                y = x[(...,) + (None,) * (x.dim() - 2)]
                return y + x[[0, 1] + [2] * x.dim()]
    """
    assert flagged(source, "PC111") == {("PC111", 7)}


def test_what_numpy_was_given_is_on_the_host() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        class Beam(nn.Module):
            def forward(self, scores: torch.Tensor, lengths: torch.Tensor) -> int:
                best = np.argmax(scores)
                if scores[best] > 0:
                    return 0
                return lengths[0].item()
    """
    assert flagged(source, "PC104", "PC106", "PC101") == {("PC101", 10)}


def test_the_number_that_is_read_is_named() -> None:
    source = """
        import torch
        from torch import nn

        class Pad(nn.Module):
            def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
                longest = lengths.max()
                return nn.functional.pad(x, (0, longest))
    """
    (message,) = messages(source, "PC134")
    assert message.startswith("the device tensor `longest` is used where Python wants an integer")


def test_how_often_methods_of_plain_classes_run_is_not_presumed() -> None:
    source = """
        import torch
        from torch import nn

        class Module(nn.Module):
            def share(self, x: torch.Tensor) -> torch.Tensor:
                return x / x.sum().item()

        class Plain:
            def share(self, x: torch.Tensor) -> torch.Tensor:
                return x / x.sum().item()

            def shared(self, x: torch.Tensor) -> torch.Tensor:
                for _ in range(3):
                    x = x / x.sum().item()
                return x
    """
    told = {finding.place.line: finding.confidence for finding in found(source, "PC101")}
    assert told == {6: "medium", 10: "heuristic", 14: "medium"}


def test_the_answer_where_there_is_nothing_is_rare() -> None:
    source = """
        import torch
        from torch import nn

        class Mean(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x.mean() if x.numel() > 0 else torch.tensor(0.0, device=x.device)

            def scaled(self, x: torch.Tensor) -> torch.Tensor:
                y = x.mean() if self.mean else torch.tensor(0.0, device=x.device)
                return y * 2
    """
    assert flagged(source, "PC132") == {("PC132", 9)}


def test_transforms_of_samples_are_never_hot() -> None:
    source = """
        import torch

        class BaseTransform: ...

        class Fill(BaseTransform):
            def forward(self, x: torch.Tensor) -> float:
                return x.max().item()
    """
    assert not flagged(source, "PC101")


def test_python_that_walks_a_tensor_waits_for_each_element_however_rare_it_is() -> None:
    source = """
        import torch

        class Builder:
            def build(self, lens: torch.Tensor, known: list[int]):
                return any(lens > 3), max(known)
    """
    assert flagged(source, "PC115") == {("PC115", 5)}
    assert not flagged(source.replace("lens: torch.Tensor", "lens: list[int]"), "PC115")
    assert not flagged(source.replace("def build", "def __init__"), "PC115")


@pytest.mark.parametrize(
    "ranked",
    [
        "sorted(enumerate(scores), key=lambda pair: pair[1])",
        "max(zip(scores, documents), key=lambda pair: pair[0])",
        "[(s, d) for s, d in zip(scores, documents)].sort(key=lambda pair: -pair[0])",
        "sorted(range(len(scores)), key=lambda i: scores[i])",
    ],
)
def test_what_is_ordered_by_device_tensors_is_compared_pair_by_pair(ranked: str) -> None:
    source = f"""
        from torch import nn

        class Ranker(nn.Module):
            def forward(self, x, documents):
                scores = x.sum(-1)
                return {ranked}
    """
    assert flagged(source, "PC115", "PC106") == {("PC115", 6)}
    assert not flagged(source.replace("x.sum(-1)", "x.sum(-1).tolist()"), "PC115", "PC106")


def test_tensors_of_another_framework() -> None:
    source = """
        import mxnet as mx
        from mxnet.gluon import nn

        class Net(nn.HybridBlock):
            def hybrid_forward(self, F, x):
                for i in range(self.steps):
                    y = F.softmax(x, axis=-1)
                    print(y.sum().item())
    """
    assert flagged(source, "PC101", "PC134") == set()
    assert flagged(source.replace("as mx", "as mx, torch"), "PC101") == {("PC101", 8)}


def test_properties_that_subclasses_define() -> None:
    source = """
        import torch

        class Likelihood:
            @property
            def prior(self) -> torch.Tensor | None:
                return None

            def forward(self, batch):
                return torch.tensor(self.prior).to(batch.device)

        class Gauss(Likelihood):
            def __init__(self):
                self.mean = 0.0

            @property
            def prior(self):
                return self.mean
    """
    assert flagged(source, "PC310") == set()
    assert flagged(source.split("        class Gauss")[0], "PC310") == {("PC310", 9)}


def test_indices_that_the_function_makes_on_the_host() -> None:
    source = """
        import torch
        from torch import nn

        class Shuffle(nn.Module):
            def forward(self, x: torch.Tensor, chosen: list[int], step: int) -> torch.Tensor:
                order = torch.randperm(x.shape[0])
                kept = torch.tensor(chosen)
                return x[order[:8]] + x[[step]] + x[torch.arange(8), 0] + x[kept] + x[order.to(x.device)]
    """
    told = {f.confidence: len(f.places or [f.place]) for f in found(source, "PC111")}
    assert told == {"medium": 3, "heuristic": 1}


def test_helpers_that_read_what_they_are_given() -> None:
    source = """
        import torch
        from torch import nn

        def item(x):
            return x.item() if hasattr(x, "item") else x

        def to_scalar(x):
            return x.detach().cpu()

        def scale(x):
            return x.item()

        class Criterion(nn.Module):
            def forward(self, x: torch.Tensor, y: torch.Tensor):
                loss = (x - y).abs().mean()
                return loss, item(loss), to_scalar(loss), scale(loss), item(3)
    """
    told = {(f.rule, f.place.line) for f in found(source, "PC101", "PC104") if f.confidence != "heuristic"}
    assert told == {("PC101", 11), ("PC101", 16), ("PC104", 16)}


def test_counters_of_optimizers_lie_on_the_host() -> None:
    source = """
        import torch

        def update(params: list[torch.Tensor], state_steps: list[torch.Tensor], norms: list[torch.Tensor]):
            for i, param in enumerate(params):
                step = state_steps[i].item()
                param.mul_(norms[i].item() / step)
    """
    assert {f.place.line for f in found(source, "PC101")} == {6}


def test_a_wait_after_a_collective_is_one_too_many() -> None:
    source = """
        import torch
        import torch.distributed as dist

        def exchange(out, x, scatter_idx, gather_idx):
            if scatter_idx == 1:
                dist.all_to_all_single(out, x)
                torch.cuda.synchronize()
            else:
                torch.cuda.synchronize()
            return out
    """
    assert ("PC117", 7) in flagged(source, "PC117")
    told = {f.place.line for f in found(source, "PC117") if f.confidence != "heuristic"}
    assert told == {7}


def test_places_of_host_data_that_the_device_chooses() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        class Rays(nn.Module):
            def forward(self, x: torch.Tensor):
                index = torch.randint(0, 9, (4,), device=x.device)
                return self.images[index.cpu().numpy(), 0], index.cpu().numpy()
    """
    told = {f.confidence: len(f.places or [f.place]) for f in found(source, "PC104")}
    assert told == {"medium": 1, "heuristic": 1}


def test_fields_of_pairs_and_sizes_in_packed_sequences() -> None:
    source = """
        import torch
        from torch import nn
        from torch.nn.utils.rnn import PackedSequence

        class Net(nn.Module):
            def forward(self, x: torch.Tensor, packed: PackedSequence, batch_sizes: torch.Tensor):
                host = torch.randn(9)
                a = host.kthvalue(3).values.item()
                b = packed.batch_sizes[0].item() + batch_sizes[0].item()
                c = x.kthvalue(3).values.item()
                for time in x.sort().values.tolist():
                    if time > 0:
                        return a, b, c
    """
    assert flagged(source, "PC101", "PC106") == {("PC101", 10)}


def test_the_product_of_masks_is_a_mask() -> None:
    source = """
        import torch
        from torch import nn

        class Tagger(nn.Module):
            def forward(self, words: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
                unknown = torch.eq(words, 1) * torch.not_equal(others, 1)
                words[unknown] = 0
                words[others.argmax(0)] = 0
                return words
    """
    assert {line for _, line in flagged(source, "PC109", "PC110", "PC111", "PC133")} == {8}


def test_copies_for_a_metric_and_piece_by_piece() -> None:
    source = """
        import torch
        from torch import nn

        def accuracy(output, target):
            return (output.argmax(-1) == target).float().mean()

        class Loss(nn.Module):
            def forward(self, x: torch.Tensor, y: torch.Tensor, chunk: int):
                parts = []
                for i in range(0, len(x), chunk):
                    parts.append(x[i : i + chunk].cpu())
                return accuracy(x.detach().cpu(), y.detach().cpu()), parts, x.cpu()
    """
    told = {f.confidence: 1 + len(f.places) for f in found(source, "PC104")}
    assert told == {"medium": 3, "heuristic": 1}


def test_what_is_written_by_name_goes_to_the_host() -> None:
    source = """
        import torch

        def run(loader, model):
            for batch in loader:
                out = model(batch).item()
                saved = model(batch).sum(0).cpu()
                save_matrix("out.npy", saved)
                kept = model(batch).sum(0).cpu()
                total = kept + out
    """
    assert {line for _, line in flagged(source, "PC104")} == {8}


def test_numbers_of_numpy_and_counters_however_they_are_handed_over() -> None:
    source = """
        import numpy
        import torch

        class Adam(torch.optim.Optimizer):
            def step(self):
                for group in self.param_groups:
                    update(group["params"], [self.state[p]["step"].cuda() for p in group["params"]])

        def update(params: list[torch.Tensor], state_steps: list[torch.Tensor]):
            for i, param in enumerate(params):
                param.mul_(state_steps[i].item())

        def sanitize(x):
            if isinstance(x, numpy.number):
                return x.item()
            return sanitize(x[0])
    """
    assert flagged(source, "PC101") == set()


def test_waits_that_functions_are_there_for() -> None:
    source = """
        import torch
        import torch.distributed as dist

        def _synchronize(x: torch.Tensor):
            torch.cuda.synchronize()

        def measure(loader):
            for x in loader:
                _synchronize(x)
                dist.barrier()

        def start(x):
            dist.barrier()
            torch.cuda.synchronize()
    """
    assert flagged(source, "PC117") == set()


def test_what_is_fitted_once_goes_over_its_data_once() -> None:
    source = """
        import torch

        class Calibrator:
            def fit(self, scores: torch.Tensor) -> list[float]:
                return [scores[:, j].max().item() for j in range(scores.shape[1])]

            def evaluate(self, scores: torch.Tensor) -> list[float]:
                found = []
                for j in range(scores.shape[1]):
                    found.append(scores[:, j].max().item())
                return found
    """
    assert not flagged(source, "PC101", "PC103", "PC116")
    assert flagged(source.replace("fit(", "forward("), "PC101", "PC103", "PC116")


def test_what_an_endpoint_answers_has_to_be_read() -> None:
    source = """
        import torch
        from monarch.actor import endpoint

        class Trainer:
            @endpoint
            def optim_step(self, loss: torch.Tensor) -> dict[str, float]:
                loss.backward()
                self.optimizer.step()
                return {"loss": loss.item()}
    """
    (told,) = found(source, "PC101")
    assert told.confidence == "heuristic"
    (told,) = found(source.replace("@endpoint", "@torch.enable_grad()"), "PC101")
    assert told.confidence == "high"


def test_training_that_is_timed_is_training() -> None:
    source = """
        import time
        import torch
        from torch import nn

        def main(model: nn.Module, loader, optimizer, metrics):
            for images in loader:
                began = time.perf_counter()
                model(images).mean().backward()
                norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0).cpu().item()
                optimizer.step()
                metrics.append((norm, time.perf_counter() - began))
    """
    assert flagged(source, "PC104") == {("PC104", 9)}


def test_what_libraries_make_of_tensors_lies_where_these_do() -> None:
    source = """
        import torch
        import torch_geometric.utils
        from torch_scatter import scatter
        from torchvision.transforms.functional import to_tensor
        from torch import nn

        class Pool(nn.Module):
            def forward(self, x: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
                padded, mask = torch_geometric.utils.to_dense_batch(x, batch)
                if scatter(x, batch, dim=0).max() > 1:
                    x = x + 1
                if torch_geometric.utils.is_undirected(batch):
                    x = x + 2
                return x + padded[mask] + to_tensor(self.image).cpu()
    """
    assert flagged(source, "PC106", "PC109", "PC104") == {("PC106", 10), ("PC109", 14)}


def test_checks_of_distributions_that_the_project_switches_off() -> None:
    source = """
        import torch
        from torch import distributions as D

        def sample(loc: torch.Tensor, scale: torch.Tensor, env) -> torch.Tensor:
            while True:
                env.step(D.Normal(loc, scale).sample())
    """
    assert flagged(source, "PC126") == {("PC126", 6)}
    off = "\n        D.Distribution.set_default_validate_args(False)\n"
    assert flagged(source + off, "PC126") == set()


def test_shapes_that_are_broadcast_are_no_tensors() -> None:
    source = """
        import torch
        from torch import nn

        class Mean(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                shape = torch.broadcast_shapes(self.batch_shape, x.shape[:-2])
                return self.constant.expand(*shape, x.size(-1))
    """
    assert flagged(source, "PC134") == set()


@pytest.mark.parametrize(("name", "lines"), [("_atoms_collate_fn", ()), ("forward_atoms", (5,))])
def test_what_is_collated_lies_on_the_host(name: str, lines: tuple[int, ...]) -> None:
    source = """
        import torch

        def {name}(batch):
            lengths = torch.cat([item["n"] for item in batch])
            return torch.repeat_interleave(torch.arange(len(batch)), lengths)
    """
    assert flagged(source.format(name=name), "PC114") == {("PC114", line) for line in lines}


def test_a_solver_whose_failure_is_handled_has_to_say_so() -> None:
    source = """
        import torch
        from torch import nn

        class Whiten(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                try:
                    return torch.linalg.cholesky(x)
                {otherwise}
    """
    handled = source.format(otherwise="except RuntimeError:\n                    return x")
    passed_on = source.format(otherwise="finally:\n                    self.calls += 1")
    assert [one.confidence for one in found(handled, "PC125")] == ["heuristic"]
    assert [one.confidence for one in found(passed_on, "PC125")] == ["high"]


def test_metrics_of_texts_keep_no_gpu_waiting() -> None:
    source = """
        from sklearn.metrics import accuracy_score
        {imports}

        def validate(loader, model, scores):
            for batch, labels in loader:
                scores.append(accuracy_score(labels, model(batch)))
    """
    assert [one.confidence for one in found(source.format(imports="import torch"), "PC123")] == ["medium"]
    assert [one.confidence for one in found(source.format(imports="import json"), "PC123")] == ["heuristic"]


@pytest.mark.parametrize(("base", "confidence"), [("nn.Module", "medium"), ("object", "heuristic")])
def test_bounds_that_a_plain_class_makes(base: str, confidence: str) -> None:
    source = f"""
        import torch
        from torch import nn

        class Space({base}):
            def bounds(self, x: torch.Tensor) -> torch.Tensor:
                return x.clamp(min=torch.tensor([0.0, 1.0], device=x.device))
    """
    assert [one.confidence for one in found(source, "PC121")] == [confidence]


@pytest.mark.parametrize(
    ("name", "kept", "told"),
    [
        ("get_latents", "z.cpu().numpy()", False),
        ("predict", "z.cpu().numpy()", False),
        ("get_latents", "z.sum().cpu().item()", True),
        ("get_gradient_norms", "z.cpu()", True),
        ("evaluate", "z.cpu()", True),
    ],
)
def test_results_that_callers_ask_for(name: str, kept: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        @torch.no_grad()
        def {name}(model: nn.Module, loader):
            model.cuda()
            latents = []
            for batch in loader:
                z = torch.zeros(8, 4, device="cuda") + model(batch.cuda())
                latents.append({kept})
            return latents
    """
    assert any(one.confidence != "heuristic" for one in found(source, "PC104", "PC101")) is told


@pytest.mark.parametrize(
    ("registered", "told"),
    [
        ('self.register_buffer("index", torch.zeros(3))', False),
        ('self.register_uninitialized_buffer("index", dtype=torch.long)', False),
        ("self.index = None", True),
    ],
)
def test_buffers_that_a_project_registers_in_its_own_way(registered: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Uninitialized:
            def register_uninitialized_buffer(self, name, dtype):
                self.register_buffer(name, None)

        class System(Uninitialized, nn.Module):
            def __init__(self):
                super().__init__()
                {registered}

            def load(self, n):
                self.index = torch.zeros(n, dtype=torch.long)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x[:, self.index]
    """
    assert bool(flagged(source, "PC111")) is told


def test_a_scalar_before_the_tensor_is_the_old_way_to_scale_it() -> None:
    source = """
        import torch

        def training_step(state: torch.Tensor, grad: torch.Tensor, weight: torch.Tensor):
            mean = torch.zeros(3, device="cuda")
            update = torch.rand(3, device="cuda")
            mean.mul_(0.9).add_(0.1, update)
            mean.sub_(0.1, update).addcmul_(0.1, update, update)
            return mean.add(update, alpha=update.sum())
    """
    assert flagged(source, "PC134") == {("PC134", 8)}


@pytest.mark.parametrize(("owner", "told"), [("RolloutBuffer", False), ("Rollouts", True)])
def test_a_buffer_on_the_host_computes_with_copies(owner: str, told: bool) -> None:
    source = f"""
        import torch

        class {owner}:
            def add(self, values: torch.Tensor) -> None:
                last = values.clone().cpu().numpy().flatten()
                self.returns = 0.9 * last + self.rewards

        class Agent:
            def __init__(self) -> None:
                self.rollouts = {owner}()

            def learn(self, loader) -> None:
                for batch in loader:
                    self.rollouts.add(torch.relu(batch.cuda(non_blocking=True)))
    """
    assert bool(flagged(source, "PC104")) is told
