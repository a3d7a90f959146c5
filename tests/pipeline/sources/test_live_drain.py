"""The drain with connections that do what the test says."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import av
import pytest

from pipeline.config import LiveConfig
from pipeline.sources.live_address import Address, parse_address
from pipeline.sources.live_connection import THE_END, Receiver
from pipeline.sources.live_drain import Drain, Reader
from pipeline.sources.live_mailbox import Mailbox

PICTURE = av.VideoFrame(16, 16, "gray")
QUICK = LiveConfig(
    policy="all", queue_frames=1000, open_s=20, stall_s=20, retry_s=1e-3, give_up_s=None
)
WATCHDOG_S = 20.0


@dataclass
class Script:
    """A connection in the hands of the test."""

    receiver: Receiver
    abandoned: bool = False

    def start(self) -> None:
        pass

    def abandon(self) -> None:
        self.abandoned = True

    def open(self, length_s: float | None = None) -> None:
        self.receiver.opened(self, Fraction(10), length_s)  # type: ignore[arg-type]

    def picture(self, pts_s: float | None, arrived_s: float) -> None:
        self.receiver.picture(self, PICTURE, pts_s, arrived_s)  # type: ignore[arg-type]

    def end(self, why: str = THE_END) -> None:
        self.receiver.ended(self, why)  # type: ignore[arg-type]


@dataclass
class Stream:
    """A drain under way, and its connections in order."""

    drain: Drain
    mailbox: Mailbox
    made: queue.Queue[Script] = field(default_factory=queue.Queue)

    def next(self) -> Script:
        return self.made.get(timeout=WATCHDOG_S)

    def times(self) -> list[float]:
        found = []
        while (item := self.mailbox.take(until_s=0.0)) is not None:
            found.append(item.ticks / 90_000)
        return found

    def join(self) -> None:
        self.drain.join(WATCHDOG_S)
        assert not self.drain.is_alive()


@contextmanager
def running(config: LiveConfig) -> Iterator[Stream]:
    made: queue.Queue[Script] = queue.Queue()

    def connect(_: Address, __: LiveConfig, receiver: Receiver) -> Reader:
        made.put(script := Script(receiver))
        return script

    mailbox = Mailbox(config)
    drain = Drain(parse_address("rtsp://bob:s3cret@cam/gate"), config, mailbox, connect)
    drain.start()
    stream = Stream(drain, mailbox, made)
    try:
        yield stream
    finally:
        drain.stop()
        mailbox.close()
        stream.join()


def test_a_cut_leads_to_a_new_connection_and_times_go_on(caplog: pytest.LogCaptureFixture) -> None:
    with running(QUICK) as stream:
        first = stream.next()
        first.open()
        first.picture(50.0, 100.0)
        first.picture(50.1, 100.1)
        first.end()
        second = stream.next()
        assert first.abandoned
        second.open()
        # A server that went on where it was: the stream's clock knows nothing of the gap.
        second.picture(50.2, 101.0)
        second.picture(50.3, 101.1)
        first.picture(50.4, 101.2)  # too late, it was given up
        assert stream.times() == pytest.approx([0.0, 0.1, 1.0, 1.1], abs=1e-4)
        report = stream.drain.report()
    assert (report.received, report.reconnects, report.faults) == (4, 1, {THE_END: 1})
    assert report.breaks == ()
    assert "cam_gate: the stream ended; connecting again" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_long_gap_is_marked_and_leaves_its_frames_free() -> None:
    with running(QUICK) as stream:
        first = stream.next()
        first.open()
        first.picture(0.0, 100.0)
        first.end("why not")
        stream.next().picture(0.0, 105.0)
        items = [stream.mailbox.take(), stream.mailbox.take()]
        [found] = stream.drain.report().breaks
    assert (found.time_s, found.gap_s, found.reason) == (5.0, 5.0, "why not")
    assert [item.missing for item in items if item is not None] == [0, 49]


def test_a_stall_is_noticed_within_twice_the_time() -> None:
    with running(LiveConfig(stall_s=0.3, retry_s=1e-3)) as stream:
        first = stream.next()
        first.open()
        last_s = time.monotonic()
        first.picture(0.0, last_s)
        stream.next()
        assert time.monotonic() - last_s < 2 * 0.3
        assert first.abandoned
        assert stream.drain.report().faults == {"no frame for 0.3 s": 1}


def test_analysis_that_is_slow_is_no_stall() -> None:
    config = LiveConfig(policy="all", queue_frames=1, stall_s=0.05)
    with running(config) as stream:
        first = stream.next()
        first.open()
        first.picture(0.0, 0.0)
        waits = threading.Thread(target=first.picture, args=(0.1, 0.1), daemon=True)
        waits.start()
        # The limit passes many times over while the mailbox is full.
        stream.drain.join(0.4)
        assert stream.made.empty()
        assert stream.drain.report().faults == {}
        stream.mailbox.take()
        waits.join(WATCHDOG_S)


def test_without_a_first_frame_it_fails_at_once() -> None:
    with running(QUICK) as stream:
        stream.next().end("connection refused")
        stream.join()
        assert stream.drain.failed == "connection refused"
        assert stream.mailbox.take() is None
        assert stream.made.empty()


def test_a_first_connection_that_gives_nothing_is_given_up() -> None:
    with running(LiveConfig(open_s=0.05)) as stream:
        stream.join()
        assert stream.drain.failed == "no frame for 0.05 s"


def test_it_gives_up_when_nothing_comes_for_long() -> None:
    with running(LiveConfig(give_up_s=0.05, retry_s=1e-3, retry_most_s=1e-2)) as stream:
        first = stream.next()
        first.picture(0.0, time.monotonic())
        first.end()
        while stream.drain.is_alive():
            try:
                stream.made.get(timeout=0.01).end("refused")
            except queue.Empty:
                continue
        assert "given up after 0.05 s without a frame" in stream.drain.report().faults
        assert stream.mailbox.take() is not None
        assert stream.mailbox.take() is None


def test_a_recording_ends() -> None:
    with running(QUICK) as stream:
        first = stream.next()
        first.open(length_s=0.2)
        first.picture(0.0, 0.0)
        first.picture(0.1, 0.0)
        first.end()
        stream.join()
        assert stream.drain.report().faults == {}


def test_a_recording_that_ends_early_says_so() -> None:
    with running(QUICK) as stream:
        first = stream.next()
        first.open(length_s=60.0)
        first.picture(0.0, 0.0)
        first.end()
        stream.join()
        faults = stream.drain.report().faults
        assert faults == {"the stream ended, 60.0 s before the end of the recording": 1}


def test_pauses_grow_and_depend_on_the_seed_alone() -> None:
    def pauses(seed: int) -> list[float]:
        config = LiveConfig(seed=seed, retry_s=1.0, retry_most_s=4.0)
        drain = Drain(parse_address("rtsp://cam/gate"), config, Mailbox(config))
        return [drain.next_pause_s() for _ in range(6)]

    found = pauses(1)
    for pause, longest in zip(found, [1, 2, 4, 4, 4, 4], strict=True):
        assert longest / 2 <= pause <= longest
    assert found == pauses(1) != pauses(2)


def test_a_gap_within_a_connection_is_marked_too() -> None:
    with running(QUICK) as stream:
        first = stream.next()
        first.open()
        first.picture(0.0, time.monotonic())
        first.picture(3.0, time.monotonic() + 3.0)
        first.picture(3.1, time.monotonic() + 0.1)
        [found] = stream.drain.report().breaks
    assert found.gap_s == pytest.approx(3.0, abs=0.5)
    assert found.reason == "no frames came"


def test_waiting_for_a_slow_analysis_is_no_gap() -> None:
    with running(LiveConfig(policy="all", queue_frames=1, gap_s=0.2)) as stream:
        first = stream.next()
        first.open()
        first.picture(0.0, time.monotonic())
        waits = threading.Thread(target=first.picture, args=(0.1, time.monotonic()), daemon=True)
        waits.start()
        waits.join(0.4)
        stream.mailbox.take()
        waits.join(WATCHDOG_S)
        stream.mailbox.take()
        first.picture(0.2, time.monotonic())
        assert stream.drain.report().breaks == ()
