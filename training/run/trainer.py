"""Training with transformers' Trainer, which handles devices, precision, accumulation and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.utils.checkpoint import get_device_states, set_device_states
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from lsr.core.errors import InputError, MissingDependencyError
from lsr.training.losses.gather import average_gradients, rank
from lsr.training.model.batches import Collate, Groups
from lsr.training.model.student import Student
from lsr.training.model.towers import Tokens
from lsr.training.run.criterion import Criterion
from lsr.training.run.scorers import Scorer

try:
    from accelerate.utils import send_to_device
except ImportError:  # pragma: no cover
    raise MissingDependencyError("training needs the extra `train`: pip install 'lsr-engine[train]'") from None

_WEIGHTS = "student.safetensors"

# Development measures: from a student to values by name.
Measure = Callable[[Student], dict[str, float]]


class SparseTrainer(Trainer):
    """Trains a student.

    A checkpoint holds all that a run needs to continue as if it had never stopped: weights, the student's statistics,
        the optimiser, the schedule, random states. The step alone decides which examples come next (`Groups`), and the
        strength of penalties.

    Args:
        student: the model.
        criterion: its loss.
        groups, collate: the data.
        arguments: transformers' TrainingArguments.
        chunk: texts per pass through the model, by GradCache; None for all at once.
        scorers: for fields of the batch, what computes them from the groups: teachers' scores, if the data has none,
            and those of words.
        measure: development measures, called on the first process.
    """

    def __init__(
        self,
        student: Student,
        criterion: Criterion,
        groups: Groups,
        collate: Collate,
        arguments: TrainingArguments,
        *,
        chunk: int | None = None,
        scorers: Mapping[str, Scorer] | None = None,
        measure: Measure | None = None,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        self.student, self.groups, self.criterion, self.chunk = student, groups, criterion, chunk
        self.scorers, self.measure = scorers or {}, measure
        self._parts: list[dict[str, float]] = []
        # The Trainer refuses to measure without a dataset; `evaluate` has no use for it.
        super().__init__(
            student, arguments, data_collator=collate, train_dataset=groups, eval_dataset=groups, callbacks=callbacks
        )
        self.remove_callback(PrinterCallback)  # stdout is for results; the log is a file

    # -- a step ------------------------------------------------------------------------------------------------------

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss of a batch whose texts all go through the model at once."""
        queries, documents = model(inputs["queries"], inputs["documents"])
        return self._loss(queries, documents, inputs)

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """One step, as in the Trainer; with `chunk`, by GradCache (Gao et al., arXiv:2101.06983).

        All vectors are computed first, without keeping what the backward pass needs; the loss gives each vector its
        gradient; then the texts go through the model again, a few at a time, each chunk with its vectors' gradients.
        """
        if self.chunk is None:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        inputs = self._prepare_inputs(inputs)
        parts = list(_parts(inputs["queries"], inputs["documents"], self.chunk))
        states, vectors = [], []
        with torch.no_grad():
            for part in parts:
                states.append(_RandomState())
                vectors.append(model(*part))
        queries, documents = (
            torch.cat([each[side] for each in vectors if each[side] is not None]).requires_grad_() for side in (0, 1)
        )
        # Summed over accumulated batches, as in the Trainer's own step.
        loss = self._loss(queries, documents, inputs) / self.current_gradient_accumulation_steps
        self.accelerator.backward(loss)
        gradients = {0: queries.grad, 1: documents.grad}
        done = {0: 0, 1: 0}
        with self.accelerator.no_sync(model):
            for part, state in zip(parts, states, strict=True):
                with state.replay():
                    made = model(*part)
                for side, weights in enumerate(made):
                    gradient = gradients[side]
                    if weights is not None and gradient is not None and weights.requires_grad:
                        weights.backward(gradient[done[side] :][: len(weights)])
                        done[side] += len(weights)
        if self.accelerator.sync_gradients:
            average_gradients(model)
        return loss.detach()

    def _loss(self, queries: Tensor, documents: Tensor, batch: dict[str, Any]) -> Tensor:
        for name, scorer in self.scorers.items():
            batch[name] = scorer(batch["texts"]).to(queries.device)
        student: Student = self.accelerator.unwrap_model(self.model)
        student.observe(documents.detach())
        outcome = self.criterion(
            queries.float(), documents.float(), batch, step=self.state.global_step, shares=student.shares
        )
        if not bool(outcome.loss.isfinite()):
            raise InputError(
                f"the loss is not a finite number at step {self.state.global_step} ({outcome.parts}): lower "
                "run.learning_rate, or raise the precision"
            )
        self._parts.append(outcome.parts | student.statistics(queries.detach(), documents.detach()))
        return outcome.loss

    # -- data, optimiser ---------------------------------------------------------------------------------------------

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        # The groups are already shuffled.
        return SequentialSampler(self.groups)

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        # The Trainer's own method cannot rebuild Tokens, a named tuple.
        moved: dict[str, Any] = send_to_device(inputs, self.args.device)
        return moved

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW as the Trainer makes it, but with own rates and no decay for tables of one number per term."""
        optimizer = super().create_optimizer(model)
        rates = self.student.own_rates()
        for group in optimizer.param_groups:
            group["params"] = [each for each in group["params"] if all(each is not table for table, _ in rates)]
        for table, rate in rates:
            if table.requires_grad:
                optimizer.add_param_group({"params": [table], "lr": rate, "weight_decay": 0.0})
        return optimizer

    # -- measuring, logging ------------------------------------------------------------------------------------------

    def evaluate(self, *arguments: Any, metric_key_prefix: str = "eval", **others: Any) -> dict[str, float]:
        """Measure the student, on the first process only."""
        found: dict[str, float] = {}
        if self.measure is not None and rank() == 0:
            student: Student = self.accelerator.unwrap_model(self.model)
            student.eval()
            found = {f"{metric_key_prefix}_{name}": value for name, value in self.measure(student).items()}
            student.train()
        self.accelerator.wait_for_everyone()
        if found:
            self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the parts of the loss and the sparsity, as means since the last log."""
        if "loss" in logs and self._parts:
            names = self._parts[-1]
            logs |= {name: sum(part[name] for part in self._parts) / len(self._parts) for name in names}
            self._parts.clear()
        super().log(logs, start_time)

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        # Handles tied weights, which the Trainer's own method does not.
        save_model(self.accelerator.unwrap_model(self.model), str(folder / _WEIGHTS))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        load_model(model or self.student, Path(resume_from_checkpoint) / _WEIGHTS)


def _parts(queries: Tokens, documents: Tokens, size: int) -> Iterator[tuple[Tokens | None, Tokens | None]]:
    for start in range(0, len(queries.ids), size):
        yield queries.part(slice(start, start + size)), None
    for start in range(0, len(documents.ids), size):
        yield None, documents.part(slice(start, start + size))


class _RandomState:
    """The random states of CPU and devices, so that a second pass has the same dropout."""

    def __init__(self) -> None:
        self.cpu = torch.get_rng_state()
        self.devices, self.states = get_device_states() if torch.cuda.is_available() else ([], [])

    @contextmanager
    def replay(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=self.devices):
            torch.set_rng_state(self.cpu)
            set_device_states(self.devices, self.states)
            yield
