from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages import Channel, Line, Stage, Step

WATCHDOG_S = 20.0


def within_time(act: Callable[[], Any]) -> Any:
    """Runs `act` in a thread of its own; a hang fails the test instead of the suite."""
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = act()
        except BaseException as error:  # noqa: BLE001 - raised again below
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WATCHDOG_S)
    assert not thread.is_alive(), "hangs"
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def numbers(count: int) -> Step:
    def step(_: Iterator[Any]) -> Generator[int, None, None]:
        yield from range(count)

    return step


def mapped(function: Callable[[int], int]) -> Step:
    def step(items: Iterator[int]) -> Generator[int, None, None]:
        for item in items:
            yield function(item)

    return step


def fails_at(bad: int) -> Callable[[int], int]:
    def function(item: int) -> int:
        if item == bad:
            raise ZeroDivisionError(f"at {bad}")
        return item

    return function


def same(item: int) -> int:
    return item


def drain(stages: list[Stage], capacity: int = 2) -> list[int]:
    with Line(stages, capacity) as line:
        return list(line)


def threads_left() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("stage-")]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(1, 5), st.integers(1, 4))
def test_order_is_kept_and_nothing_is_lost(count: int, capacity: int, depth: int) -> None:
    stages = [Stage("make", numbers(count))]
    stages += [Stage(f"add{k}", mapped(lambda item: item + 1)) for k in range(depth)]
    assert within_time(lambda: drain(stages, capacity)) == [k + depth for k in range(count)]
    assert threads_left() == []


@pytest.mark.parametrize("capacity", [1, 3])
@pytest.mark.parametrize("bad", [0, 1, 7, 19])
@pytest.mark.parametrize("where", [1, 2, 3])
def test_a_fault_reaches_the_caller_after_what_came_before_it(
    where: int, bad: int, capacity: int
) -> None:
    stages = [Stage("make", numbers(20))]
    stages += [Stage(f"s{k}", mapped(fails_at(bad) if k == where else same)) for k in (1, 2, 3)]
    seen: list[int] = []

    def act() -> None:
        with Line(stages, capacity) as line:
            seen.extend(line)

    with pytest.raises(ZeroDivisionError, match=f"at {bad}"):
        within_time(act)
    assert seen == list(range(bad))
    assert threads_left() == []


def test_a_fault_of_the_first_stage_reaches_the_caller() -> None:
    def broken(_: Iterator[Any]) -> Generator[int, None, None]:
        yield 0
        yield 1
        raise OSError("cable")

    with pytest.raises(OSError, match="cable"):
        within_time(lambda: drain([Stage("make", broken), Stage("pass", mapped(same))]))


def test_a_fault_before_the_first_item_and_an_empty_input() -> None:
    def broken(items: Iterator[Any]) -> Generator[int, None, None]:
        raise OSError("at once")
        yield from items  # type: ignore[unreachable]

    assert within_time(lambda: drain([Stage("make", numbers(0)), Stage("b", mapped(same))])) == []
    for first, second in ((broken, mapped(same)), (numbers(50), broken)):
        with pytest.raises(OSError, match="at once"):
            within_time(partial(drain, [Stage("make", first), Stage("b", second)]))


def test_the_first_fault_in_time_is_the_one_that_is_raised() -> None:
    failed = threading.Event()

    def first(items: Iterator[int]) -> Generator[int, None, None]:
        try:
            yield next(items)
            raise ValueError("cause")
        finally:
            failed.set()

    def second(items: Iterator[int]) -> Generator[int, None, None]:
        yield from items
        failed.wait(WATCHDOG_S)
        raise KeyError("consequence")

    stages = [Stage("make", numbers(9)), Stage("first", first), Stage("second", second)]
    with pytest.raises(ValueError, match="cause"):
        within_time(lambda: drain(stages, 1))


@pytest.mark.parametrize("taken", [0, 1, 5])
@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_a_caller_that_leaves_early_ends_every_thread_and_closes_every_step(
    taken: int, error: type[BaseException] | None
) -> None:
    closed: list[str] = []

    def opens(name: str, count: int) -> Step:
        def step(items: Iterator[int]) -> Generator[int, None, None]:
            try:
                yield from items if name != "make" else range(count)
            finally:
                closed.append(name)

        return step

    def act() -> None:
        names = ["make", "middle", "last"]
        with Line([Stage(name, opens(name, 10**9)) for name in names], 2) as line:
            for item in line:
                if item == taken:
                    break
            if error is not None:
                raise error

    if error is None:
        within_time(act)
    else:
        with pytest.raises(error):
            within_time(act)
    assert sorted(closed) == ["last", "make", "middle"]
    assert threads_left() == []


def test_a_stage_that_takes_no_more_lets_the_ones_before_it_go() -> None:
    def two(items: Iterator[int]) -> Generator[int, None, None]:
        yield next(items)
        yield next(items)

    assert within_time(lambda: drain([Stage("make", numbers(10**9)), Stage("two", two)])) == [0, 1]


def test_a_fault_while_closing_is_not_lost() -> None:
    def writes(items: Iterator[int]) -> Generator[int, None, None]:
        try:
            yield from items
        finally:
            raise OSError("disk full")

    stages = [Stage("make", numbers(3)), Stage("write", writes)]
    with pytest.raises(OSError, match="disk full"):
        within_time(lambda: drain(stages))

    def leaves_early() -> None:
        with Line(stages, 1) as line:
            next(iter(line))

    with pytest.raises(OSError, match="disk full"):
        within_time(leaves_early)


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_what_is_in_flight_is_bounded_whatever_the_input(capacity: int) -> None:
    # One item in each of two stages' hands, `capacity` in each of the two channels between
    # the maker and the gate, and the one that the maker has just made.
    bound = 2 * capacity + 3
    made, done, most = 0, 0, 0
    full = threading.Event()

    def make(_: Iterator[Any]) -> Generator[int, None, None]:
        nonlocal made, most
        for item in range(200):
            made += 1
            most = max(most, made - done)
            if made == bound:
                full.set()
            yield item

    def gate(items: Iterator[int]) -> Generator[int, None, None]:
        nonlocal done
        for item in items:
            # Opens only once everything before it is full: were the bound smaller, this
            # would wait for ever.
            assert full.wait(WATCHDOG_S)
            done += 1
            yield item

    stages = [Stage("make", make), Stage("pass", mapped(same)), Stage("gate", gate)]
    assert len(within_time(lambda: drain(stages, capacity))) == 200
    assert most == bound


def test_busy_time_is_the_time_in_the_step_without_the_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = {"stage-make": 0.0, "stage-use": 0.0}

    def mine() -> str:
        return threading.current_thread().name

    def spend(seconds: float) -> Callable[[int], int]:
        def function(item: int) -> int:
            clock[mine()] += seconds
            return item

        return function

    def make(items: Iterator[Any]) -> Generator[int, None, None]:
        return mapped(spend(2.0))(iter(range(3)))

    put, take = Channel.put, Channel.__iter__

    def slow_put(channel: Channel[Any], item: Any) -> None:
        clock[mine()] += 100.0
        put(channel, item)

    def slow_take(channel: Channel[Any]) -> Iterator[Any]:
        for item in take(channel):
            clock[mine()] = clock.get(mine(), 0.0) + 100.0
            yield item

    monkeypatch.setattr("pipeline.stages.time.perf_counter", lambda: clock[mine()])
    monkeypatch.setattr(Channel, "put", slow_put)
    monkeypatch.setattr(Channel, "__iter__", slow_take)
    with Line([Stage("make", make), Stage("use", mapped(spend(5.0)))], 1) as line:
        list(line)
    assert line.busy_s == {"make": 6.0, "use": 15.0}


def test_a_channel_and_a_line_refuse_what_cannot_work() -> None:
    with pytest.raises(ValueError, match="capacity must be at least 1, found 0"):
        Channel(0)
    with pytest.raises(ValueError, match="at least one stage"):
        Line([], 1)


def test_a_thread_that_cannot_start_leaves_no_other_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[str] = []
    start = threading.Thread.start

    def refuses(thread: threading.Thread) -> None:
        if thread.name == "stage-c":
            raise RuntimeError("can't start new thread")
        starts.append(thread.name)
        start(thread)

    stages = [Stage("a", numbers(9)), Stage("b", mapped(same)), Stage("c", mapped(same))]
    line = Line(stages, 1)
    monkeypatch.setattr(threading.Thread, "start", refuses)
    with pytest.raises(RuntimeError, match="can't start"):
        line.__enter__()
    assert starts == ["stage-a", "stage-b"]
    assert threads_left() == []


def test_a_stage_on_demand_makes_nothing_ahead_of_what_is_wanted() -> None:
    """An item is made after the one before it has left the next stage's hands."""
    events: list[str] = []

    def make(_: Iterator[Any]) -> Generator[int, None, None]:
        for item in range(5):
            events.append(f"make {item}")
            yield item

    def use(item: int) -> int:
        events.append(f"use {item}")
        return item

    def run() -> list[int]:
        return drain([Stage("make", make, on_demand=True), Stage("use", mapped(use))], 3)

    assert within_time(run) == list(range(5))
    assert events == [f"{word} {item}" for item in range(5) for word in ("make", "use")]


@pytest.mark.parametrize("leave", [ZeroDivisionError, None])
def test_a_step_that_waits_for_the_world_is_woken(leave: type[Exception] | None) -> None:
    """It would wait for ever; a later stage fails, or the caller leaves."""
    woken = threading.Event()

    def listen(_: Iterator[Any]) -> Generator[int, None, None]:
        yield 0
        woken.wait()

    def use(item: int) -> int:
        if leave is not None:
            raise leave
        return item

    stages = [Stage("listen", listen, stop=woken.set), Stage("use", mapped(use))]

    def run() -> None:
        with Line(stages, 1) as line:
            next(iter(line))

    if leave is None:
        within_time(run)
    else:
        with pytest.raises(leave):
            within_time(run)
    assert threads_left() == []


def test_waiting_for_the_world_is_not_work() -> None:
    line = Line([Stage("first", numbers(3), waited_s=lambda: 1000.0)], 1)
    with line:
        assert list(line) == [0, 1, 2]
    assert line.busy_s == {"first": 0.0}
