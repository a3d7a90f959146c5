from __future__ import annotations

import threading

import av
import pytest

from pipeline.config import LiveConfig
from pipeline.sources.live_mailbox import NOT_NTH, SLOW, Arrived, Mailbox

PICTURE = av.VideoFrame(16, 16, "gray")


def put(mailbox: Mailbox, *ticks: int) -> None:
    for one in ticks:
        mailbox.put(Arrived(PICTURE, one, 0.0, 0))


def take_all(mailbox: Mailbox) -> list[int]:
    found = []
    while (item := mailbox.take(until_s=0.0)) is not None:
        found.append(item.ticks)
    return found


def test_latest_keeps_the_newest() -> None:
    mailbox = Mailbox(LiveConfig())
    put(mailbox, 1, 2, 3)
    assert take_all(mailbox) == [3]
    put(mailbox, 4)
    assert take_all(mailbox) == [4]
    assert (mailbox.received, mailbox.dropped) == (4, {SLOW: 2})


def test_every_nth_keeps_one_in_n_and_of_these_the_newest() -> None:
    mailbox = Mailbox(LiveConfig(policy="every-nth", every=3, queue_frames=2))
    put(mailbox, *range(10))
    assert take_all(mailbox) == [6, 9]
    assert (mailbox.received, mailbox.dropped) == (10, {NOT_NTH: 6, SLOW: 2})


def test_all_waits_for_room_and_loses_nothing() -> None:
    mailbox = Mailbox(LiveConfig(policy="all", queue_frames=2))
    writer = threading.Thread(target=put, args=(mailbox, *range(50)), daemon=True)
    writer.start()
    found = []
    for _ in range(50):
        item = mailbox.take()
        assert item is not None
        found.append(item.ticks)
        assert len(mailbox) <= 2
    writer.join()
    assert found == list(range(50))
    assert mailbox.dropped == {}


@pytest.mark.parametrize("config", [LiveConfig(), LiveConfig(policy="every-nth", every=5)])
def test_a_recording_is_kept_whole(config: LiveConfig) -> None:
    mailbox = Mailbox(config)
    mailbox.keep_all()
    writer = threading.Thread(target=put, args=(mailbox, *range(20)), daemon=True)
    writer.start()
    items = [mailbox.take() for _ in range(20)]
    writer.join()
    assert [item.ticks for item in items if item is not None] == list(range(20))


def test_after_the_end_the_rest_can_be_taken() -> None:
    mailbox = Mailbox(LiveConfig())
    put(mailbox, 1)
    mailbox.end()
    put(mailbox, 2)
    assert mailbox.take() is not None
    assert mailbox.take() is None
    assert mailbox.received == 2


def test_closing_wakes_both_sides() -> None:
    empty, full = Mailbox(LiveConfig()), Mailbox(LiveConfig(policy="all", queue_frames=1))
    put(full, 0)
    taken: list[object] = []
    threads = [
        threading.Thread(target=lambda: taken.append(empty.take()), daemon=True),
        threading.Thread(target=put, args=(full, 1), daemon=True),
    ]
    for thread in threads:
        thread.start()
    empty.close()
    full.close()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert taken == [None]
    assert full.take() is None
