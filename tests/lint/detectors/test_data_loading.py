"""What data sets and loaders do: what is flagged, and what is left alone."""

import pytest

from tests.lint.detectors.snippets import flagged, found


def test_device_copies_belong_to_the_loop() -> None:
    source = """
        import torch
        from torch.utils.data import Dataset

        class Images(Dataset):
            def __init__(self, images: torch.Tensor) -> None:
                self.images = images.to("cuda")

            def __getitem__(self, index: int) -> torch.Tensor:
                return self.images[index].to("cuda").to(torch.float32)

        def collate_fn(samples):
            return torch.stack(samples).cuda()
    """
    assert flagged(source, "PC407") == {("PC407", 9), ("PC407", 12)}


def test_setup_that_depends_on_the_sample() -> None:
    source = """
        import h5py
        import torch
        from torch.utils.data import Dataset

        class Tiles(Dataset):
            def __getitem__(self, index: int):
                path = self.paths[index]
                one = torch.load(path)
                two = torch.load(self.paths[index])
                three = torch.load(self.folder / f"{index}.pt")
                if self.file is None:
                    self.file = h5py.File(self.path)
                return one, two, three, h5py.File(self.path)["tiles"][index]
    """
    assert flagged(source, "PC408") == {("PC408", 13)}


def test_a_setting_that_the_project_never_names_is_passed_by_nobody() -> None:
    source = """
        from torch.utils.data import DataLoader

        def build_loader(dataset, workers, batch_size, **options):
            loader = DataLoader(dataset, batch_size, num_workers=workers, **options)
            return loader
    """
    assert flagged(source, "PC403") == {("PC403", 4)}
    assert (
        flagged(source + "\n        again = build_loader(data, 4, 8, persistent_workers=True)\n", "PC403")
        == set()
    )


def test_callers_may_say_how_many_workers_there_are() -> None:
    source = """
        from torch.utils.data import DataLoader

        def make_train_loader(dataset, **options):
            return DataLoader(dataset, batch_size=32, **options)
    """
    assert flagged(source, "PC401") == set()
    assert flagged(source.replace(", **options", ""), "PC401") == {("PC401", 4)}


def test_samples_that_lie_in_memory_need_no_workers() -> None:
    source = """
        from torch.utils.data import DataLoader, Dataset

        class Toy(Dataset):
            def __init__(self, x, y):
                self.x, self.y = x, y

            def __getitem__(self, index):
                return {"input": self.x[index], "target": self.y[index].float()}

        class Images(Dataset):
            def __getitem__(self, index):
                return imread(self.paths[index])

        def make_train_loader(kind, x, y):
            if kind == "toy":
                return DataLoader(Toy(x, y), batch_size=32)
            return DataLoader(Images(x), batch_size=32)
    """
    assert flagged(source, "PC401") == {("PC401", 17)}


def test_where_nobody_asks_for_workers_there_are_none_to_keep() -> None:
    source = """
        from torch.utils.data import DataLoader

        def build_loader(dataset, batch_size, num_workers=0):
            return DataLoader(dataset, batch_size, num_workers=num_workers)

        def make_loader(dataset, batch_size, *, num_workers=4):
            return DataLoader(dataset, batch_size, num_workers=num_workers)
    """
    assert flagged(source, "PC403") == {("PC403", 7)}


def test_persistent_workers_matter_when_the_loader_is_used_again() -> None:
    source = """
        from torch.utils.data import DataLoader

        def fit(model, dataset, held_out, epochs: int, **options) -> None:
            again = DataLoader(dataset, num_workers=4, pin_memory=True)
            kept = DataLoader(dataset, num_workers=4, pin_memory=True, persistent_workers=True)
            alone = DataLoader(dataset, num_workers=0, pin_memory=True)
            open_ended = DataLoader(dataset, num_workers=4, pin_memory=True, **options)
            once = DataLoader(held_out, num_workers=4, pin_memory=True)
            for epoch in range(epochs):
                for batch in again:
                    model(batch)
                for batches in zip(kept, alone, open_ended):
                    model(batches)
            for batch in once:
                model(batch)
    """
    assert flagged(source, "PC403") == {("PC403", 4)}


def test_lists_of_arrays_and_lists_of_numbers() -> None:
    source = """
        import numpy as np
        import torch

        def collate(samples):
            arrays = [np.asarray(sample) for sample in samples]
            lengths = [len(sample) for sample in samples]
            return torch.tensor(arrays), torch.tensor(lengths), torch.from_numpy(np.stack(arrays))
    """
    assert flagged(source, "PC411") == {("PC411", 7)}


def test_tokenizers_are_mapped_in_batches() -> None:
    source = """
        import torch

        def encode(dataset, tokenizer, **options):
            one = dataset.map(lambda row: tokenizer(row["text"]))
            many = dataset.map(lambda rows: tokenizer(rows["text"]), batched=True)
            unknown = dataset.map(lambda rows: tokenizer(rows["text"]), **options)
            return one, many, unknown, list(map(str, [1])), dataset.map(lambda row: {"n": len(row["text"])})
    """
    assert flagged(source, "PC412") == {("PC412", 4)}


def test_loaders_over_changing_data() -> None:
    source = """
        from torch.utils.data import DataLoader, TensorDataset

        def fit(model, dataset, epochs: int) -> None:
            for epoch in range(epochs):
                loader = DataLoader(dataset, num_workers=4, pin_memory=True)
                grown = dataset.grown(epoch)
                other = DataLoader(grown, num_workers=4, pin_memory=True)
                for batch in zip(loader, other):
                    model(batch)
    """
    assert flagged(source, "PC406") == {("PC406", 5)}


def test_workers_for_tensors_in_memory() -> None:
    source = """
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        def train_loaders(dataset, options):
            tensors = TensorDataset(torch.zeros(4))
            return (
                DataLoader(tensors, pin_memory=True),
                DataLoader(dataset, pin_memory=True),
                DataLoader(dataset, pin_memory=True, num_workers=0),
                DataLoader(dataset, **options),
                DataLoader(dataset),
                DataLoader(dataset, 8, True, None, None, 4, pin_memory=True),
            )
    """
    assert flagged(source, "PC401", "PC402") == {("PC401", 8), ("PC401", 9)}


def test_loaders_that_others_go_through_again() -> None:
    source = """
        from torch.utils.data import DataLoader
        from torchdata.stateful_dataloader import StatefulDataLoader

        def fit(model, train, validation, test, extra, epochs: int) -> None:
            train_loader = DataLoader(train, num_workers=4, pin_memory=True)
            endless = cycle(DataLoader(train, num_workers=4, pin_memory=True))
            extra_loader = StatefulDataLoader(extra, num_workers=4, pin_memory=True)
            more = cycle(extra_loader)
            test_loader = DataLoader(test, num_workers=4, pin_memory=True)
            for epoch in range(epochs):
                train_one_epoch(model, train_loader, endless, more)
            evaluate(model, test_loader)

        class Data:
            def train_dataloader(self):
                return DataLoader(self.train, num_workers=4, pin_memory=True)

            def once(self):
                return DataLoader(self.train, num_workers=4, pin_memory=True)

            def settings(self):
                options = dict(num_workers=self.workers, shuffle=True)
                return DataLoader(self.train, **options)
    """
    assert flagged(source, "PC403") == {("PC403", line) for line in (5, 7, 16, 22)}


def test_factories_that_return_their_loaders_by_name() -> None:
    source = """
        from torch.utils.data import DataLoader

        def build(train, held_out, test):
            train_loader = DataLoader(train, num_workers=4, pin_memory=True)
            held_out_loader = DataLoader(held_out, num_workers=4, pin_memory=True)
            test_loader = DataLoader(test, num_workers=4, pin_memory=True)
            return train_loader, held_out_loader, test_loader

        def endless(path):
            data = IterableRows(path)
            loader = DataLoader(data, num_workers=4, pin_memory=True)
            return data, loader

        def first_batch(data):
            loader = DataLoader(data, num_workers=4, pin_memory=True)
            return next(iter(loader))
    """
    assert flagged(source, "PC403") == {("PC403", 4), ("PC403", 5)}


@pytest.mark.parametrize(("use", "told"), [("model.eval()", False), ("loss.backward()", True)])
def test_a_script_that_goes_through_its_data_once(use: str, told: bool) -> None:
    source = f"""
        from torch.utils.data import DataLoader

        def setup(data):
            return DataLoader(data, num_workers=4, pin_memory=True)

        def main(model, data, loss):
            {use}
            for batch in setup(data):
                model(batch)
    """
    assert bool(flagged(source, "PC403")) is told


def test_loaders_that_each_epoch_makes_anew_and_workers_that_somebody_lets_go() -> None:
    source = """
        from torch.utils.data import DataLoader

        def fit(data, step, epochs):
            loader = DataLoader(data, num_workers=4, pin_memory=True)
            for epoch in range(epochs):
                for batch in loader:
                    step(batch).backward()
    """
    assert [one.confidence for one in found(source, "PC403")] == ["medium"]
    said = source.replace("pin_memory=True", "pin_memory=True, persistent_workers=False")
    assert [one.confidence for one in found(said, "PC403")] == ["heuristic"]
    again = source.rstrip() + "\n                loader = DataLoader(data, num_workers=4, pin_memory=True)\n"
    assert found(again, "PC403") == []


def test_a_data_set_that_goes_through_itself() -> None:
    source = """
        from torch.utils.data import DataLoader, Dataset

        class Phonemes(Dataset):
            def precompute(self, workers):
                for _ in DataLoader(batch_size=1, dataset=self, num_workers=workers):
                    pass

            def loader(self, workers):
                return DataLoader(self.rows, num_workers=workers)
    """
    assert flagged(source, "PC402") == {("PC402", 9)}


def test_loaders_of_libraries() -> None:
    source = """
        from torch_geometric.loader import DataLoader
        from torchdata.stateful_dataloader import StatefulDataLoader

        def train_loaders(graphs, texts):
            return (
                DataLoader(graphs, batch_size=32, shuffle=True),
                StatefulDataLoader(texts, batch_size=8, num_workers=2, persistent_workers=True),
            )
    """
    assert flagged(source, "PC401", "PC402") == {("PC401", 6), ("PC402", 7)}


def test_settings_of_loaders_by_item() -> None:
    source = """
        def settings(args, **given):
            own = {}
            own["num_workers"] = args.num_workers
            own["pin_memory"] = True
            given["num_workers"] = args.num_workers
            given["pin_memory"] = True
            return own, given
    """
    assert flagged(source, "PC403") == {("PC403", 3), ("PC403", 4)}


def test_factories_that_do_not_pin_by_default() -> None:
    source = """
        from torch.utils.data import DataLoader

        class Module:
            def __init__(self, folder, num_workers: int = 4, *, pin_memory: bool = False):
                self.pin_memory = pin_memory

        def make(data, num_workers=4, pin_memory=True):
            return DataLoader(data, num_workers=num_workers, pin_memory=pin_memory)

        def encoder(pin_memory=False):
            return Module("", 2, pin_memory=pin_memory)

        def unused(data, num_workers=4, pin_memory=False):
            return data

        class Loader(DataLoader):
            def __init__(self, data, num_workers=4, pin_memory=False):
                super().__init__(data, num_workers=num_workers, pin_memory=pin_memory)
    """
    assert flagged(source, "PC415") == {("PC415", 4)}


def test_loaders_of_what_does_not_train() -> None:
    source = """
        from torch.utils.data import DataLoader

        def influence(model, data, size):
            loader = DataLoader(data, size, shuffle=False)
            return [model.score(batch) for batch in loader]

        def make_train_loader(data, size):
            return DataLoader(data, size, shuffle=True)
    """
    assert flagged(source, "PC401") == {("PC401", 8)}
    elsewhere = "\n        def learn(loss): loss.backward()\n"
    assert flagged(source + elsewhere, "PC401") == {("PC401", 8)}  # gone through once, where nothing learns
    trains = source.replace("model.score(batch)", "model.score(batch).backward()")
    assert flagged(trains, "PC401") == {("PC401", 4), ("PC401", 8)}


def test_workers_of_loaders_that_a_trainer_keeps() -> None:
    source = """
        from torch.utils.data import DataLoader

        class Trainer:
            def __init__(self, data):
                self.train_loader = DataLoader(data, batch_size=4, num_workers=4)
                self.test_loader = DataLoader(data, batch_size=4, num_workers=4)

            def run_epoch(self):
                for batch in self.train_loader:
                    self.model(batch).backward()

        loaders = {split: DataLoader(splits[split], batch_size=4, num_workers=2) for split in splits}
    """
    assert flagged(source, "PC403") == {("PC403", 5), ("PC403", 12)}


def test_settings_of_workers_alone() -> None:
    source = """
        from torch.utils.data import DataLoader

        def loaders(data):
            settings = {"num_workers": 4}
            others = {"num_workers": 4}
            return DataLoader(data, batch_size=4, **settings), others
    """
    assert flagged(source, "PC403") == {("PC403", 4)}


def test_loaders_that_can_have_no_workers() -> None:
    source = """
        from torch.utils.data import DataLoader

        def make_train_loader(data, size, num_workers=0):
            return DataLoader(data, size, num_workers=0)
    """
    assert not flagged(source, "PC401")
    assert flagged(source.replace(", num_workers=0)\n", ")\n"), "PC401")  # forgotten


@pytest.mark.parametrize(
    ("rows", "told"), [("rows", True), ("[rows[0].start]", False), ("[1, 2, 3, 4, 5]", True)]
)
def test_a_handful_of_integers(rows: str, told: bool) -> None:
    source = f"""
        import torch

        def labels(rows):
            return torch.Tensor({rows}).long()
    """
    assert [one.confidence != "heuristic" for one in found(source, "PC414")] == [told]


@pytest.mark.parametrize(("given", "told"), [("self.play", False), ("self.folder", True)])
def test_workers_have_no_use_for_samples_that_the_trained_object_makes(given: str, told: bool) -> None:
    source = f"""
        from lib import Experience
        from lightning.pytorch import LightningModule
        from torch.utils.data import DataLoader

        class Agent(LightningModule):
            def play(self):
                yield self.env.step(self.net(self.state))

            def train_dataloader(self):
                self.dataset = Experience({given})
                return DataLoader(dataset=self.dataset, batch_size=32)
    """
    assert bool(flagged(source, "PC401")) is told


def test_settings_of_a_data_module_that_switch_pinning_off() -> None:
    source = """
        from lightning import LightningDataModule
        from torch.utils.data import DataLoader

        class Data(LightningDataModule):
            def __init__(self, num_workers: int):
                self.settings = dict(num_workers=num_workers, pin_memory=False, drop_last=True)
                self.others = {"num_workers": num_workers, "pin_memory": False}
                self.pinned = dict(num_workers=num_workers, pin_memory=True)
                self.report = dict(pin_memory=False)

        def preview(data, num_workers: int):
            return DataLoader(data, **dict(num_workers=num_workers, pin_memory=False))
    """
    assert flagged(source, "PC415") == {("PC415", 6), ("PC415", 7)}


def test_loaders_of_webdataset() -> None:
    source = """
        import webdataset as wds

        def loaders(data, size):
            yield wds.WebLoader(data, batch_size=None, num_workers=4)
            yield wds.WebLoader(data, batch_size=None, num_workers=4, pin_memory=True)
    """
    assert flagged(source, "PC402") == {("PC402", 4)}


def test_what_makes_loaders_to_train_and_to_test() -> None:
    source = """
        from torch.utils.data import DataLoader

        def build_{name}_loaders(trained, tested, workers):
            train_loader = DataLoader(trained, 32, shuffle=True, num_workers=workers)
            test_loader = DataLoader(tested, 32, num_workers=workers)
            return train_loader, test_loader
    """
    assert flagged(source.format(name="train_and_test"), "PC403") == {("PC403", 4)}
    assert flagged(source.format(name="test"), "PC403") == set()
