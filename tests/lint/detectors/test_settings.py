"""Compiled code, optimizers, collectives: what is flagged, and what is left alone."""

from tests.lint.detectors.snippets import flagged


def test_what_ends_a_compiled_graph() -> None:
    source = """
        import logging
        import torch
        from torch import nn

        logger = logging.getLogger(__name__)

        class Block(nn.Module):
            @torch.compile
            def forward(self, x: torch.Tensor, valid: torch.Tensor, flag: bool) -> torch.Tensor:
                logger.info("forward")
                if not torch.compiler.is_compiling():
                    print("eager")
                self.calls += 1
                self.total += x.sum()
                if flag and x.shape[0] > 1:
                    x = x + 1
                if x.sum() > 0 or flag:
                    x = x * 2
                assert (x > 0).all()
                chosen = torch.masked_select(x, valid)
                count = torch.nonzero(x)
                return torch.where(valid, x, 0.0)

        def eager(x: torch.Tensor) -> torch.Tensor:
            logger.info("forward")
            return x
    """
    found = set()
    for rule in ("PC603", "PC604", "PC605", "PC607"):
        found |= flagged(source, rule)
    assert found == {("PC604", 10), ("PC607", 13), ("PC603", 17), ("PC605", 20), ("PC605", 21)}


def test_zeros_by_call_and_by_default() -> None:
    source = """
        import torch

        class Sharded(torch.optim.Optimizer):
            def zero_grad(self, set_to_none: bool = False) -> None:
                super().zero_grad(set_to_none)

        class Plain(torch.optim.Optimizer):
            def zero_grad(self, set_to_none: bool = True) -> None:
                super().zero_grad(set_to_none=set_to_none)

        def update(model, optimizer):
            optimizer.zero_grad(False)
            model.zero_grad(set_to_none=False)
            optimizer.zero_grad()
    """
    assert flagged(source, "PC804") == {("PC804", 4), ("PC804", 12), ("PC804", 13)}


def test_optimizers_with_nothing_said() -> None:
    source = """
        from torch import optim

        def optimizers(model, temperature, options):
            yield optim.AdamW(model.parameters(), lr=1e-3)
            yield optim.Adam([{"params": model.parameters()}])
            yield optim.Adam([temperature], lr=1e-3)
            yield optim.AdamW(model.parameters(), fused=True)
            yield optim.AdamW(model.parameters(), foreach=False)
            yield optim.AdamW(model.parameters(), **options)
    """
    assert flagged(source, "PC803") == {("PC803", 4), ("PC803", 5)}


def test_bias_before_batch_norm() -> None:
    source = """
        from torch import nn

        def layers(width, norm, **options):
            first = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
            second = nn.Sequential(nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width))
            third = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.BatchNorm2d(width))
            fourth = [nn.Conv2d(3, width, 3, bias=norm is None), nn.BatchNorm2d(width)]
            fifth = [nn.ConvTranspose2d(3, width, 3), nn.BatchNorm2d(width)]
            sixth = nn.Sequential(nn.Conv2d(3, width, 3, **options), nn.BatchNorm2d(width))
            return first, second, third, fourth, fifth, sixth
    """
    assert flagged(source, "PC809") == {("PC809", 4), ("PC809", 8)}


def test_scalers_for_bfloat16() -> None:
    source = """
        import torch

        def plain(model, x):
            scaler = torch.amp.GradScaler("cuda")
            with torch.autocast("cuda", torch.bfloat16):
                scaler.scale(model(x)).backward()

        def chosen(model, x, dtype):
            scaler = torch.amp.GradScaler("cuda", enabled=dtype is torch.float16)
            with torch.autocast("cuda", torch.bfloat16):
                scaler.scale(model(x)).backward()

        def half(model, x):
            scaler = torch.amp.GradScaler("cuda")
            with torch.autocast("cuda", torch.float16):
                scaler.scale(model(x)).backward()
    """
    assert flagged(source, "PC704") == {("PC704", 4)}


def test_accumulation_and_its_reductions() -> None:
    source = """
        from torch.nn.parallel import DistributedDataParallel

        def every_step(net, loader, optimizer):
            model = DistributedDataParallel(net)
            for index, batch in enumerate(loader):
                model(batch).backward()
                if (index + 1) % 4 == 0:
                    optimizer.step()

        def deferred(net, loader, optimizer):
            model = DistributedDataParallel(net)
            for index, batch in enumerate(loader):
                with model.no_sync():
                    model(batch).backward()
                if (index + 1) % 4 == 0:
                    optimizer.step()

        def alone(model, loader, optimizer):
            for index, batch in enumerate(loader):
                model(batch).backward()
                if (index + 1) % 4 == 0:
                    optimizer.step()

        def at_once(net, loader, optimizer):
            model = DistributedDataParallel(net)
            for batch in loader:
                model(batch).backward()
                optimizer.step()
    """
    assert flagged(source, "PC1002") == {("PC1002", 6)}


def test_accumulation_in_a_trainer() -> None:
    source = """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP

        class Trainer:
            def wrap(self, net):
                self.model = DDP(net)

            def training_step(self, batch):
                loss = self.model(batch)
                loss.backward()
                return loss.detach()

            def counted(self, loader):
                waiting = 0
                for batch in loader:
                    self.training_step(batch)
                    waiting += 1
                    if waiting == self.accumulation_steps:
                        self.scaler.step(self.optimizer)
                        waiting = 0

            def in_parts(self, loader):
                for batch in loader:
                    for part in batch.chunk(4):
                        self.model(part).backward()
                    self.optimizer.step()

            def one_loss(self, loader):
                for batch in loader:
                    loss = sum(self.model(part) for part in batch.chunk(4))
                    loss.backward()
                    self.optimizer.step()
    """
    assert flagged(source, "PC1002") == {("PC1002", 16), ("PC1002", 25)}


def test_accumulation_over_calls_of_a_method() -> None:
    source = """
        class Task:
            def wrap(self):
                self.distributed_model = init_distributed_data_parallel_model(self.model)

            def train_step(self, batch):
                loss = self.distributed_model(batch)
                loss.backward()
                if self.updates % self.period == self.period - 1:
                    self.optimizer.step()

            def optimizer_step(self, loss):
                loss.backward()
                self.optimizer.step()
    """
    assert flagged(source, "PC1002") == {("PC1002", 6), ("PC1002", 7)}  # the forward pass is a place too


def test_gathers_into_lists() -> None:
    source = """
        import torch
        import torch.distributed as dist

        def joined(x, world):
            parts = [torch.empty_like(x) for _ in range(world)]
            dist.all_gather(parts, x)
            return torch.cat(parts)

        def renamed(x, world):
            parts = [torch.empty_like(x) for _ in range(world)]
            dist.all_gather(parts, x)
            parts = torch.cat(parts, dim=-1)
            return parts

        def with_gradient(x, world, rank):
            parts = [torch.empty_like(x) for _ in range(world)]
            dist.all_gather(parts, x)
            parts[rank] = x
            return torch.cat(parts)

        def of_unequal_parts(x, sizes):
            parts = [x.new_empty(size) if size else None for size in sizes]
            dist.all_gather(parts, x)
            return torch.cat(parts)
    """
    assert flagged(source, "PC1005") == {("PC1005", line) for line in (5, 6, 10, 11)}


def test_saves_without_a_condition() -> None:
    source = """
        import torch

        def fit(model, loader, best):
            for step, batch in enumerate(loader):
                loss = model(batch)
                loss.backward()
                torch.save(model.state_dict(), "last.pt")
                if loss < best:
                    torch.save(model.state_dict(), "best.pt")
            torch.save(model.state_dict(), "final.pt")
    """
    assert flagged(source, "PC906") == {("PC906", 7)}


def test_files_for_each_turn() -> None:
    source = """
        import torch

        def precompute(model, loader):
            for index, batch in enumerate(loader):
                torch.save(model(batch), f"{index}.pt")
                torch.save(model(batch), "last.pt")
    """
    assert flagged(source, "PC906") == {("PC906", 6)}


def test_memory_that_is_given_back() -> None:
    source = """
        import gc
        import torch

        def denoise(model, latents, steps, options):
            for step in range(50):
                latents = model(latents, step)
                torch.cuda.empty_cache()
                gc.collect(0)
                if options.empty_cache:
                    torch.cuda.empty_cache()
                if step % 10 == 0:
                    gc.collect()
                gc.collect()
            torch.cuda.empty_cache()
            return latents

        def release_memory(models):
            for model in models:
                model.to("cpu")
                gc.collect()
    """
    assert flagged(source, "PC904", "PC905") == {("PC904", 7), ("PC905", 13)}


def test_memory_given_back_by_what_a_loop_calls() -> None:
    source = """
        import torch

        def segment(net, tiles):
            return [run(net, tile) for tile in tiles]

        def train(net, loader):
            for batch in loader:
                run(net, batch)

        def run(net, tile):
            y = net(tile)
            torch.cuda.empty_cache()
            return y
    """
    assert flagged(source, "PC904") == {("PC904", 12)}
    assert (
        flagged(source.replace("for batch in loader", "if net").replace(" for tile in tiles", ""), "PC904")
        == set()
    )


def test_gathers_for_reports() -> None:
    source = """
        import torch
        from accelerate import Accelerator

        def train(model, loader):
            accelerator = Accelerator()
            total = 0.0
            for batch in loader:
                loss = model(batch)
                total += accelerator.gather_for_metrics(loss.detach()).mean()
                accelerator.backward(loss)
            for batch in loader:
                total += accelerator.gather_for_metrics(model(batch)).mean()
            return total
    """
    assert flagged(source, "PCA101") == {("PCA101", 9)}


def test_metrics_reduced_in_the_training_loop() -> None:
    source = """
        import torch
        import torch.distributed as dist

        def reduce_tensor(tensor, world):
            mean = tensor.clone()
            dist.all_reduce(mean)
            return mean / world

        def train(model, loader, optimizer, log):
            for step, batch in enumerate(loader):
                loss, accuracy, tokens = model(batch)
                count_loss = tokens.detach().clone()
                dist.all_reduce(count_loss)
                (loss / count_loss).backward()
                dist.all_reduce(tokens)
                optimizer.step()
                mean_loss = reduce_tensor(loss.data, 8)
                dist.all_reduce(accuracy)
                log(mean_loss, accuracy, tokens)
                if step % 10 == 0:
                    log(reduce_tensor(loss.data, 8))
                penalty = model.penalty()
                penalty_loss = penalty.sum()
                dist.all_reduce(penalty_loss)
                penalty_loss.backward()

        def validate(model, loader):
            for batch in loader:
                loss = model(batch)
                dist.all_reduce(loss)
    """
    assert flagged(source, "PC1008") == {("PC1008", 17), ("PC1008", 18), ("PC1008", 24)}


def test_copies_of_a_loss_reduced_for_a_report() -> None:
    source = """
        import torch
        import torch.distributed as dist
        from torch import nn

        class Loss(nn.Module):
            def forward(self, x: torch.Tensor, y: torch.Tensor):
                loss = (x - y).abs().mean()
                reported = loss.clone().detach()
                dist.all_reduce(reported)
                count = y.detach()
                dist.all_reduce(count)
                return loss, reported, count
    """
    assert flagged(source, "PC1008") == {("PC1008", 9)}


def test_wrapped_to_fit_a_checkpoint() -> None:
    source = """
        from torch import nn

        def restore(model, state):
            model = nn.DataParallel(model)
            model.load_state_dict(state)
            return model.module

        def spread(model):
            return nn.DataParallel(model)
    """
    assert flagged(source, "PC1001") == {("PC1001", 9)}
