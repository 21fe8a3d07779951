"""Loops that launch many small kernels: what is flagged, and what is left alone."""

import pytest

from tests.lint.detectors.snippets import flagged, found


def test_tensors_that_grow_unread() -> None:
    source = """
        import torch

        def collect(model, loader):
            first, second, third = torch.zeros(0), None, torch.zeros(0)
            for images in loader:
                outputs = model(images)
                first = torch.cat([first, outputs])
                second = outputs if second is None else second
                if third is None:
                    third = outputs
                else:
                    third = torch.cat((third, outputs), dim=0)
            return first, second, third
    """
    assert flagged(source, "PC501") == {("PC501", 7), ("PC501", 12)}


def test_concatenations_that_do_not_grow() -> None:
    source = """
        import torch

        def dense(blocks, loader, features):
            for images in loader:
                fresh = images
                fresh = torch.cat([fresh, images])
                for part in blocks:
                    part.weight = torch.cat([part.weight, images])
                for block in blocks:
                    features = torch.cat([features, block(features)], dim=1)
                for padding in range(2):
                    images = torch.cat([images, padding])
            return fresh, features
    """
    assert flagged(source, "PC501") == set()


def test_turns_that_depend_on_each_other() -> None:
    source = """
        import torch
        from torch import nn

        class Scan(nn.Module):
            def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
                outputs = torch.empty_like(inputs)
                state = inputs[0]
                for step in range(inputs.shape[0]):
                    state = torch.tanh(state + inputs[step])
                    outputs[step] = state
                for step in range(1, inputs.shape[0]):
                    outputs[step] = torch.tanh(outputs[step - 1] + inputs[step])
                for row in range(inputs.shape[0]):
                    outputs[row] = inputs[row, : lengths[row]].mean()
                for row in range(3):
                    outputs[row] = torch.tanh(inputs[row])
                return outputs
    """
    assert flagged(source, "PC503") == set()


def test_independent_turns_of_one_shape() -> None:
    source = """
        import torch
        from torch import nn

        class Spectra(nn.Module):
            def forward(self, images: torch.Tensor) -> torch.Tensor:
                spectra = []
                for image in images:
                    spectra.append(torch.fft.fft2(image))
                stacked = torch.stack(spectra)
                batch, channels = images.shape[:2]
                powers = torch.stack([stacked[i].abs().square() for i in range(batch)])
                listed = [powers[i].mean() for i in range(batch)]
                return powers
    """
    assert flagged(source, "PC503") == {("PC503", 7), ("PC503", 11)}


def test_turns_that_are_summed_up() -> None:
    source = """
        import torch
        from torch import nn
        from torch.nn import functional as F

        class Loss(nn.Module):
            def forward(self, outputs, targets, levels, weights):
                total, dice, terms, hidden, n = 0, 0, [], 0, 0
                for i in range(outputs.shape[0]):
                    total += F.cross_entropy(outputs[i], targets[i])
                    n += 1
                for c in range(self.classes):
                    dice = dice + (outputs[:, c] * targets[:, c]).sum()
                for i in range(outputs.size(1)):
                    terms.append(F.mse_loss(outputs[:, i], targets[:, i]))
                for i in range(outputs.shape[0]):  # each turn needs the last one's result
                    hidden += torch.tanh(hidden * outputs[i])
                for i in range(len(levels)):  # perhaps a list
                    total += F.mse_loss(levels[i], targets)
                for i in range(self.classes):
                    total += self.heads[i](outputs[:, i])
                return total + dice + sum(terms) + hidden
    """
    assert flagged(source, "PC503") == {("PC503", 8), ("PC503", 11), ("PC503", 13)}


def test_elements_taken_and_filled_by_slices() -> None:
    source = """
        import torch
        from torch import nn

        class Kernels(nn.Module):
            def forward(self, x: torch.Tensor, inner: torch.Tensor) -> torch.Tensor:
                n, d = x.shape
                rows = torch.zeros(n, d, device=x.device)
                for i in range(0, n):
                    rows[i] = self.projection(x[i : i + 1])
                blocks = torch.zeros(n, n * d, device=x.device)
                for j in range(d):
                    blocks[:, n * j : n * (j + 1)] = inner * x[:, j].outer(x[:, j])
                points = torch.linspace(0, 1, steps=self.bins)
                histogram = torch.zeros(n, self.bins, device=x.device)
                for k in range(self.bins):
                    histogram[:, k] = torch.relu(1 - (x - points[k]).abs()).sum(dim=1)
                return rows, blocks, histogram

            def other(self, x: torch.Tensor, sizes: list[int]) -> torch.Tensor:
                n = x.shape[0]
                filled = torch.zeros(self.heads, len(x), device=x.device)
                for k in range(self.heads):
                    filled[k] = self.layers[k](x)
                ragged = torch.zeros(len(x), self.width, device=x.device)
                for k in range(self.width):
                    ragged[:, k] = x[:, k : sizes[k]].mean(dim=1)
                found = torch.zeros(n, device=x.device)
                for k in range(n):
                    found[k] = edges(x[k])
                return filled, ragged, found

        def edges(row):
            return torch.nonzero(row).float().mean()
    """
    assert flagged(source, "PC503") == {("PC503", line) for line in (8, 11, 15)}


def test_loops_over_parameters_that_compute() -> None:
    source = """
        import torch

        def train(model, average, batches, optimizer):
            for batch in batches:
                model(batch).backward()
                for parameter in model.parameters():
                    parameter.grad.clamp_(-1, 1)
                for name, parameter in model.named_parameters():
                    parameter.requires_grad_(True)
                for mean, parameter in zip(average.parameters(), model.parameters()):
                    mean.data.mul_(0.9).add_(parameter.data, alpha=1 - 0.9)
                for parameter in model.parameters():
                    parameter.grad.zero_()
                optimizer.step()
    """
    found = flagged(source, "PC504") | flagged(source, "PC505") | flagged(source, "PC805")
    assert found == {("PC504", 6), ("PC505", 11), ("PC805", 13)}


def test_gradients_that_either_way_are_dropped() -> None:
    source = """
        def zero(model, batches, set_to_none):
            for batch in batches:
                model(batch).backward()
                for parameter in model.parameters():
                    if set_to_none:
                        parameter.grad = None
                    else:
                        parameter.grad.zero_()
    """
    assert flagged(source, "PC805") == set()


def test_elements_that_a_codec_or_another_library_treats() -> None:
    source = """
        import torch
        from scipy.interpolate import Rbf
        from torchvision.io import decode_jpeg

        def decode(x: torch.Tensor):
            images = torch.stack([{}(one.float()) for one in x])
            return images
    """
    assert flagged(source.format("torch.special.zeta"), "PC503")
    assert not flagged(source.format("decode_jpeg"), "PC503")
    assert not flagged(source.format("Rbf"), "PC503")


def test_recurrent_cells_that_feed_themselves() -> None:
    source = """
        import torch
        from torch import nn

        class Decoder(nn.Module):
            def __init__(self, width: int) -> None:
                super().__init__()
                self.cell = nn.GRUCell(width, width)

            def forward(self, inputs: torch.Tensor) -> torch.Tensor:
                hidden = output = inputs[0]
                for step in range(inputs.shape[0]):
                    output = self.cell(output, hidden)
                    hidden = output.tanh()
                for step in range(inputs.shape[0]):
                    hidden = self.cell(inputs[step], hidden)
                return hidden
    """
    assert flagged(source, "PC507") == {("PC507", 15)}
    decoded = source.replace(
        "self.cell(inputs[step], hidden)", "self.cell(self.pick(outputs, inputs), hidden)"
    )
    decoded = decoded.replace("return hidden", "    outputs.append(hidden)\n                return hidden")
    assert not flagged(decoded, "PC507")


def test_attention_that_the_fused_function_can_do() -> None:
    source = """
        import torch
        from torch import nn

        class Plain(nn.Module):
            def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor):
                scores = torch.matmul(q, k.transpose(-2, -1)) * self.scale
                scores = scores + mask
                weights = self.dropout(scores.softmax(dim=-1))
                return torch.matmul(weights, v)

        class TalkingHeads(nn.Module):
            def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor):
                weights = self.mix((q @ k.transpose(-2, -1))).softmax(dim=-1)
                return weights @ v

        class Shown(nn.Module):
            def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor):
                weights = (q @ k.transpose(-2, -1)).softmax(dim=-1)
                return weights @ v, weights

        class Offered(nn.Module):
            def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor):
                if self.fused:
                    return nn.functional.scaled_dot_product_attention(q, k, v)
                weights = (q @ k.transpose(-2, -1)).softmax(dim=-1)
                return weights @ v
    """
    assert flagged(source, "PC510") == {("PC510", 9)}


def test_experts_one_by_one() -> None:
    source = """
        import torch
        from torch import nn

        class Mixture(nn.Module):
            def forward(self, tokens: torch.Tensor, choice: torch.Tensor) -> torch.Tensor:
                output = torch.zeros_like(tokens)
                for index in range(self.num_experts):
                    rows, = torch.where(choice == index)
                    output.index_add_(0, rows, self.experts[index](tokens[rows]))
                for expert in self.experts:
                    expert.reset()
                return output
    """
    assert flagged(source, "PC511") == {("PC511", 7)}


def test_entries_of_containers_that_grow() -> None:
    source = """
        import torch

        def gather(parts, loader, model):
            kept = {name: torch.zeros(0, device="cuda") for name in parts}
            read = {name: torch.zeros(0, device="cuda") for name in parts}
            for images in loader:
                outputs = model(images)
                for name in parts:
                    kept[name] = torch.cat([kept[name], outputs[name]])
                    read[name] = torch.cat([read[name], outputs[name]])
                    print(read[name].shape)
                fresh = {}
                fresh["all"] = torch.cat([fresh["all"], outputs["all"]])
            return kept, read, fresh
    """
    assert flagged(source, "PC501") == {("PC501", 9)}


def test_sums_over_parameters() -> None:
    source = """
        import torch

        def train(model, batches, optimizer):
            print(sum(p.numel() for p in model.parameters()))
            for batch in batches:
                loss = model(batch)
                loss = loss + 0.1 * sum(p.pow(2).sum() for p in model.parameters())
                loss = loss + sum(torch.norm(p, 1) for name, p in model.named_parameters())
                trained = [p for p in model.parameters() if p.requires_grad]
                loss.backward()
                optimizer.step()
    """
    assert flagged(source, "PC504") == {("PC504", 7), ("PC504", 8)}


def test_averages_kept_by_name() -> None:
    source = """
        import torch

        class Average:
            def train_step(self, model):
                for name, value in self.state_of(model):
                    self.ema[name] = self.decay * self.ema[name] + (1 - self.decay) * value
                for name, value in self.state_of(model):
                    self.mixed[name] = self.decay * self.mixed[name] + (1 - self.decay) * value
    """
    assert flagged(source, "PC505") == {("PC505", 6)}


def test_averages_with_weights_as_numbers() -> None:
    source = """
        def train_step(model, average):
            known = average.state_dict()
            for name, value in model.state_dict().items():
                known[name] = 0.99 * known[name] + 0.01 * value
            for name, value in model.state_dict().items():
                known[name] = 0.5 * known[name] + 0.1 * value
            average.load_state_dict(known)
    """
    assert flagged(source, "PC505") == {("PC505", 4)}


def test_a_whole_epoch_in_a_function_of_its_own() -> None:
    source = """
        def train():
            model.train()
            model(data).mean().backward()
            optimizer.step()

        def test():
            model.eval()
            return model(data)

        for epoch in range(200):
            train()
            test()
    """
    assert flagged(source, "PC516") == set()


def test_counting_element_by_element() -> None:
    source = """
        import torch

        def counts(targets: torch.Tensor, predictions: torch.Tensor, names: list[str], n: int):
            matrix, histogram, other = torch.zeros(n, n), torch.zeros(n), torch.zeros(n)
            for target, prediction in zip(targets, predictions):
                matrix[target.long(), int(prediction)] += 1
            for target in targets.view(-1):
                histogram[target] += 1
            for name in names:
                other[len(name)] += 1
            for target in targets:
                other[0] += 1
            for row in range(n):
                other[row] += 1
            return matrix, histogram, other
    """
    assert flagged(source, "PC515") == {("PC515", 5), ("PC515", 7)}


def test_training_mode_on_every_step() -> None:
    source = """
        def fit(model, loader, optimizer):
            for step, batch in enumerate(loader):
                model.train()
                model(batch).backward()
                optimizer.step()
                if step % 100 == 0:
                    model.eval()

        def alternate(model, loader, optimizer):
            for batch in loader:
                model.train()
                model(batch).backward()
                optimizer.step()
                model.eval()
                model(batch)

        def chosen(model, loader, optimizer, training):
            model.train()
            for batch in loader:
                model.train(training)
                model(batch).backward()
                optimizer.step()

        class Hooks:
            def on_test_batch_model_train(self):
                self.model.train()

            def training_step(self, batch):
                self.model.train()
                return self.model(batch)

        def update(engine, batch):
            engine.model.train()
            return engine.model(batch)
    """
    told = {one.place.line: one.confidence for one in found(source, "PC516")}
    assert told == {3: "medium", 29: "medium", 33: "heuristic"}


def test_heads_that_are_repeated_for_a_kernel() -> None:
    source = """
        from einops import rearrange
        from flash_attn import flash_attn_func, flash_attn_varlen_func
        from torch import nn

        class Attention(nn.Module):
            def forward(self, q, k, v, groups):
                k, v = repeat_kv(k, groups), repeat_kv(v, groups)
                return flash_attn_func(q, k, v)

        class Linear(nn.Module):
            def forward(self, q, k, v, lengths):
                if self.groups > 1:
                    k = rearrange(k.unsqueeze(-2).repeat(1, 1, self.groups, 1), "t h g d -> t (h g) d")
                q = q.repeat_interleave(2, dim=0)
                return flash_attn_varlen_func(q, k, v, lengths, lengths)

        class Other(nn.Module):
            def forward(self, q, k, v, groups):
                k, v = repeat_kv(k, groups), repeat_kv(v, groups)
                return nn.functional.scaled_dot_product_attention(q, k, v)
    """
    assert flagged(source, "PC313") == {("PC313", 7), ("PC313", 13)}


def test_embeddings_of_one_column_each() -> None:
    source = """
        import torch
        from torch import nn

        class Encoder(nn.Module):
            def __init__(self, sizes):
                super().__init__()
                self.embeddings = nn.ModuleList([nn.Embedding(size, 8) for size in sizes])
                self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in sizes])

            def forward(self, x):
                parts = [embed(x[:, i]) for i, embed in enumerate(self.embeddings)]
                for i in range(x.shape[1]):
                    parts.append(self.embeddings[i](x[:, i]))
                for embed, column in zip(self.embeddings, x.unbind(1)):
                    parts.append(embed(column))
                return torch.stack(parts, dim=1)

            def encode(self, batches, x):
                parts = [embed(batch) for embed, batch in zip(self.embeddings, batches)]
                for layer in self.layers:
                    x = layer(x)
                return parts, x
    """
    assert flagged(source, "PC517") == {("PC517", 11), ("PC517", 13), ("PC517", 15)}


def test_causal_masks_in_memory() -> None:
    source = """
        import torch
        import torch.nn.functional as F
        from torch import nn

        class Attention(nn.Module):
            def forward(self, q, k, v, padding):
                n = q.shape[-2]
                future = torch.triu(torch.full((n, n), float("-inf"), device=q.device), diagonal=1)
                a = F.scaled_dot_product_attention(q, k, v, attn_mask=future)
                b = F.scaled_dot_product_attention(q, k, v, q.new_ones(n, n).bool().tril())
                both = torch.ones(n, n, dtype=torch.bool, device=q.device).tril() & padding
                c = F.scaled_dot_product_attention(q, k, v, attn_mask=both)
                d = F.scaled_dot_product_attention(q, k, v, attn_mask=padding)
                cached = torch.tril(torch.ones(n, k.shape[-2], device=q.device), diagonal=k.shape[-2] - n)
                e = F.scaled_dot_product_attention(q, k, v, attn_mask=cached)
                strict = torch.tril(torch.ones(n, n, device=q.device), diagonal=-1)
                f = F.scaled_dot_product_attention(q, k, v, attn_mask=strict)
                return a + b + c + d + e + f
    """
    assert flagged(source, "PC518") == {("PC518", 9), ("PC518", 10)}


def test_transformers_that_look_for_a_causal_mask() -> None:
    source = """
        from torch import nn

        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 2)
                self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2), 2)
                self.layer = nn.TransformerEncoderLayer(8, 2)

            def forward(self, x, y, mask):
                x = self.encoder(x, mask)
                x = self.encoder(x, mask, is_causal=False)
                x = self.encoder(x, src_key_padding_mask=y)
                x = self.layer(x, mask)
                y = self.decoder(y, x, tgt_mask=mask)
                return self.decoder(y, x, tgt_mask=mask, tgt_is_causal=True)
    """
    assert flagged(source, "PC138") == {("PC138", 11), ("PC138", 15)}


def test_blocks_of_a_batch_one_after_the_other() -> None:
    source = """
        import torch
        from torch import nn

        class Faces(nn.Module):
            def forward(self, x: torch.Tensor, size: int) -> torch.Tensor:
                n = x.size()[0]
                parts, chunks = [], []
                for i in range(int(n / 6)):
                    parts.append(self.net(x[i * 6 : (i + 1) * 6]))
                for i in range(n // 4):
                    chunks.append(self.net(x[i * size : (i + 1) * size]))
                return torch.cat(parts), torch.cat(chunks)
    """
    assert flagged(source, "PC503") == {("PC503", 8)}


def test_models_copied_and_weights_counted_on_every_step() -> None:
    source = """
        import copy
        from torch import nn

        def fit(model: nn.Module, loader, optimizer, writer, best):
            for step, batch in enumerate(loader):
                learner = copy.deepcopy(model)
                loss = learner(batch.cuda())
                loss.backward()
                optimizer.step()
                writer.add_histogram("loss", loss, step)
                if step % 100 == 0:
                    writer.add_histogram("loss", loss, step)
                if learner.score > best:
                    kept = copy.deepcopy(model.state_dict())
            return copy.deepcopy(model), kept
    """
    assert flagged(source, "PC908") | flagged(source, "PC139") == {("PC908", 6), ("PC139", 10)}


def test_recurrences_written_as_arithmetic() -> None:
    source = """
        import torch
        from torch import nn

        class Returns(nn.Module):
            def forward(self, rewards: torch.Tensor, ended: torch.Tensor) -> torch.Tensor:
                found, last = torch.empty_like(rewards), 0.0
                for t in reversed(range(rewards.size(0))):
                    last = rewards[t] + 0.9 * (1 - ended[t]) * last
                    found[t] = last
                return found

        class Filter(nn.Module):
            def forward(self, signal: torch.Tensor, decay: torch.Tensor) -> torch.Tensor:
                state, found = torch.zeros_like(signal[:, 0]), []
                for t in range(signal.shape[1]):
                    state = torch.logaddexp(signal[:, t] + decay[:, t], state)
                    found.append(state)
                for t in range(signal.shape[1]):
                    state = signal[:, t] + decay[:, t] * state
                    found.append(state)
                return torch.stack(found)
    """
    assert flagged(source, "PC503") == {("PC503", 7), ("PC503", 8)}


def test_rows_picked_one_by_one() -> None:
    source = """
        import torch
        from torch import nn

        class Tags(nn.Module):
            def __init__(self, count: int) -> None:
                super().__init__()
                self.register_buffer("rows", torch.arange(count))
                self.places = {}

            def forward(self, words: list[str], parts: list[torch.Tensor]) -> torch.Tensor:
                first = torch.stack([self.rows[self.places[word]] for word in words])
                return first, torch.stack([part[0] for part in parts])
    """
    assert flagged(source, "PC503") == {("PC503", 11)}


OPTIMIZER = """
import torch

class Sign(torch.optim.Optimizer):
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                {work}
"""


def test_optimizers_that_go_from_parameter_to_parameter() -> None:
    several = OPTIMIZER.format(
        work='state["m"].mul_(0.9).add_(p.grad); p.add_(state["m"].sign(), alpha=-1.0)'
    )
    one = OPTIMIZER.format(work='fused_update(p, p.grad, state["m"])')
    grouped = several + "\n    def fast(self, grads):\n        torch._foreach_mul_(grads, 0.9)\n"
    assert {line for _, line in flagged(several, "PC504")} == {6, 10}
    assert flagged(one, "PC504") == flagged(grouped, "PC504") == set()


def test_lists_of_tensors_that_are_updated() -> None:
    source = """
        import torch

        class Adam(torch.optim.Optimizer):
            def step(self):
                for group in self.param_groups:
                    adam(group["params"], group["grads"], group["squares"])

        def adam(params: list[torch.Tensor], grads: list[torch.Tensor], squares: list[torch.Tensor]):
            for i, param in enumerate(params):
                squares[i].mul_(0.9).addcmul_(grads[i], grads[i], value=0.1)
                param.addcdiv_(grads[i], squares[i].sqrt(), value=-0.1)
            for name in ["a", "b"]:
                print(name, params[0].add_(1).mul_(2))
    """
    assert {line for _, line in flagged(source, "PC504")} == {9, 10, 11}


def test_averages_of_one_parameter_for_a_caller() -> None:
    source = """
        import torch

        class EMA:
            def update_average(self, old, new):
                return old * self.beta + (1 - self.beta) * new

        def smooth_average(old_param, step):
            return old_param * 0.9 + (1 - 0.9) * 3.0

        def train(online, target, loader, optimizer, ema: EMA):
            for images in loader:
                online(images).mean().backward()
                optimizer.step()
                for new, old in zip(online.parameters(), target.parameters()):
                    old.data = ema.update_average(old.data, new.data)
    """
    assert flagged(source, "PC505") == {("PC505", 5)}


def test_pieces_made_on_the_device() -> None:
    source = """
        import torch
        from torch import nn

        class Batch(nn.Module):
            def forward(self, x: torch.Tensor, lengths: list[int], rows: list) -> torch.Tensor:
                places, owners, host, data = [], [], [], []
                for i, n in enumerate(lengths):
                    owners.append(torch.full((n,), i, device=x.device))
                    host.append(torch.arange(n))
                    data.append(torch.tensor(rows[i], device=x.device))
                ends = torch.stack([torch.zeros(3, device=x.device) for _ in range(2)])
                shifted = torch.cat([x[i] + torch.arange(n, device=x.device) for i, n in enumerate(lengths)])
                whole = torch.cat(host).to(x.device)
                return torch.cat(owners) + torch.cat(data) + whole + ends + shifted
    """
    assert flagged(source, "PC521") == {("PC521", 14)}
    drawn = source.replace("owners.append(", "owners.append(self.draw(i) if n else ").replace(
        "                    host.append",
        "                    owners.append(self.draw(i))\n                    host.append",
    )
    assert flagged(drawn, "PC521") == set()


def test_products_that_are_contractions() -> None:
    source = """
        import torch
        from torch import nn

        class Pairs(nn.Module):
            def forward(self, a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
                left = a.unsqueeze(0)
                left = left[:, :, None]
                scores = (left * b[:, None]).sum(dim=-1)
                pooled = (a * mask.unsqueeze(-1)).sum(1)
                both = (a.unsqueeze(1) * b.unsqueeze(1)).sum(1)
                counts = ((a > 0).long().unsqueeze(1) * (b > 0).long().unsqueeze(2)).sum(-1)
                return scores, pooled, both, counts, (a.unsqueeze(1) + b.unsqueeze(2)).sum(-1)
    """
    assert flagged(source, "PC522") == {("PC522", 8)}


def test_what_a_loop_computes_again() -> None:
    source = """
        import torch
        from torch import nn

        class Sampler(nn.Module):
            def forward(self, x: torch.Tensor, y: torch.Tensor, model: nn.Module) -> torch.Tensor:
                for step in range(50):
                    context = torch.cat([y, y])
                    inputs = torch.cat([x, x])
                    noise = torch.randn_like(y)
                    fresh = torch.stack([y, y])
                    fresh[0] = step
                    rows = y.unsqueeze(0)
                    x = model(inputs, context, noise, fresh, rows)
                return x
    """
    assert flagged(source, "PC524") == {("PC524", 7)}


def test_settings_that_a_forward_pass_works_out() -> None:
    source = """
        import numpy as np
        import torch
        from torch import nn

        class Bands(nn.Module):
            def forward(self, x: torch.Tensor, count: int) -> torch.Tensor:
                edges = np.linspace(0, self.top, self.bands)
                own = np.linspace(0, self.top, count)
                many = count * 2
                other = np.arange(many) + self.top
                return x * np.sqrt(self.top) + len(edges) + len(own) + len(other)
    """
    assert flagged(source, "PC525") == {("PC525", 7)}


def test_tables_of_nothing_but_shapes() -> None:
    source = """
        import torch
        from torch import nn

        def grid(feature: torch.Tensor, stride: int) -> torch.Tensor:
            height, width = feature.shape[-2:]
            rows = (torch.arange(height, device=feature.device) + 0.5) * stride
            columns = (torch.arange(width, device=feature.device) + 0.5) * stride
            return torch.stack(torch.meshgrid(rows, columns), dim=-1)

        class Head(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.scale = nn.Parameter(torch.ones(1))
                self.places = nn.Embedding(512, 8)

            def learnt(self, x: torch.Tensor) -> torch.Tensor:
                steps = torch.arange(x.shape[1], device=x.device) * 2 + 1
                return self.places(steps) * 2 + 1

            def noisy(self, x: torch.Tensor) -> torch.Tensor:
                steps = torch.arange(x.shape[1], device=x.device) * 2 + 1
                return steps * 3 + torch.rand(1, device=x.device)

            def read(self, x: torch.Tensor) -> torch.Tensor:
                steps = torch.arange(x.shape[1], device=x.device) * 2 + 1
                return steps * 3 + x * 2

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return grid(x, 8), self.learnt(x), self.noisy(x), self.read(x)
    """
    assert flagged(source, "PC526") == {("PC526", 6)}


def test_diagonals_written_one_by_one() -> None:
    source = """
        import torch
        from torch import nn

        class Arcs(nn.Module):
            def forward(self, x: torch.Tensor, other: int) -> torch.Tensor:
                out = torch.zeros_like(x)
                for i in range(out.size(1)):
                    out[:, i, i] = x[:, 0, i + 1]
                for i in range(out.size(1)):
                    out[:, i, other] = x[:, 0, i + other]
                return out
    """
    assert flagged(source, "PC520") == {("PC520", 7)}


def test_tables_that_python_fills() -> None:
    source = """
        import torch
        from torch import nn

        class Patches(nn.Module):
            def forward(self, x: torch.Tensor, names: list[str]):
                h, w = x.shape[-2:]
                places = torch.tensor([(i, j) for i in range(h) for j in range(w)])
                eighths = torch.tensor([i / 8 for i in range(8)])
                lengths = torch.tensor([len(names[i]) for i in range(h)])
                parts = [part for part in x if part.any()]
                left = torch.tensor([i for i in range(len(parts))])
                return x.sum() + places + eighths + lengths + left
    """
    assert flagged(source, "PC526") == {("PC526", 7)}


def test_products_by_method_that_are_summed() -> None:
    source = """
        import torch
        from torch import nn

        class Grouped(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.zeros(4, 8, 8))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                y = x.unsqueeze(-1).mul(self.weight.unsqueeze(0).unsqueeze(0)).sum(-2)
                return y + x.mul(self.weight).sum(-2)
    """
    assert flagged(source, "PC522") == {("PC522", 10)}


def test_elements_that_are_selected() -> None:
    source = """
        import torch
        from torch import nn

        class Observer(nn.Module):
            def forward(self, x: torch.Tensor, dim: int) -> torch.Tensor:
                count = x.shape[dim]
                scales = []
                for i in range(count):
                    scales.append(x.select(dim=dim, index=i).abs().max() * 2)
                return torch.stack(scales)
    """
    assert flagged(source, "PC503") == {("PC503", 8)}


def test_slices_filled_with_a_number() -> None:
    source = """
        import torch
        from torch import nn

        class Mask(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                batch, frames, size = x.shape
                mask = torch.full((frames * size, frames * size), float("-inf"), device=x.device)
                for row in range(frames * size):
                    frame = row // size
                    mask[row, : (frame + 1) * size] = 0
                for row in range(frames):
                    mask[row, : self.ends[row]] = self.weights[row]
                for row in range(3):
                    mask[row, : row + 1] = 0
                for row in self.rows:
                    mask[row, : row + 1] = 0
                for row in range(len(self.rows)):
                    mask[row, self.rows[row]] = 0
                return x @ mask
    """
    assert flagged(source, "PC520") == {("PC520", 8)}


def test_results_that_are_joined_by_a_new_dimension() -> None:
    source = """
        import torch
        from torch import nn

        class Rows(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                rows, parts = [], []
                for i in range(x.shape[0]):
                    rows.append(torch.relu(x[i]).unsqueeze(0))
                for i in range(x.shape[0]):
                    parts.append(self.crop(x[i]))
                return torch.cat(rows) + torch.cat(parts)
    """
    assert flagged(source, "PC503") == {("PC503", 7)}


def test_more_ways_to_go_through_parameters() -> None:
    source = """
        import torch

        def average(model, ema_model, decay):
            current = model.state_dict()
            for name, value in ema_model.state_dict().items():
                value *= decay
                value += (1 - decay) * current[name].detach()

        def balance(losses, weights_ema, weights, decay):
            for i, name in enumerate(losses):
                weights_ema[i] += (1 - decay) * weights[i]

        def unscale(params, scale):
            for p in params:
                if p.grad is not None:
                    p.grad.data.div_(scale)

        def train(model, ema_model, loader, optimizer):
            for images in loader:
                model(images.cuda()).sum().backward()
                norms = {name: p.grad.norm() for name, p in model.named_parameters()}
                unscale(list(model.parameters()), 8)
                optimizer.step()
                average(model, ema_model, 0.99)
    """
    assert flagged(source, "PC504") == {("PC504", 14), ("PC504", 16), ("PC504", 21)}
    assert flagged(source, "PC505") == {("PC505", 7)}


def test_experts_by_number() -> None:
    source = """
        import torch
        from torch import nn

        class Mixture(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                chosen = self.gate(x).argmax(-1)
                out = torch.zeros_like(x)
                for i in range(self.n):
                    mask = chosen == i
                    out[mask] = self.experts[i](x[mask])
                for i in range(self.n):
                    out = out + self.layers[i](x)
                return out
    """
    assert flagged(source, "PC511") == {("PC511", 8)}


def test_counts_in_a_tensor_of_unknown_place() -> None:
    source = """
        import torch

        class Confusion:
            def update(self, prediction: torch.Tensor, target: torch.Tensor):
                for t, p in zip(target.view(-1), prediction.view(-1)):
                    self.matrix[t, p] += 1
    """
    assert flagged(source, "PC515") == {("PC515", 5)}


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ("change = average.sqrt()", True),
        ("change = average.norm()", True),
        ("change = average.norm(dim=0, keepdim=True)", False),
        ("change = average @ average.mT", False),
        ("change = whiten(average)", False),
        ("change = self.manifold.retract(parameter, average)", False),
        ("retract = self.manifold.retract; change = retract(parameter, average)", False),
        ("self.report(average); change = self.scales.get(parameter, 1.0)", True),
    ],
)
def test_what_no_operator_on_lists_gives(update: str, told: bool) -> None:
    source = f"""
        import torch

        def whiten(x: torch.Tensor) -> torch.Tensor:
            return x / torch.linalg.matrix_norm(x)

        class Rule(torch.optim.Optimizer):
            @torch.no_grad()
            def step(self):
                for group in self.param_groups:
                    for parameter in group["params"]:
                        average = self.state[parameter]["average"]
                        average.mul_(0.9).add_(parameter.grad)
                        {update}
                        parameter.addcmul_(average, change, value=-group["lr"])
    """
    assert bool(flagged(source, "PC504")) is told


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ("self.mix(x[i])", True),
        ("torch.autograd.grad(x[i].sum(), y)[0]", False),
        ("self.batch_norm(x[i])", False),
    ],
)
def test_what_has_to_be_done_for_each_row(turn: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Net(nn.Module):
            def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
                return torch.stack([{turn} for i in range(x.shape[0])])
    """
    assert bool(flagged(source, "PC503")) is told


@pytest.mark.parametrize(
    ("made", "told"), [("torch.cat([x, x])", True), ("torch.arange(n, device=x.device)", False)]
)
def test_what_loops_compute_of_numbers_alone(made: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Net(nn.Module):
            def forward(self, x: torch.Tensor, n: int) -> torch.Tensor:
                for _ in range(12):
                    context = {made}
                    y = self.block(context)
                return y
    """
    assert bool(flagged(source, "PC524")) is told


@pytest.mark.parametrize(("test", "told"), [("self.num_updates == 0", False), ("self.training", True)])
def test_loops_over_parameters_that_launch_the_first_time_alone(test: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Average(nn.Module):
            def on_train_batch_end(self, model: nn.Module):
                kept, now = [], []
                for average, parameter in zip(self.kept, model.parameters()):
                    kept.append(average.detach())
                    now.append(parameter.detach())
                    if {test}:
                        average.detach().copy_(parameter.detach())
                return kept, now
    """
    assert bool(flagged(source, "PC504")) is told
