"""Autograd graphs that live too long, or that nobody needs: what is flagged, and what is left alone."""

import pytest

from tests.lint.detectors.snippets import flagged, found

TRAIN = """
        import torch
        from torch import nn

        def train(model: nn.Module, loader, optimizer, accelerator):
            total, losses, outputs = 0.0, [], []
            for images, labels in loader:
                output = model(images)
                loss = nn.functional.cross_entropy(output, labels)
                {backward}
                optimizer.step()
                {report}
            return total, losses, outputs
"""


@pytest.mark.parametrize(
    "backward", ["loss.backward()", "accelerator.backward(loss)", "(loss / 4).backward()"]
)
@pytest.mark.parametrize(
    ("report", "rule"),
    [
        ("total += loss", "PC901"),
        ("total = total + loss / 4", "PC901"),
        ("losses.append(loss)", "PC902"),
        ("losses.append(loss.mean())", "PC902"),
        ("total += nn.functional.l1_loss(output, labels)", "PC901"),
        ("error = torch.mean(output - labels); total += error", "PC901"),
        ("report = {'loss': loss}; losses.append(report)", "PC902"),
        ("losses.append(sum([loss, loss]))", "PC902"),
    ],
)
def test_reports_that_keep_the_graph(backward: str, report: str, rule: str) -> None:
    assert flagged(TRAIN.format(backward=backward, report=report), rule) == {(rule, 11)}


@pytest.mark.parametrize(
    ("report", "rule"),
    [
        ("average = loss if average is None else 0.9 * average + 0.1 * loss", "PC901"),
        ("for name in parts: sums[name] = sums.get(name, 0) + parts[name]", "PC901"),
        ("sums['kl'] += parts['kl']", "PC901"),
        ("for name, part in parts.items(): kept[name].append(part)", "PC902"),
        ("history.append({'step': step, 'loss': loss})", "PC902"),
        ("outputs.append(output)", "PC902"),
        ("curve[step] = loss", "PC902"),
    ],
)
def test_terms_and_outputs_have_the_graph_of_the_loss(report: str, rule: str) -> None:
    assert flagged(TERMS.format(report=report), rule) == {(rule, 11)}


@pytest.mark.parametrize(
    "report",
    [
        "rates.append(scheduler.get_last_lr())",
        "weights.append(weight)",
        "targets.append(target)",
        "images.append(image)",
        "hits.append((output.argmax(1) == target).float().mean())",
        "kept['kl'].append(parts['kl'].detach())",
        "curve[step] = loss.item()",
        "latest[0] = loss",
    ],
)
def test_what_has_no_graph_or_does_not_pile_up(report: str) -> None:
    source = TERMS.format(report=report)
    assert flagged(source, "PC901") | flagged(source, "PC902") == set()


TERMS = """
        import torch

        def train(model, criterion, loader, optimizer, scheduler, average, sums, kept, history):
            curve, outputs, latest = torch.zeros(len(loader), device="cuda"), [], [0]
            for step, (image, target) in enumerate(loader):
                image, target = augment(image.cuda()), target.cuda()
                output, parts = model(image)
                weight = scheduler.weight(step)
                loss = weight * criterion(output, target) + 0.1 * parts["kl"] + sum(parts.values())
                loss.backward()
                {report}
                optimizer.step()
"""


@pytest.mark.parametrize(
    "report",
    [
        "total += loss.detach()",
        "total += loss.item()",
        "total += float(loss)",
        "losses.append(loss.detach().cpu())",
        "loss = accelerator.reduce(loss.detach()); total += loss",
        "total += torch.eq(output.argmax(1), labels).sum()",
        "report = {'loss': loss.item()}; losses.append(report)",
        "error = torch.mean(output.detach() - labels); total += error",
        "total += nn.functional.l1_loss(images, labels)",
        "local = loss; local += 1",
    ],
)
def test_reports_without_the_graph(report: str) -> None:
    source = TRAIN.format(backward="loss.backward()", report=report)
    assert flagged(source, "PC901") | flagged(source, "PC902") == set()


def test_sums_that_are_differentiated() -> None:
    source = """
        def episode(policy, loader, optimizer):
            for batch in loader:
                total, steps = 0.0, []
                for observation in batch:
                    loss = policy(observation)
                    total += loss
                    steps.append(loss)
                (total + sum(steps)).backward()
                optimizer.step()
    """
    assert flagged(source, "PC901") | flagged(source, "PC902") == set()


def test_statistics_kept_on_the_module() -> None:
    source = """
        import torch
        from torch import nn

        class Router(nn.Module):
            def __init__(self, width: int) -> None:
                super().__init__()
                self.gate = nn.Linear(width, width)

            def forward(self, hidden: torch.Tensor) -> torch.Tensor:
                logits = self.gate(hidden)
                self.mean = 0.9 * self.mean + 0.1 * logits.mean(dim=0)
                self.peak = torch.maximum(self.peak, logits.detach())
                self.hidden_state = 0.5 * self.hidden_state + logits
                self.last = logits
                self.kept = min(self.kept, logits.size(-1))
                return logits

            @torch.no_grad()
            def training_step(self, hidden: torch.Tensor) -> None:
                self.mean = 0.9 * self.mean + 0.1 * self.gate(hidden)
    """
    assert flagged(source, "PC903") == {("PC903", 11)}


def test_evaluation_with_autograd_on() -> None:
    source = """
        import torch
        from torch import nn

        def evaluate(model: nn.Module, loader):
            for batch in loader:
                model(batch)

        def run(model: nn.Module, loader):
            model.eval()
            for batch in loader:
                model(batch)

        class Runner:
            def val(self, batch):
                return self.model.val_step(batch)
    """
    assert flagged(source, "PC801") == {
        ("PC801", 4), ("PC801", 6), ("PC801", 8), ("PC801", 11), ("PC801", 14), ("PC801", 15)
    }  # fmt: skip


def test_evaluation_that_knows_about_autograd() -> None:
    source = """
        import torch
        from torch import nn

        @torch.no_grad()
        def evaluate(model: nn.Module, loader):
            for batch in loader:
                model(batch)

        def validate(model: nn.Module, loader):
            with torch.inference_mode():
                for batch in loader:
                    model(batch)

        def evaluate_attack(model: nn.Module, loader):
            for batch in loader:
                torch.autograd.grad(model(batch).sum(), batch)

        def predict(model: nn.Module, batch):
            torch.set_grad_enabled(False)
            return model(batch)

        def evaluate_actions(policy: nn.Module, states, actions):
            return policy(states)

        def build_validation_model(model: nn.Module):
            return model(1)

        class Forces(nn.Module):
            def evaluate(self, positions):
                return self.energy_model(positions)
    """
    assert flagged(source, "PC801") == set()


def test_a_decorator_of_the_projects_own_may_switch_autograd_off() -> None:
    source = """
        import torch

        def smart_inference_mode():
            def decorate(function):
                return torch.inference_mode()(function)
            return decorate

        class Predictor:
            @smart_inference_mode()
            def stream(self, images):
                return self.inference(images)

            def inference(self, images):
                return self.model(images)
    """
    assert flagged(source, "PC801") == set()
    assert flagged(source.replace("@smart_inference_mode()", "@torch.compile"), "PC801") == {
        ("PC801", 13), ("PC801", 14)
    }  # fmt: skip


def test_an_encoder_of_the_projects_own_may_switch_autograd_off_itself() -> None:
    source = """
        import torch

        class TextModel:
            @torch.no_grad()
            def encode_text(self, tokens):
                return self.net(tokens)

        class Search:
            def __init__(self, path):
                self.model = load(path)

            def features(self, tokens):
                return self.model.encode_text(tokens).cpu().numpy()
    """
    assert flagged(source, "PC801", "PC811") == set()
    assert flagged(source.replace("@torch.no_grad()", "@staticmethod"), "PC801")


def test_a_model_that_is_forgotten_beside_one_that_runs_without_a_graph() -> None:
    source = """
        import torch

        def encode_batch(vae, items, images, mask):
            with torch.no_grad():
                latents = vae.encode(images)
            if mask is not None:
                shown = vae.encode(images * mask)
            for item, latent, part in zip(items, latents, shown):
                item.put(latent, part)

        def speak(text, synthesizer_path, vocoder_path):
            vocoder = torch.load(vocoder_path).eval()
            vocoder.eval()
            model = torch.load(synthesizer_path)
            with torch.no_grad():
                mels = model(text)
            audio = vocoder.infer(mels)
            return audio.cpu().numpy()

        def predicted(unet, text_encoder, tokens, noisy):
            with torch.no_grad():
                states = text_encoder(tokens)
            return unet(noisy, states)

        def train(vae, unet, images):
            with torch.no_grad():
                latents = vae.encode(images)
            loss = unet(vae.encode(images), latents).mean()
            return loss.cpu()
    """
    assert flagged(source, "PC801") == {("PC801", 7), ("PC801", 17)}


def test_a_model_that_a_file_keeps_for_all_calls() -> None:
    source = """
        from transformers import CLIPVisionModel

        model = None

        def features(images):
            global model
            if model is None:
                model = CLIPVisionModel.from_pretrained("clip")
            return model(images).last_hidden_state
    """
    assert flagged(source, "PC801") == {("PC801", 5), ("PC801", 9)}


def test_averages_of_live_parameters() -> None:
    source = """
        import torch

        class Average:
            def update(self, model):
                for name, parameter in model.named_parameters():
                    self.shadow[name] = 0.9 * self.shadow[name] + (1 - 0.9) * parameter
                for name, parameter in model.named_parameters():
                    self.shadow[name].mul_(0.9).add_(parameter.detach(), alpha=1 - 0.9)
                for mean, parameter in zip(self.means, model.parameters()):
                    mean.lerp_(parameter.data, 0.1)
                for mean, parameter in zip(self.means, model.parameters()):
                    mean.lerp_(parameter, 0.1)

            @torch.no_grad()
            def step(self, model):
                for mean, parameter in zip(self.means, model.parameters()):
                    mean.lerp_(parameter, 0.1)
    """
    assert flagged(source, "PC812") == {("PC812", 6), ("PC812", 12)}


def test_forward_passes_that_are_detached() -> None:
    source = """
        import torch
        from torch import nn

        def train(teacher: nn.Module, student: nn.Module, loader):
            for images in loader:
                target = teacher(images)[0].mean(dim=1).detach()
                with torch.no_grad():
                    known = teacher(images).detach()
                output = student(images)
                kept = output.detach()
                student.loss(output, target, known, kept).backward()
    """
    assert flagged(source, "PC811") == {("PC811", 6)}


@pytest.mark.parametrize(("mode", "told"), [("torch.inference_mode()", False), ("timer()", True)])
def test_helpers_that_run_a_model_in_a_function_of_their_own(mode: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Baseline:
            def rollout(self, policy: nn.Module, loader):
                def run(batch):
                    with {mode}:
                        return policy(batch)
                self.policy.eval()
                return torch.cat([run(batch) for batch in loader])

            def train_step(self, policy, loader):
                return self.rollout(policy, loader).detach()
    """
    assert bool(flagged(source, "PC811")) is told


def test_forward_passes_of_which_only_a_choice_is_kept() -> None:
    source = """
        from torch import nn

        class Agent:
            def __init__(self, policy: nn.Module, critic: nn.Module):
                self.policy, self.critic = policy, critic

            def train_step(self, states):
                actions = self.policy(states).argmax(dim=1)
                worth = self.critic(states).data
                seen = self.critic(states).mean().item()
                return nn.functional.cross_entropy(self.policy(states), actions), worth, seen
    """
    assert flagged(source, "PC811") == {("PC811", line) for line in (8, 9, 10)}
    elsewhere = (
        "\n        def run(agent, states):\n            with torch.no_grad(): agent.train_step(states)\n"
    )
    assert flagged("        import torch" + source + elsewhere, "PC811") == set()


def test_what_a_rollout_calls_with_autograd_off_records_no_graph() -> None:
    source = """
        import torch
        from torch import nn
        class Agent:
            def __init__(self, policy: nn.Module):
                self.policy = policy
            def act(self, x):
                return self.choose(x)
            def choose(self, x):
                return self.policy(x).detach()
        class Runner:
            def __init__(self, env, policy: nn.Module):
                self.env, self.agent = env, Agent(policy)
            def learn(self, x):
                with torch.inference_mode():
                    for _ in range(self.max_steps):
                        x = self.env.step(self.agent.act(x))
    """
    assert flagged(source, "PC811") == set()
    on = source.replace("torch.inference_mode()", "self.timer")
    assert flagged(on, "PC811") == {("PC811", 8), ("PC811", 9)}
    both = source.rstrip() + "\n                x = self.env.step(self.agent.act(x))\n"
    assert flagged(both, "PC811") == {("PC811", 9)}


def test_teachers_whose_output_is_detached_on_its_way_into_the_loss() -> None:
    source = """
        import torch.nn.functional as F
        from torch import nn
        class Distill(nn.Module):
            def __init__(self, teacher, student):
                super().__init__()
                self.teacher, self.student = teacher, student
            def forward(self, x, t):
                soft = self.teacher(x)
                hard = self.student(x)
                return F.kl_div(hard, F.softmax(soft / t, dim=-1).detach())
    """
    assert flagged(source, "PC811") == {("PC811", 8)}
    kept = source.replace("return", "self.last = soft;return")
    assert flagged(kept, "PC811") == set()
    trained = source.replace("self.teacher(x)", "self.first(x)")
    assert flagged(trained, "PC811") == set()


def test_hidden_states_of_which_the_last_is_used() -> None:
    source = """
        import torch

        def embed(model, ids, layers):
            last = model(ids, output_hidden_states=True)
            first = model(ids, output_hidden_states=True)
            given = model(ids, output_hidden_states=True)
            if layers:
                branch = model(ids, output_hidden_states=True)
                last = branch.logits
            else:
                branch = model(ids)
                last = branch.hidden_states[0]
            return last.hidden_states[-1], first.hidden_states[1], given
    """
    assert flagged(source, "PC907") == {("PC907", 8)}


SCRIPT = """
        import torch

        def main(model, teacher, train_loader, eval_loader, optimizer, epochs):
            for epoch in range(epochs):
                model.train()
                for images, labels in train_loader:
                    model(images, labels).backward()
                    optimizer.step()
                {switch}
                {work}
"""
LOOP = "for images, labels in {data}:\n                    score(model(images), labels)"


@pytest.mark.parametrize(
    ("switch", "work", "lines"),
    [
        ("model.eval()", LOOP.format(data="eval_loader"), {11}),
        ("teacher.eval()", LOOP.format(data="eval_loader"), {11}),
        ("teacher.eval()", LOOP.format(data="train_loader"), set()),
        ("model.eval(); model.train()", LOOP.format(data="eval_loader"), set()),
        ("model.eval()", LOOP.format(data="eval_loader") + ".backward()", set()),
        ("model.eval()", LOOP.format(data="attack(eval_loader)"), set()),
        ("model.eval()", LOOP.format(data="eval_loader").replace("score", "train_step"), set()),
        ("model.eval(); torch.set_grad_enabled(False)", LOOP.format(data="eval_loader"), set()),
    ],
)
def test_evaluation_within_a_training_script(switch: str, work: str, lines: set[int]) -> None:
    assert flagged(SCRIPT.format(switch=switch, work=work), "PC801") == {("PC801", line) for line in lines}


def test_features_collected_with_autograd_on() -> None:
    source = """
        import torch

        class Store:
            def get_activations(self, tokens):
                return self.model.run_with_cache(tokens)[1]

            @torch.no_grad()
            def get_embeddings(self, tokens):
                return self.model(tokens)

            def extract_features(
                self,
                tokens,
            ):
                return self.model(tokens)
    """
    assert flagged(source, "PC801") == {("PC801", line) for line in (4, 5, 11, 15)}


def test_steps_that_keep_what_the_trainer_differentiates() -> None:
    source = """
        from torch import nn

        class Model(nn.Module):
            def training_step(self, batch, batch_idx):
                loss = self(batch)
                self.losses.append(loss)
                self.numbers.append(loss.detach())
                return {"loss": loss}

            def validation_step(self, batch, batch_idx):
                loss = self(batch)
                self.losses.append(loss)
                return loss
    """
    assert flagged(source, "PC902") == {("PC902", 6)}


def test_losses_that_a_step_of_the_project_returns() -> None:
    source = """
        from torch import nn

        class Trainer:
            def train_step(self, batch):
                loss = nn.functional.mse_loss(self.model(batch), batch)
                loss.backward()
                return loss

            def fit(self, loader):
                total, rest, kept = 0.0, 0.0, []
                for batch in loader:
                    total += self.train_step(batch)
                    loss = self.train_step(batch)
                    kept.append(loss)
                    rest += self.train_step(batch).item()
    """
    assert flagged(source, "PC901") | flagged(source, "PC902") == {("PC901", 12), ("PC902", 14)}


def test_meters_that_are_fed_with_a_graph() -> None:
    source = """
        class AverageMeter:
            def update(self, value, count=1):
                self.total += value * count

        class Numbers:
            def update(self, value, count=1):
                self.total += value.item() * count

        def fit(model, loader, optimizer):
            losses, loss_numbers = AverageMeter(), Numbers()
            for batch in loader:
                loss = model(batch)
                loss.backward()
                optimizer.step()
                losses.update(loss, 4)
                losses.update(loss.detach(), 4)
                loss_numbers.update(loss, 4)
    """
    assert flagged(source, "PC902") == {("PC902", 15)}


def test_meters_that_a_training_method_feeds() -> None:
    source = """
        class AverageMeter:
            def update(self, value, count=1):
                self.total += value * count

        class Trainer:
            def __init__(self, model, optimizer):
                self.model, self.optimizer = model, optimizer
                self.loss_log = AverageMeter()

            def train_batch(self, images):
                loss = self.model(images).mean()
                self.loss_log.update(loss, len(images))
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.loss_log.update(loss.item(), len(images))
    """
    assert flagged(source, "PC902") == {("PC902", 12)}


def test_scripts_that_load_a_model() -> None:
    source = """
        import torch
        from transformers import AutoModel
        from net import Net

        def embed(image):
            model = Net()
            model.load_state_dict(torch.load("net.pt"))
            model.to("cuda").eval()
            model(torch.zeros_like(image))
            return model(image)

        def main(inputs) -> None:
            model = AutoModel.from_pretrained("bert-base-uncased").to("cuda")
            print(model(**inputs))

        def shapes(image):
            model = Net()
            return model(image).shape
    """
    assert flagged(source, "PC801") == {("PC801", 10), ("PC801", 14)}
    assert flagged(source + "\n        def train(loss): loss.backward()", "PC801") == set()


def test_outputs_for_all_data_gathered_with_their_graphs() -> None:
    source = """
        import torch

        def index(model, loader):
            parts = []
            for batch in loader:
                output = model(batch.cuda())
                parts.append(output.pooler_output.cpu())
            return torch.cat(parts)

        def detached(model, images):
            parts = []
            for image in images:
                parts.append(model.encode_image(image).detach())
            return torch.cat(parts)

        def in_chunks(model, x):
            parts = []
            for part in x.split(4):
                parts.append(model(part))
            return torch.cat(parts)

        def learnt(model, batches, criterion):
            parts = []
            for batch in batches:
                parts.append(model(batch))
            return criterion(torch.cat(parts))
    """
    assert flagged(source, "PC801") == {("PC801", 3), ("PC801", 6)}


def test_a_prediction_between_training_steps() -> None:
    source = """
        class Wrapper:
            def begin_update(self, ids, drop):
                if drop is None:
                    self._model.eval()
                    outputs = self._model(ids)
                else:
                    self._model.train()
                    outputs = self._model(ids)
                return outputs

            def attack(self, image, loss):
                self._model.eval()
                outputs = self._model(image)
                loss(outputs).backward()
    """
    assert flagged(source, "PC801") == {("PC801", 5)}


def test_models_of_another_library() -> None:
    source = """
        from statsforecast.models import AutoARIMA
        class Forecaster:
            def _predict(self, series, horizon):
                return self.model.forward(y=series, h=horizon)
    """
    assert flagged(source, "PC801") == set()
    assert flagged(source + "            import torch", "PC801") == {("PC801", 3), ("PC801", 4)}


def test_targets_of_temporal_differences() -> None:
    source = """
        import torch

        class Learner:
            def learn(self, states, next_states, rewards):
                rest = self.model.q_loss_fn(states, next_states)
                next_actions = self.actor_target(next_states)
                target = rewards + self.gamma * self.critic_target(next_states, next_actions)
                loss = (self.critic(states) - target).square().mean()
                loss.backward()

            def update_actor(self, next_states, rewards):
                loss = -(rewards + self.gamma * self.critic(next_states)).mean()
                loss.backward()

            def compute_target(self, batch):
                return self.value_network(batch.next_observations)

            def imagined(self, next_states):
                return self.policy(next_states)

            def both(self, states, next_states, rewards):
                values = self.critic(torch.cat((states, next_states)))
                loss = (values[0] - rewards - self.gamma * values[1].detach()).square().mean()
                loss.backward()
    """
    assert flagged(source, "PC815") == {("PC815", 6), ("PC815", 7), ("PC815", 16)}
    frozen = "\n        def freeze(critic_target): critic_target.requires_grad_(False)"
    assert flagged(source + frozen, "PC815") == {("PC815", 16)}


def test_targets_by_what_ends_an_episode() -> None:
    source = """
        import torch
        from torch.nn import functional as F

        class DQN:
            def update(self, s, a, r, s2, done):
                q = self.policy_net(s).gather(1, a)
                target = r + 0.99 * self.target_net(s2).max(1)[0] * (1 - done)
                F.mse_loss(q, target.unsqueeze(1)).backward()

            def distance(self, s, s2):
                F.mse_loss(self.policy_net(s), self.target_net(s2)).backward()
    """
    assert flagged(source, "PC815") == {("PC815", 7)}


def test_classes_that_serve_a_model() -> None:
    source = """
        import torch
        from torch import nn

        class Encoder:
            def __init__(self, model: nn.Module) -> None:
                self.model = model
                self.model.eval()

            def encode(self, image):
                return self.model(image.to("cuda")).cpu()

        class Wrapper:
            def __init__(self, model: nn.Module) -> None:
                self.model = model

            def encode(self, image):
                return self.model(image.to("cuda")).cpu()

        class PerceptualLoss:
            def __init__(self, model: nn.Module) -> None:
                self.model = model.eval()

            def __call__(self, image, target):
                return (self.model(image) - self.model(target)).square().mean()
    """
    assert flagged(source, "PC801") == {("PC801", 9), ("PC801", 10)}
    trains = (
        source
        + """
        def train(encoder):
            encoder.model.train()
    """
    )
    assert flagged(trains, "PC801") == set()


def test_decoding_loops() -> None:
    source = """
        import torch
        from torch import nn

        class Language(nn.Module):
            def forward(self, tokens):
                return self.head(tokens)

            def sample_tokens(self, tokens, count: int):
                for _ in range(count):
                    logits = self(tokens)[:, -1]
                    picked = torch.multinomial(logits.softmax(-1), 1)
                    tokens = torch.cat([tokens, picked], dim=1)
                return tokens

            def decode(self, tokens, targets, count: int):
                for step in range(count):
                    logits = self(tokens)[:, -1]
                    tokens = targets[:, step] if self.training else logits.argmax(-1)
                return tokens

        def greedy(model: nn.Module, tokens, count: int):
            for _ in range(count):
                tokens = torch.cat([tokens, model(tokens).argmax(-1)[:, -1:]], dim=1)
            return tokens

        @torch.no_grad()
        def beam_search(model: nn.Module, tokens, count: int):
            for _ in range(count):
                tokens = torch.cat([tokens, model(tokens).argmax(-1)[:, -1:]], dim=1)
            return tokens
    """
    found = flagged(source, "PC801") | flagged(source, "PC813")
    assert found == {("PC813", 8), ("PC813", 10), ("PC801", 21), ("PC801", 23)}


def test_what_a_framework_calls_with_autograd_off_is_not_told() -> None:
    source = """
        from torch import nn

        class Head(nn.Module):
            def __init__(self):
                super().__init__()
                self.scores = nn.Linear(4, 4)

            def predict(self, x):
                return self.scores(x)
    """
    assert flagged(source, "PC813")
    assert not flagged("        import mmengine\n" + source, "PC813")


def test_what_a_class_predicts_is_told_where_it_does() -> None:
    source = """
        class Tagger:
            def __init__(self, path):
                self.model = AutoModel.from_pretrained(path)
                self.model.eval()

            def __call__(self, texts):
                return self.predict(texts)

            def predict(self, texts):
                return self.model(texts)
    """
    assert flagged("        import torch" + source, "PC801") == {("PC801", 10), ("PC801", 11)}


def test_what_another_object_predicts_is_told_where_it_does() -> None:
    source = """
        import torch
        from torch import nn

        class Forecaster:
            def __init__(self, net: nn.Module):
                self.net = net

            def predict(self, x):
                return self.net(x)

        def predict_all(net, x):
            return Forecaster(net).predict(x)
    """
    assert flagged(source, "PC801") == {("PC801", 8), ("PC801", 9)}


@pytest.mark.parametrize(
    ("forward", "trains"),
    [("return self.predict(x)", True), ("return self.predict(x) if not self.training else x", False)],
)
def test_predictions_that_are_trained(forward: str, trains: bool) -> None:
    source = f"""
        from torch import nn

        class Decoder(nn.Module):
            def __init__(self):
                super().__init__()
                self.pixels = nn.Linear(4, 4)

            def forward(self, x):
                {forward}

            def predict(self, x):
                return self.pixels(x)
    """
    assert bool(flagged(source, "PC813")) is not trains


def test_evaluation_whose_caller_switches_autograd_off() -> None:
    source = """
        import torch

        def detect(model, images):
            model.eval()
            for image in images:
                show(model(image))

        if __name__ == "__main__":
            {block}:
                detect(load(), read())
    """
    assert flagged(source.format(block="with torch.no_grad()"), "PC801") == set()
    assert flagged(source.format(block="if ready()"), "PC801") == {("PC801", 3), ("PC801", 6)}


def test_log_probabilities_of_which_one_is_gathered() -> None:
    source = """
        import torch
        import torch.nn.functional as F
        from torch import nn

        class Trainer(nn.Module):
            def compute_loss(self, logits, labels):
                return F.log_softmax(logits, dim=-1).gather(2, labels.unsqueeze(2)).squeeze(2)

            def training_step(self, logits, input_ids):
                log_probs = logits.log_softmax(-1)
                entropy = -(log_probs.exp() * log_probs).sum(-1)
                return torch.gather(log_probs, -1, input_ids.unsqueeze(-1)), entropy

            def train_step(self, logits, actions):
                return logits.log_softmax(-1).gather(1, actions)

            def eval_step(self, logits, labels):
                rows = []
                for row, label in zip(logits, labels):
                    rows.append(row.log_softmax(-1).gather(1, label.unsqueeze(1)))
                return torch.stack(rows)
    """
    assert flagged(source, "PC909") == {("PC909", 7)}


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ("self.running_mean.mul_(0.9).add_(mean * 0.1)", True),
        ("self.running_mean = 0.9 * self.running_mean + 0.1 * mean", True),
        ("self.running_mean.lerp_(mean.detach(), 0.1)", False),
        ("self.running_mean.data.mul_(0.9).add_(mean * 0.1)", False),
        ("self.usage.add_(x.argmax(-1))", False),
        ("self.offset.add_(mean)", False),
        ("with torch.no_grad(): self.running_mean.lerp_(mean, 0.1)", False),
    ],
)
def test_statistics_written_into_buffers(update: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Norm(nn.Module):
            def forward(self, x):
                mean = x.mean(0)
                if self.training:
                    {update}
                return x - mean
    """
    assert bool(flagged(source, "PC903")) is told


def test_models_handed_to_what_runs_them() -> None:
    source = """
        import torch

        class Trainer:
            def run_epoch(self, data, model):
                for images in data:
                    self.report(model(images))

            def save(self, path, model):
                torch.save(model.state_dict(), path)

            def test(self, data, model):
                model.eval()
                self.save("best.pt", model)
                return self.run_epoch(data, model)
    """
    assert ("PC801", 14) in flagged(source, "PC801")
    assert ("PC801", 13) not in flagged(source, "PC801")


def test_lists_that_are_kept_for_nobody() -> None:
    source = """
        import torch

        def run(model, images: torch.Tensor, wanted):
            kept, read, asked, numbers = [], [], [], []
            for image in images:
                image = image.cuda()
                output = model(image)
                kept.append(image)
                read.append(image)
                numbers.append(1)
                if wanted:
                    asked.append(output)
            if not wanted:
                asked = None
            return torch.cat(read), asked
    """
    assert flagged(source, "PC910") == {("PC910", 8)}


@pytest.mark.parametrize(("decorator", "told"), [("", True), ("@torch.no_grad()", False)])
def test_evaluation_steps_of_what_trains(decorator: str, told: bool) -> None:
    source = f"""
        import torch

        class Agent:
            def train_step(self, batch):
                self.model(batch).mean().backward()

            {decorator}
            def eval_step(self, batch):
                return self.model(batch)

            def act(self, batch, training):
                if training:
                    return self.train_step(batch)
                return self.eval_step(batch)
    """
    assert (("PC801", 14) in flagged(source, "PC801")) is told


def test_a_few_operators_are_no_graph_to_speak_of() -> None:
    source = """
        from torch import nn
        class Gates(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
            def clamped(self, x):
                return x.clamp(0, 1) * 2
            def encoded(self, x):
                return self.net(x) * 2
            def forward(self, x):
                return self.clamped(x).detach(), self.encoded(x).detach()
    """
    assert [finding.place.column for finding in found(source, "PC811")] == [42]


def test_evaluation_steps_of_a_trainer() -> None:
    source = """
        class Trainer:
            def _train_step(self, batch):
                self.model(batch).backward()
            def _eval_epoch(self):
                for batch in self.loaders["dev"]:
                    self._eval_step(batch)
            def _train_epoch(self):
                for batch in self.loaders["train"]:
                    self._train_step(batch)
            def _eval_step(self, batch):
                return self.model(batch)
            def _test_step(self, split):
                self.model.eval()
                return_mask = self.data.train_mask
                logits = self.model.predict(self.data.x)
                return logits, return_mask
    """
    assert flagged(source, "PC801") == {("PC801", 6), ("PC801", 15)}
    quiet = source.replace("def _eval_step", "@torch.no_grad()\n            def _eval_step")
    assert flagged(quiet, "PC801") == {("PC801", 16)}


def test_logits_of_which_the_last_are_used() -> None:
    source = """
        import torch
        from torch import nn
        class Model(nn.Module):
            def forward(self, x, labels):
                last = self.lm_head(x)[:, -1, :]
                logits = self.lm_head(x)
                logits = logits[:, -1].float()
                others = self.lm_head(x)
                loss = others.sum()
                first = self.lm_head(x)[:, 0]
                one = self.lm_head(x)[()], self.lm_head(x)[(0,)]
                return last, logits, others[:, -1], loss, first, one, self.lm_head(x)[:, -4:]
    """
    assert flagged(source, "PC911") == {("PC911", 5), ("PC911", 6)}


def test_norms_of_what_is_joined_for_them() -> None:
    source = """
        import torch
        def train(loader, model, parts):
            for batch in loader:
                model(batch).backward()
                a = torch.norm(torch.cat([p.grad.flatten() for p in model.parameters()]))
                b = torch.cat([p.grad.view(-1) for p in model.parameters()]).norm(2)
                c = torch.cat(parts).norm()
                d = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
                print(a, b, c, d)
    """
    assert flagged(source, "PC912") == {("PC912", 5), ("PC912", 6)}


@pytest.mark.parametrize(
    ("returns", "rule"),
    [
        ("return loss, output", "PC901"),
        ("return loss.item(), output", None),
        ("loss = loss.detach(); return loss, output", None),
    ],
)
def test_steps_that_return_the_loss_they_went_backward_on(returns: str, rule: str | None) -> None:
    source = f"""
        def run_batch(model, criterion, optimizer, images, labels):
            optimizer.zero_grad()
            output = model(images)
            loss = criterion(output, labels)
            loss.backward()
            optimizer.step()
            {returns}

        def train(model, criterion, optimizer, loader):
            total = 0
            for images, labels in loader:
                loss, output = run_batch(model, criterion, optimizer, images, labels)
                total += loss
            return total
    """
    assert {code for code, _ in flagged(source, "PC901")} == ({rule} if rule else set())


def test_meters_are_known_by_their_class() -> None:
    source = """
        class AverageMeter:
            def update(self, value, count):
                self.total += value * count
                self.count += count

        def train(model, loader, optimizer):
            m = AverageMeter()
            for images in loader:
                loss = model(images)
                loss.backward()
                optimizer.step()
                m.update(loss, len(images))
    """
    assert flagged(source, "PC902") == {("PC902", 12)}


@pytest.mark.parametrize(
    "load",
    [
        "AutoModel.from_pretrained(path)",
        "clip.load(path)[0]",
        "open_clip.create_model_and_transforms(path)[0]",
    ],
)
@pytest.mark.parametrize("run", ["self.model(texts)", "self.model.encode_text(texts)"])
def test_models_that_a_class_loads_to_use_them(load: str, run: str) -> None:
    source = f"""
        import torch

        class Search:
            def __init__(self, path):
                self.model = {load}.to("cuda")

            def query(self, texts):
                features = {run}
                return features.cpu()
    """
    assert flagged(source, "PC801") == {("PC801", 7), ("PC801", 8)}


def test_models_of_a_file_that_serves_them() -> None:
    source = """
        import torch
        from fastapi import FastAPI

        app = FastAPI()
        model = torch.jit.load("model.pt").eval()

        @app.post("/predict")
        def predict(request: dict):
            return model(torch.tensor(request["x"], device="cuda")).tolist()

        def rank(images, other_model):
            return other_model(images)
    """
    assert flagged(source, "PC801") == {("PC801", 8), ("PC801", 9)}


def test_encoders_that_switch_autograd_off_themselves() -> None:
    source = """
        import torch
        from sentence_transformers import SentenceTransformer

        class Search:
            def __init__(self, path):
                self.model = SentenceTransformer(path).eval()

            def query(self, texts):
                return self.model.encode(texts)
    """
    assert flagged(source, "PC801") == set()


def test_latents_that_are_written_to_files() -> None:
    source = """
        import torch

        def cache_latents(vae, dataset, folder):
            for item in dataset:
                latent = vae.encode(item["image"].to("cuda")).latent_dist.mode()
                torch.save(latent.cpu(), folder / item["name"])

        def train(vae, dataset, folder):
            for item in dataset:
                loss = vae.encode(item["image"].to("cuda")).loss
                loss.backward()
                torch.save(loss.cpu(), folder / item["name"])
    """
    assert flagged(source, "PC801") == {("PC801", 3), ("PC801", 5)}


@pytest.mark.parametrize(
    ("signature", "told"),
    [
        ("sample(self, x, steps)", True),
        ("mix(self, x, steps)", False),
    ],
)
def test_loops_over_time_that_denoise(signature: str, told: bool) -> None:
    source = f"""
        import torch
        from torch import nn

        class Diffusion(nn.Module):
            def __init__(self, net: nn.Module) -> None:
                super().__init__()
                self.net = net

            def forward(self, x, t):
                return self.net(x, t)

            def {signature}:
                for step in reversed(range(steps)):
                    noise = self.net(x, step)
                    x = x - noise
                return x
    """
    assert bool(flagged(source, "PC813")) is told


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (
            "values = self.net(state); _, best = torch.max(values, dim=1); return best.detach().numpy()",
            True,
        ),
        ("values = self.q_network(state); action = values.max(1)[1]; return action.item()", True),
        ("values = self.net(state); self.values.append(values); return values.argmax(1).item()", False),
    ],
)
def test_actions_that_nobody_differentiates(act: str, told: bool) -> None:
    source = f"""
        import torch

        class Agent:
            def act(self, state: torch.Tensor):
                state = state.unsqueeze(0)
                {act}

        def play(env, agent: Agent):
            while True:
                env.step(agent.act(env.state))
    """
    assert bool(flagged(source, "PC811")) is told


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (
            "hits = output.argmax(1); sure = torch.softmax(output, 1).detach(); total += hits.sum()",
            True,
        ),
        ("scaled = output / output.norm(); total += scaled.detach().sum()", True),
        ("total += output.argmax(1).sum(); loss = criterion(output)", False),
        ("self.last = output; total += output.detach().sum()", False),
    ],
)
def test_outputs_of_which_all_that_is_made_is_detached(use: str, told: bool) -> None:
    source = f"""
        import torch

        def score(model: torch.nn.Module, loader, criterion, total):
            for images in loader:
                output = model(images)
                {use}
            return total
    """
    assert flagged(source, "PC811") == ({("PC811", 5)} if told else set())


@pytest.mark.parametrize(
    ("keeps", "told"),
    [
        ("self.rollouts.insert(self.obs, actions, values)", True),
        ("self.log_probs.append(values)", False),
        ("self.rollouts.insert(self.obs, actions, values); values.mean().backward()", False),
    ],
)
def test_rollouts_into_a_buffer(keeps: str, told: bool) -> None:
    source = f"""
        class Runner:
            def collect(self):
                for step in range(self.steps):
                    actions, values = self.policy(self.obs)
                    self.obs, rewards = self.env.step(actions)
                    {keeps}
    """
    assert flagged(source, "PC801") == ({("PC801", 4)} if told else set())


@pytest.mark.parametrize(
    ("keeps", "rule"),
    [
        ("self.total += loss", "PC901"),
        ("self.losses.append(loss)", "PC902"),
        ("self.history['loss'].append(loss)", "PC902"),
        ("self.losses.append(loss.detach())", None),
        ("self.losses = []; self.losses.append(loss)", None),
        ("losses.append(loss)", None),
    ],
)
def test_methods_that_go_backward_and_keep_the_loss(keeps: str, rule: str | None) -> None:
    source = f"""
        class Agent:
            def learn(self, batch, losses):
                loss = self.compute_loss(batch)
                loss.backward()
                self.optimizer.step()
                {keeps}
    """
    assert flagged(source, "PC901", "PC902") == ({(rule, 6)} if rule else set())


@pytest.mark.parametrize(("switch", "lines"), [("with torch.no_grad():", ()), ("with self.lock:", (16, 17))])
def test_hooks_of_a_base_class_that_is_called_without_autograd(switch: str, lines: tuple[int, ...]) -> None:
    source = """
        import torch
        from abc import abstractmethod

        class Learner:
            @final
            def predict_best(self, x):
                return self.inner_predict_best(x)

            @abstractmethod
            def inner_predict_best(self, x): ...

        class Cloner(Learner):
            def __init__(self, model: torch.nn.Module):
                self.model = model

            def inner_predict_best(self, x):
                return self.model(x).argmax(dim=1)

        class Agent:
            def act(self, x):
                {switch}
                    return self._learner.predict_best(x)
    """
    assert flagged(source.format(switch=switch), "PC801") == {("PC801", line) for line in lines}
    of_every_model = source.replace(" predict_best(", " train(").replace(".predict_best(", ".train(")
    assert flagged(of_every_model.format(switch=switch), "PC801")


@pytest.mark.parametrize(("base", "lines"), [("object", (12, 13)), ("torch.utils.data.Dataset", ())])
def test_models_that_data_sets_prepare_their_samples_with(base: str, lines: tuple[int, ...]) -> None:
    source = """
        import torch
        from torch import nn

        class Signals({base}):
            def __init__(self, path):
                self.encoder = nn.Linear(4, 4)
                self.encoder.load_state_dict(torch.load(path))

            def encode(self, x):
                return self.encoder(x)

            def __getitem__(self, i):
                return self.encode(self.rows[i])
    """
    assert flagged(source.format(base=base), "PC801") == {("PC801", line) for line in lines}


@pytest.mark.parametrize(("name", "found"), [("tokenizer", False), ("codec", True)])
def test_what_is_loaded_to_read_texts_is_no_model(name: str, found: bool) -> None:
    source = """
        import torch
        from lib import load_codec

        def main(prompt, checkpoint):
            {name} = load_codec(checkpoint)
            return {name}.encode(torch.tensor(prompt, device="cuda"))
    """
    assert flagged(source.format(name=name), "PC801") == ({("PC801", 6)} if found else set())


READ_OUT = """
        import torch
        from torch import nn

        def rank(scorer: nn.Module, pairs, seen):
            kept, worth = [], 0.0
            for pair in pairs:
                score = scorer(pair)
                worth += score.mean().item()
                {use}
            return kept, worth
"""


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("kept.append(int(score.argmax()))", True),
        ("kept += [pair] if score.max() > 0.5 else []", True),
        ("kept.append(pair[score.argsort()])", True),
        ("best, place = score.max(dim=1); kept.append(place)", True),
        ("parts = {'a': score}; worth += sum(part.item() for part in parts.values())", True),
        ("drawn = torch.distributions.Categorical(logits=score).sample(); worth += float(drawn)", True),
        ("parts = [score]; parts.append(score); kept.append(torch.cat(parts).argmax())", True),
        ("kept.append(score)", False),
        ("seen.append(score)", False),
        ("seen[pair] = score", False),
        ("parts = seen.parts; parts[pair] = score; worth += parts[pair].item()", False),
        ("seen.score = score", False),
        ("seen.store(score)", False),
        ("score.mean().backward()", False),
        ("worth += torch.autograd.grad(score.sum(), pair)[0].norm().item()", False),
        ("later = lambda: score; kept.append(later)", False),
        ("pair.requires_grad_(); kept.append(seen.step(score).item())", False),
        ("kept.append(seen.force_by_gradient(score, pair).item())", False),
        ("if pair: score = score + 1; worth += score.item()\n                kept.append(score)", False),
    ],
)
def test_what_a_loop_reads_out_of_a_model(use: str, told: bool) -> None:
    places = {line for _, line in flagged(READ_OUT.format(use=use), "PC801", "PC811")}
    assert places == ({4, 7} if told else set())


def test_values_that_are_bound_anew_are_followed_each_for_itself() -> None:
    source = """
        import torch
        from torch import nn

        class Spiking(nn.Module):
            def __init__(self, encoder: nn.Module, net: nn.Module, first: bool):
                super().__init__()
                self.encoder, self.net, self.first = encoder, net, first

            def forward(self, x):
                x = self.encoder(x)
                if self.first:
                    spikes = x.detach().clone()
                    x = spikes * 2
                x = x.reshape(-1, 4)
                return self.net(x)
    """
    assert flagged(source, "PC811") == set()
    ended = source.replace("return self.net(x)", "return self.net(x.detach())")
    assert flagged(ended, "PC811") == {("PC811", 10)}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", True),
        ("for p in model.parameters(): p.requires_grad = False", False),
        ("model.requires_grad_(False)", False),
        ("model.cuda().eval().requires_grad_(False)", False),
        ("for p in model.parameters(): p.requires_grad = True", True),
    ],
)
def test_a_frozen_model_records_nothing_of_data(said: str, told: bool) -> None:
    source = f"""
        import torch
        from net import Net

        def main(images):
            model = Net()
            model.load_state_dict(torch.load("net.pt"))
            model.eval()
            {said or "pass"}
            for image in images:
                restored = model(image)
                print(restored.mean().item())
    """
    assert bool(flagged(source, "PC801")) is told


def test_what_is_put_into_evaluation_mode_is_a_model() -> None:
    source = """
        import torch
        encoder = torch.load("encoder.pt").cuda()
        encoder.eval()

        def evaluate(loader, other):
            found = []
            for image in loader:
                seen = encoder(image)
                found.append(other(seen))
            return found
    """
    assert flagged(source, "PC801") == {("PC801", 5), ("PC801", 8)}
    assert flagged(source.replace("encoder.eval()", ""), "PC801") == set()


def test_other_methods_of_a_model_that_run_it() -> None:
    source = """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body, self.value, self.scale = nn.Linear(8, 8), nn.Linear(8, 1), 2

            def inference(self, observation):
                hidden = self.body(observation)
                return self.value(hidden), hidden

            def size(self):
                return self.scale

        class Diagnosis:
            def __init__(self):
                self.model = Net().cuda()

            def values(self, observations):
                return [self.model.inference(seen.cuda())[0].item() for seen in observations]

            def sizes(self, observations):
                return [float(self.model.size()) for seen in observations]
    """
    assert {line for _, line in flagged(source, "PC801", "PC811")} == {20, 21}


def test_autograd_switched_off_for_what_follows() -> None:
    source = """
        import torch
        from net import Net

        if __name__ == "__main__":
            torch.set_grad_enabled(False)
            model = Net()
            model.load_state_dict(torch.load("net.pt"))
            model.eval()
            for image in torch.load("images.pt"):
                print(model(image).argmax().item())
    """
    assert flagged(source, "PC801") == set()
    assert flagged(source.replace("torch.set_grad_enabled(False)", "pass"), "PC801") == {("PC801", 10)}


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("return mse(values, future)", False),  # whoever calls it may differentiate
        ("return values.cpu()", True),
        ("table.update(values)", True),
    ],
)
def test_a_model_that_also_runs_under_no_grad(end: str, told: bool) -> None:
    source = f"""
        import torch

        def double_q(states, later, net, table):
            values = net(states).gather(1, later)
            with torch.no_grad():
                future = net(later).max(1)[0]
            {end}
    """
    assert bool(flagged(source, "PC801")) is told


@pytest.mark.parametrize(
    ("base", "kept", "told"),
    [("", "model", True), ("", "other", True), ("(Base)", "model", True), ("(Base)", "other", False)],
)
def test_what_an_unknown_base_does_with_its_model_is_unknown(base: str, kept: str, told: bool) -> None:
    source = f"""
        from elsewhere import Base
        import torch

        class Learned{base}:
            def __init__(self, {kept}):
                self.{kept} = {kept}

            def model_predictions(self, x, t):
                return self.model(x, t).chunk(2, dim=1)[0]
    """
    assert bool(flagged(source, "PC801")) is told


ADVERSARIAL = """
        import torch
        from torch import nn

        class Adversaries:
            def __init__(self, generator: nn.Module, critic: nn.Module):
                self.generator, self.critic = generator, critic
                self.optimizer_c = torch.optim.Adam(self.critic.parameters())
                self.optimizer_g = torch.optim.Adam({trained})

            def update_critic(self, real, noise):
                fake = self.generator(noise)
                loss = {loss}
                {step}
"""
JUDGED = "(self.critic(real) - self.critic(fake)).mean()"
STEP = "loss.backward(); self.optimizer_c.step()"


@pytest.mark.parametrize(
    ("loss", "step", "told"),
    [
        (JUDGED, STEP, True),
        (JUDGED, "self.scaler.scale(loss).backward(); self.scaler.step(self.optimizer_c)", True),
        (JUDGED, "self.fabric.backward(loss); self.optimizer_c.step(); show(fake.detach())", True),
        ("(self.critic(real) - self.critic(fake.detach())).mean()", STEP, False),
        (JUDGED, "loss.backward(); self.optimizer_c.step(); show(real); self.optimizer_g.step()", False),
        (JUDGED, "loss.backward(retain_graph=True); self.optimizer_c.step()", False),
        (JUDGED, "loss.backward(); self.optimizer_unknown.step()", False),
        (JUDGED + " + (fake - real).square().mean()", STEP, False),
        (JUDGED, STEP + "; return fake", False),
    ],
)
def test_generators_in_the_step_of_their_critic(loss: str, step: str, told: bool) -> None:
    source = ADVERSARIAL.format(trained="self.generator.parameters()", loss=loss, step=step)
    assert flagged(source, "PC816") == ({("PC816", 11)} if told else set())


def test_generators_that_nobody_is_seen_to_train_may_be_frozen() -> None:
    assert flagged(ADVERSARIAL.format(trained="others", loss=JUDGED, step=STEP), "PC816") == set()
