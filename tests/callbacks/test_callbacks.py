"""The callbacks with the real libraries, under ``perfcheck trace`` on an emulated GPU."""

import json
from pathlib import Path

import pytest

from tests.cli.command import perfcheck

pytest.importorskip("torch")

LIGHTNING = """
import logging, warnings
import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset
from perfcheck.callbacks.lightning import PerfcheckCallback

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Net(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 2)

    def training_step(self, batch, index):
        x, y = batch
        loss = torch.nn.functional.cross_entropy(self.layer(x), y)
        self.seen = loss.item()
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


data = TensorDataset(torch.randn(20, 8), torch.randint(0, 2, (20,)))
trainer = pl.Trainer(
    max_epochs=1, accelerator="gpu", devices=1, logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False, callbacks=[PerfcheckCallback()],
)
trainer.fit(Net(), DataLoader(data, batch_size=4))
print("done")
"""

TRANSFORMERS = """
import torch, transformers
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
from perfcheck.callbacks.transformers import PerfcheckCallback

transformers.logging.set_verbosity_error()
model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=1, n_head=2))
data = [{"input_ids": row, "labels": row} for row in torch.randint(0, 32, (12, 8))]
arguments = TrainingArguments(
    output_dir="out", per_device_train_batch_size=4, num_train_epochs=2, report_to=[], save_strategy="no",
    logging_strategy="no", disable_tqdm=True,
)
Trainer(model=model, args=arguments, train_dataset=data, callbacks=[PerfcheckCallback()]).train()
print("done")
"""


@pytest.mark.parametrize(
    ("library", "script", "steps"), [("lightning", LIGHTNING, 5), ("transformers", TRANSFORMERS, 6)]
)
def test_a_training_step_is_a_step(library: str, script: str, steps: int, tmp_path: Path) -> None:
    pytest.importorskip(library)
    (tmp_path / "train.py").write_text(script)
    ran = perfcheck(
        "trace", "--device=emulated", "-o", "out.json", "--output-format=json", "train.py", cwd=tmp_path
    )
    assert ran.code in (0, 1), ran.err
    assert ran.out.splitlines()[-1] == "done" or "done" in ran.out
    run = json.loads((tmp_path / "out.json").read_text())["run"]
    assert (run["steps"], run["steps_from"]) == (steps, "call")
