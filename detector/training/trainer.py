"""The training loop: views in, averaged weights out, measured as it goes."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from detector.data.dataset import Batch, TrainingViews
from detector.data.pool import Pool
from detector.model.checkpoint import save_checkpoint
from detector.model.family import build_network
from detector.model.network import Network
from detector.training.config import TrainConfig
from detector.training.distributed import World
from detector.training.evaluation import Measurement
from detector.training.feeding import batches
from detector.training.files import checkpointing
from detector.training.interruption import Interrupted, StopRequest
from detector.training.learner import Learner
from detector.training.meter import Meter
from detector.training.progress import Progress
from detector.training.records import RunRecorder
from detector.training.schedule import Schedule
from detector.training.start import start_network
from detector.training.state import load_state, save_state

_LOG = logging.getLogger(__name__)

Evaluate = Callable[[Network], Measurement]
"""Measures a network; `fitness` of the figures decides which weights are the best."""


def fitness(figures: dict[str, float]) -> float:
    """How good a measurement is: 0.1 AP50 + 0.9 AP, as published."""
    return 0.1 * figures["AP50"] + 0.9 * figures["AP"]


class Trainer:
    """One training run in one folder.

    The folder holds `last.safetensors` and `best.safetensors` (averaged weights), `state.pt` (to
    go on after a kill at any moment) and what `RunRecorder` writes.

    Args:
        config: The run, with gains that take effect and paths relative to the folder.
        pools: Training images.
        folder: Existing; a run found there is continued.
        evaluate: Called at each measurement, by the first process alone.
        world: The processes that train together; each calls `run`.
        stop: Asked after every step and while measuring.

    Raises:
        ValueError: If the folder holds a damaged state, or `config.init` does not fit.
    """

    def __init__(
        self,
        config: TrainConfig,
        pools: list[Pool],
        folder: Path,
        evaluate: Evaluate,
        world: World,
        stop: StopRequest,
    ) -> None:
        self._config = config
        self._folder = folder
        self._evaluate = evaluate
        self._world = world
        self._stop = stop
        self._images = sum(map(len, pools))
        self._schedule = Schedule(config, self._images)
        if self._schedule.warmup_steps > self.steps:
            _LOG.info(
                "the warm-up takes %d steps, the run only %d: the learning rate never gets to "
                "its peak; lower `warmup_steps` or `warmup_epochs`",
                self._schedule.warmup_steps,
                self.steps,
            )
        self._views = TrainingViews(
            pools,
            config.image_px,
            config.augment,
            seed=config.seed,
            batch=config.batch,
            epoch_order=config.epochs is not None,
        )
        self._state_path = folder / "state.pt"
        state = load_state(self._state_path)
        if state is None:
            model = start_network(config, self._views, folder)
        else:
            model = build_network(config.spec, state["anchors"])
        self._anchors = model.anchors_px.tolist()
        self._learner = Learner(model, config, config.loss, self._schedule, world)
        self._step = 0
        self._measured = True
        self._stopped = False
        self._best = -1.0
        self._since_best = 0
        if state is not None:
            self._restore(state)

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self._schedule.steps

    def run(self) -> Iterator[Progress]:
        """Trains on to the end and reports each step; what is to be kept is saved on the way.

        The end is the last step, too many measurements without a better one, or a request to
        stop, after which all is saved.

        Raises:
            ValueError: If an image cannot be read, a file not be written, or the loss is no
                number any more.
        """
        if self._world.rank:
            yield from self._run(None)
            return
        with RunRecorder(
            self._folder, self._config, first_step=self._step, measured=self._measured
        ) as recorder:
            yield from self._run(recorder)

    def _run(self, recorder: RunRecorder | None) -> Iterator[Progress]:
        config = self._config
        if not self._measured:
            self._measure(recorder)
        meter = Meter((self._step, self.steps), config.batch, self._images, self._world)
        saved_at = time.monotonic()
        steps = range(self._step, self.steps)
        views = batches(self._views, steps, config.batch, config.workers, self._world)
        with closing(views) as coming:
            while not self._ended():
                with meter.waiting():
                    batch = next(coming)
                progress = meter.report(*self._learn(batch))
                if recorder is not None:
                    recorder.step(progress)
                    recorder.batch(batch, self._step)
                yield progress
                with meter.pause():
                    if self._schedule.measures_after(self._step):
                        self._measured = False
                        self._save(recorder)
                        self._measure(recorder)
                    elif self._stopped or time.monotonic() - saved_at >= config.save_every_s:
                        self._save(recorder)
                        saved_at = time.monotonic()

    def _ended(self) -> bool:
        patience = self._config.patience
        if patience is not None and self._since_best >= patience:
            _LOG.info("step %d: ended, %d measurements without a better one", self._step, patience)
            return True
        if self._stopped:
            _LOG.info("stopped and saved after step %d of %d", self._step, self.steps)
        return self._stopped or self._step == self.steps

    def _learn(self, batch: Batch) -> tuple[int, tuple[float, float, float], float]:
        """The next step; its number from 1, the loss of all processes, the learning rate."""
        rate = self._schedule.learning_rate(self._step)
        parts = self._learner.learn(batch, self._step)
        self._step += 1
        asked = parts.new_tensor([self._stop.signal is not None])
        *loss, stopped = self._world.total(torch.cat((parts, asked))).tolist()
        self._stopped = stopped > 0
        if not all(map(math.isfinite, loss)):
            raise ValueError(
                f"step {self._step}: the loss is {tuple(loss)}; lower `optimizer.learning_rate`"
            )
        return self._step, (loss[0], loss[1], loss[2]), rate

    def _measure(self, recorder: RunRecorder | None) -> None:
        """Weights and figures of this step, by the first process.

        A request to stop leaves them for the next start, when they will be the same.
        """
        stopped = False
        if recorder is not None:
            try:
                with self._stop.at_once():
                    measurement = self._save_weights_and_measure()
            except Interrupted:
                stopped = True
            else:
                recorder.measured(self._step, measurement, best=self._since_best == 0)
                self._measured = True
                self._save(recorder)
        verdict = torch.tensor([int(stopped), self._since_best], device=self._world.device)
        if self._world.rank:
            verdict.zero_()
        stopped_processes, self._since_best = self._world.total(verdict).tolist()
        self._stopped = stopped_processes > 0

    def _save_weights_and_measure(self) -> Measurement:
        # Half precision, as published weights are; what is measured is what is saved.
        saved = copy.deepcopy(self._learner.averaged.model).half()
        _save_weights(self._folder / "last.safetensors", saved)
        measurement = self._evaluate(copy.deepcopy(saved).float())
        score = fitness(measurement.figures)
        self._since_best += 1
        if score > self._best:
            self._best, self._since_best = score, 0
            _save_weights(self._folder / "best.safetensors", saved)
        return measurement

    def _save(self, recorder: RunRecorder | None) -> None:
        """The state of this step; what the records hold of it is in their files before."""
        if recorder is None:
            return
        recorder.flush()
        state = {
            "step": self._step,
            "measured": self._measured,
            "best": self._best,
            "since_best": self._since_best,
            "anchors": self._anchors,
            **self._learner.state(),
        }
        save_state(self._state_path, state)

    def _restore(self, state: dict[str, Any]) -> None:
        self._learner.restore(state)
        self._step, self._measured = state["step"], state["measured"]
        self._best, self._since_best = state["best"], state["since_best"]
        _LOG.info("goes on after step %d of %d", self._step, self.steps)


def _save_weights(path: Path, model: Network) -> None:
    with checkpointing(path) as partial:
        save_checkpoint(partial, model)
