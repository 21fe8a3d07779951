"""Libraries that train: the values of the CPU. Each is tried where it is installed."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch")

from tests.emulated.scripts import run

TRANSFORMERS = """
import torch, transformers as t
t.logging.set_verbosity_error()
device = "cuda" if torch.cuda.is_available() else "cpu"
words = dict(vocab_size=97, bos_token_id=0, pad_token_id=0, eos_token_id=1)
small = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
gpt2 = dict(n_layer=2, n_head=2, n_embd=32, n_positions=64)
t5 = dict(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0)
torch.manual_seed(0)
for model in (
    t.GPT2LMHeadModel(t.GPT2Config(**words, **gpt2)),
    t.LlamaForCausalLM(t.LlamaConfig(**words, **small, num_key_value_heads=1)),
    t.BertForMaskedLM(t.BertConfig(**words, **small)),
    t.T5ForConditionalGeneration(t.T5Config(**words, **t5)),
    t.ViTForImageClassification(t.ViTConfig(**small, image_size=32, patch_size=8, num_labels=5)),
):
    model = model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, foreach=True)
    for step in range(2):
        ids = torch.randint(2, 95, (4, 12))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}
        if "ViT" in type(model).__name__:
            inputs = {"pixel_values": torch.randn(4, 3, 32, 32), "labels": torch.randint(5, (4,))}
        loss = model(**{name: value.to(device) for name, value in inputs.items()}).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        print(type(model).__name__, loss.item())
    if model.can_generate():
        for options in ({"do_sample": False}, {"do_sample": True, "top_k": 20}, {"num_beams": 2}):
            print(model.eval().generate(ids[:2].to(device), max_new_tokens=6, **options).tolist())
"""

TRAINER = """
import os, tempfile, torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, logging, set_seed
logging.set_verbosity_error()

class Words(Dataset):
    def __init__(self, length):
        self.length = length
    def __len__(self):
        return self.length
    def __getitem__(self, index):
        ids = torch.randint(2, 95, (12,), generator=torch.Generator().manual_seed(index))
        return {"input_ids": ids, "labels": ids}

def accuracy(found):
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}

set_seed(0)
model = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=32, vocab_size=97, n_positions=64))
folder = tempfile.mkdtemp()
arguments = TrainingArguments(
    folder, per_device_train_batch_size=4, num_train_epochs=2, eval_strategy="epoch", save_strategy="epoch",
    report_to=[], disable_tqdm=True, load_best_model_at_end=True, logging_strategy="no",
)
trainer = Trainer(model, arguments, train_dataset=Words(16), eval_dataset=Words(8), compute_metrics=accuracy)
print("trained", trainer.train().training_loss)
metrics = trainer.evaluate()
print(metrics["eval_loss"], metrics["eval_accuracy"])
again = Trainer(model, arguments, train_dataset=Words(16), eval_dataset=Words(8))
print("resumed", again.train(resume_from_checkpoint=os.path.join(folder, "checkpoint-4")).training_loss)
"""

TIMM = """
import torch, timm
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
for name, options in ("resnet18", {}), ("vit_tiny_patch16_224", {"img_size": 64}), ("efficientnet_b0", {}):
    model = timm.create_model(name, num_classes=10, **options).to(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, foreach=True)
    for step in range(2):
        images, labels = torch.randn(4, 3, 64, 64).to(device), torch.randint(10, (4,)).to(device)
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(name, loss.item())
"""

LIGHTNING = """
import logging, tempfile, warnings, torch, lightning
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    def training_step(self, batch, index):
        loss = nn.functional.cross_entropy(self.layers(batch[0]), batch[1])
        self.log("train", loss)
        return loss
    def validation_step(self, batch, index):
        self.log("validation", nn.functional.cross_entropy(self.layers(batch[0]), batch[1]))
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2, foreach=True)

lightning.seed_everything(0)
data = TensorDataset(torch.randn(64, 8), torch.randint(2, (64,)))
trainer = lightning.Trainer(
    max_epochs=2, accelerator="auto", devices=1, logger=False, enable_progress_bar=False,
    enable_model_summary=False, default_root_dir=tempfile.mkdtemp(),
)
trainer.fit(model := Model(), DataLoader(data, 16, shuffle=True), DataLoader(data, 32))
print({name: value.item() for name, value in trainer.callback_metrics.items()})
"""

SCRIPTS = {
    "transformers": (TRANSFORMERS, ("transformers",)),
    "trainer": (TRAINER, ("transformers", "accelerate")),
    "timm": (TIMM, ("timm", "torchvision")),
    "lightning": (LIGHTNING, ("lightning",)),
}


def test_prints_what_it_prints_without_a_device(tmp_path: Path) -> None:
    paths = []
    for name, (text, needed) in SCRIPTS.items():
        if all(find_spec(package) is not None for package in needed):
            paths.append(tmp_path / f"{name}_script.py")
            paths[-1].write_text(text)
    if not paths:
        pytest.skip("none of these libraries is installed")
    host, device = (json.loads(run(paths, tmp_path, emulated=e).splitlines()[-1]) for e in (False, True))
    for path in paths:
        assert _results(device[path.name]) == _results(host[path.name])
        assert device[path.name]["waits"] and not host[path.name]["waits"]


def _results(shown: Any) -> list[str]:
    """What a script prints, without what a library says about time."""
    return [line for line in shown["prints"].splitlines() if "runtime" not in line]
