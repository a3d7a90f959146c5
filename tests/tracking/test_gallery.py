"""Slots are used again, the newest vectors stay, and the nearest counts."""

from __future__ import annotations

import numpy as np
import pytest

from tracking.gallery import Gallery


def test_the_nearest_of_the_newest() -> None:
    gallery = Gallery(2)
    slots = gallery.open(2)
    east, north, west = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    for vector in (east, north):
        gallery.add(slots[:1], vector[None])
    gallery.add(slots[1:], west[None])
    asked = np.array([slots[1], slots[0], slots[0]])
    assert gallery.distances(asked, np.stack((east, east, west))).tolist() == [2, 0, 1]
    gallery.add(slots[:1], west[None])
    assert gallery.distances(asked, np.stack((east, east, west))).tolist() == [2, 1, 0]
    assert gallery.distances(asked[:0], np.zeros((0, 2), np.float32)).tolist() == []


def test_memory_stays_flat() -> None:
    gallery = Gallery(3)
    rng = np.random.default_rng(0)
    held = gallery.open(5)
    highest = 0
    for _ in range(200):
        gallery.add(held, rng.normal(size=(len(held), 4)).astype(np.float32))
        gone = held[rng.random(len(held)) < 0.5]
        held = np.setdiff1d(held, gone)
        gallery.close(gone)
        new = gallery.open(5 - len(held))
        assert not set(new.tolist()) & set(held.tolist())
        held = np.concatenate((held, new))
        highest = max(highest, int(held.max()))
    assert highest < 10


def test_a_slot_forgets_the_track_before() -> None:
    gallery = Gallery(4)
    slot = gallery.open(1)
    gallery.add(slot, np.array([[1, 0]], np.float32))
    gallery.close(slot)
    again = gallery.open(1)
    gallery.add(again, np.array([[0, 1]], np.float32))
    assert gallery.distances(again, np.array([[1, 0]], np.float32)).tolist() == [1]


def test_vectors_of_another_length() -> None:
    gallery = Gallery(4)
    slot = gallery.open(1)
    gallery.add(slot, np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match="3 numbers, and 2 before"):
        gallery.add(slot, np.ones((1, 3), np.float32))
