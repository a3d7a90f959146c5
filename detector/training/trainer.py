"""The training loop: views in, averaged weights out, measured as it goes."""

from __future__ import annotations

import copy
import json
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from detector.data.augment import View
from detector.data.dataset import Batch, Pool, TrainingViews, collate, ignored_cells
from detector.model.checkpoint import load_checkpoint, save_checkpoint
from detector.model.family import build_network
from detector.model.network import Network
from detector.model.spec import ModelSpec
from detector.training.anchors import best_possible_recall, fit_anchors
from detector.training.assignment import Targets
from detector.training.config import TrainConfig
from detector.training.loss import LossParts, compute_loss
from detector.training.schedule import AveragedModel, build_optimizer, learning_rate

BATCHES_AHEAD = 3

CHANGEABLE = ("validation", "workers", "evaluate_every")
"""Settings that may differ when a run goes on."""

ANCHOR_VIEWS = 400
"""Views whose boxes the anchors are fitted to."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a step reports.

    Attributes:
        step: From 1.
        loss: Parts of the loss: box, objectness, classification.
        learning_rate: Of this step.
        images_per_s: Since the run or its resumption began.
    """

    step: int
    loss: tuple[float, float, float]
    learning_rate: float
    images_per_s: float


Evaluate = Callable[[Network], dict[str, float]]
"""Measures a network; the figure `AP50` decides which weights are the best."""


class Trainer:
    """One training run in one folder.

    The folder holds `config.json` (the run), `last.safetensors` and `best.safetensors`
    (averaged weights), `state.pt` (to go on after a kill) and `log.jsonl` (a line for each
    measurement).

    Args:
        config: The run.
        pools: Training images.
        folder: Existing; a run found there is continued.
        evaluate: Called every `evaluate_every` steps and at the end.
        device: Where the network runs.
        init: Weights of the same network and classes to start from, with their anchors.

    Raises:
        ValueError: If the folder holds another run or a damaged state, or `init` does not fit.
    """

    def __init__(
        self,
        config: TrainConfig,
        pools: list[Pool],
        folder: Path,
        evaluate: Evaluate,
        device: torch.device,
        init: Path | None = None,
    ) -> None:
        _claim_folder(folder, config)
        torch.manual_seed(config.seed)
        self._config = config
        self._folder = folder
        self._evaluate = evaluate
        self._device = device
        self._views = TrainingViews(pools, config.image_px, config.augment, seed=config.seed)
        self._state_path = folder / "state.pt"
        state = _load_state(self._state_path)
        if state is None and init is not None:
            model = _start_from(init, config.spec)
        else:
            anchors = state["anchors"] if state else _anchors_from(self._views, config)
            model = build_network(config.spec, anchors)
        self.model = model.to(device).to(memory_format=torch.channels_last)
        self.averaged = AveragedModel(self.model, config.ema_decay)
        self._optimizer = build_optimizer(self.model, config)
        self._step = 0
        self._best = -1.0
        if state:
            self._restore(state)

    def run(self) -> Iterator[Progress]:
        """Trains to the last step and reports each; checkpoints and measurements on the way.

        Raises:
            ValueError: If an image cannot be read, or the loss is no number any more.
        """
        started, first = time.perf_counter(), self._step
        for batch in self._batches():
            rate = learning_rate(self._step, self._config)
            parts = self._train_step(batch, rate)
            self._step += 1
            loss = (parts.box.item(), parts.objectness.item(), parts.classification.item())
            if not np.isfinite(loss).all():
                raise ValueError(f"step {self._step}: the loss is {loss}; lower `learning_rate`")
            images = (self._step - first) * self._config.batch
            yield Progress(self._step, loss, rate, images / (time.perf_counter() - started))
            if self._step % self._config.evaluate_every == 0 or self._step == self._config.steps:
                self._measure_and_save()

    def _batches(self) -> Iterator[Batch]:
        """Batches from the current step on, prepared ahead by threads.

        Threads, not processes: OpenCV and numpy release the interpreter, images stay in one
        memory, and a forked process can inherit a lock that OpenCV holds.
        """
        size = self._config.batch
        with ThreadPoolExecutor(self._config.workers) as threads:

            def prepare(step: int) -> list[Future[View]]:
                numbers = range(step * size, (step + 1) * size)
                return [threads.submit(self._views.__getitem__, number) for number in numbers]

            coming = (prepare(step) for step in range(self._step, self._config.steps))
            ahead = deque(islice(coming, BATCHES_AHEAD))
            while ahead:
                views = [view.result() for view in ahead.popleft()]
                ahead.extend(islice(coming, 1))
                yield collate(views)

    def _train_step(self, batch: Batch, rate: float) -> LossParts:
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        images = batch.images.to(self._device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16):
            logits = self.model(images.float() / 255)
        targets = Targets(
            batch.targets.image.to(self._device),
            batch.targets.class_ids.to(self._device),
            batch.targets.boxes.to(self._device),
        )
        ignored = [
            ignored_cells(batch.ignored, (head.shape[2], head.shape[3]), stride).to(self._device)
            for head, stride in zip(logits, self.model.strides, strict=True)
        ]
        total, parts = compute_loss(
            logits,
            targets,
            self.model.anchors_px,
            self.model.strides,
            self._config.loss,
            ignored,
        )
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self._optimizer.step()
        self.averaged.update(self.model, self._step)
        return parts

    def _measure_and_save(self) -> None:
        averaged = self.averaged.model
        assert isinstance(averaged, Network)
        # Half precision, as published weights are; what is measured is what is saved.
        saved = copy.deepcopy(averaged).half()
        save_checkpoint(self._folder / "last.safetensors", saved)
        figures = self._evaluate(copy.deepcopy(saved).float())
        if figures["AP50"] > self._best:
            self._best = figures["AP50"]
            save_checkpoint(self._folder / "best.safetensors", saved)
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": self._step, **figures}) + "\n")
        state = {
            "step": self._step,
            "best": self._best,
            "anchors": self.model.anchors_px.tolist(),
            "model": self.model.state_dict(),
            "averaged": averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        partial = self._state_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._state_path)

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.averaged.model.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._step, self._best = state["step"], state["best"]


def _claim_folder(folder: Path, config: TrainConfig) -> None:
    """Notes the run in a new folder; in another's folder it must be the same run."""
    path = folder / "config.json"
    run = TypeAdapter(TrainConfig).dump_python(config, mode="json")
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    noted = json.loads(path.read_text(encoding="utf-8"))
    for key, value in run.items():
        if value != noted.get(key) and key not in CHANGEABLE:
            raise ValueError(
                f"{path}: {key}: {json.dumps(noted.get(key))} there, {json.dumps(value)} here; "
                "another run needs a folder of its own"
            )


def _load_state(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: damaged, the run cannot go on from it: {reason}") from None
    return state


def _start_from(path: Path, spec: ModelSpec) -> Network:
    """A network of that form with the weights and anchors of a file."""
    found = load_checkpoint(path)
    for key in ("name", "form", "class_names", "neighbourhood", "attention_scale", "vit_norms"):
        there, here = getattr(found.spec, key), getattr(spec, key)
        if there != here:
            raise ValueError(
                f"{path}: {key}: {json.dumps(there)} there, {json.dumps(here)} in the run; "
                "a run starts from weights of its own network"
            )
    model = build_network(spec, found.anchors_px.tolist())
    model.load_state_dict(found.state_dict())
    return model


def _anchors_from(views: TrainingViews, config: TrainConfig) -> list[list[list[float]]]:
    """Anchors of the boxes as training shows them, finest head first."""
    drawn = [views[index].boxes for index in range(ANCHOR_VIEWS)]
    boxes = np.concatenate(drawn).astype(np.float64)
    sizes = boxes[:, 2:] - boxes[:, :2]
    rng = np.random.default_rng(config.seed)
    heads = len(config.spec.strides)
    count = config.anchors_per_head * heads
    anchors = fit_anchors(sizes, count, config.loss.ratio_limit, rng)
    recall = best_possible_recall(anchors, sizes, config.loss.ratio_limit)
    if recall < 0.9:
        raise ValueError(f"anchors fit only {recall:.0%} of the boxes; check the labels' sizes")
    result: list[list[list[float]]] = anchors.reshape(heads, -1, 2).tolist()
    return result
