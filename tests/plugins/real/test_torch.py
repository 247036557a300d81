"""PyTorch and Lightning really train, and tell a run."""

import lightning
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset

from ropeway.plugins.torch import LightningCallback, Means

# What a release of another library finds old is not ours to fail by.
pytestmark = pytest.mark.filterwarnings("ignore")

EPOCHS = 3
ROWS = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
DATA = TensorDataset(ROWS, (ROWS[:, 0] > 0).float())


class Sides(lightning.LightningModule):
    """A line between two sides."""

    def __init__(self, rate: float = 0.5, layers: tuple[int, ...] = (4, 1)) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.line = torch.nn.Linear(4, 1)

    def loss(self, batch, part: str):
        found = binary_cross_entropy_with_logits(self.line(batch[0])[:, 0], batch[1])
        self.log(f"{part}_loss", found)
        return found

    def training_step(self, batch, batch_idx):
        return self.loss(batch, "train")

    def validation_step(self, batch, batch_idx):
        return self.loss(batch, "tune")

    def test_step(self, batch, batch_idx):
        return self.loss(batch, "test")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams["rate"])


def test_lightning_tells_of_steps_epochs_and_the_test_and_its_hyperparameters_once(
    run, kept, tmp_path
) -> None:
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        callbacks=[LightningCallback(run, every=5)],
        accelerator="cpu",
        logger=False,
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Sides()
    trainer.fit(module, DataLoader(DATA, batch_size=10), DataLoader(DATA, batch_size=50))
    trainer.test(module, DataLoader(DATA, batch_size=50), verbose=False)
    found = kept(run)
    assert found.run.params == {"rate": 0.5, "layers": "(4, 1)"}
    assert found.steps("train_loss") == [5, 10, 15, 20, 25, 30]
    assert found.steps("tune_loss") == [10, 20, 30]
    assert found.steps("test_loss") == [30]
    assert found.run.metrics["tune_loss"] < 0.6


def test_a_loop_with_workers_that_are_forked_logs_means_and_tensors(run, kept) -> None:
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for epoch in range(EPOCHS):
        with Means(run, epoch, part="train") as means:
            for rows, sides in DataLoader(DATA, batch_size=10, num_workers=2, multiprocessing_context="fork"):
                loss = binary_cross_entropy_with_logits(model(rows)[:, 0], sides)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                means.add(len(rows), loss=loss)
        run.log(epoch, last=loss)
    found = kept(run)
    assert found.steps("train/loss") == found.steps("last") == list(range(EPOCHS))
    assert found.run.status == "finished"


def test_tensors_are_images_as_pytorch_lays_them_out(run, kept) -> None:
    run.image("grey", torch.rand(8, 9))
    run.image("channels first", torch.rand(3, 8, 9))
    run.image("channels last", (torch.rand(8, 9, 3) * 255).to(torch.uint8))
    run.set(rate=torch.tensor(0.25))
    found = kept(run)
    sizes = {name: data[16:24] for name, data in found.files.items()}
    assert set(sizes.values()) == {(9).to_bytes(4, "big") + (8).to_bytes(4, "big")}
    assert found.run.params == {"rate": 0.25}
