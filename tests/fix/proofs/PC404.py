"""Pinned batches that are only copied."""

import torch
from example import embed
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

GONE = ("host-sync",)


def train(model: nn.Module, dataset: TensorDataset, optimizer):
    device = torch.device("cuda")
    losses = torch.zeros((), device=device)
    for images, labels in DataLoader(dataset, batch_size=3, pin_memory=True):
        count = images.shape[0]
        with torch.no_grad():
            images = images.to(device)  # PC404
        loss = nn.functional.cross_entropy(model(images), labels.to(device)) * count  # PC404
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += loss.detach()
    return losses


def run():
    model = nn.Linear(4, 3).to("cuda")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    images, labels = torch.randn(11, 4), torch.randint(3, (11,))
    found = [train(model, TensorDataset(images, labels), optimizer), list(model.parameters())]
    return [*found, embed(model, images), images]
