"""The frames of an earlier run's video, as packets for the next file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av import Packet
from av.video.stream import VideoStream

from pipeline.errors import ResumeError

_START = b"\0\0\0\1"
_LENGTH_BYTES = 4


def kept_packets(path: Path, count: int, headers: bytes) -> Iterator[Packet[VideoStream]]:
    """The first packets of an H.264 mp4, a frame each, as the encoder gave them.

    They have no stream yet. There must be no B-frames, so that any number of first packets can
    be shown without the rest.

    Args:
        path: Of a file that may have been cut off by a kill.
        count: How many packets.
        headers: What the encoder of the frames to come says of them (its `extradata`).

    Raises:
        ResumeError: If the file holds fewer, or frames of another encoder.
    """
    given = 0
    try:
        with av.open(path, "r", format="mp4") as container:
            stream = container.streams.video[0]
            held = bytes(stream.codec_context.extradata or b"")
            if not all(unit in held for unit in headers.split(_START)[1:]):
                raise ResumeError(f"{path}: was made by another encoder")
            for packet in container.demux(stream):
                if given == count or not packet.size:
                    break
                yield _copied(packet)
                given += 1
    except (OSError, IndexError, ValueError) as error:
        raise ResumeError(f"{path}: cannot be read: {error}") from error
    if given < count:
        raise ResumeError(f"{path}: holds {given} frames of {count}")


def _copied(packet: Packet[VideoStream]) -> Packet[VideoStream]:
    copy: Packet[Any] = Packet(with_start_codes(bytes(packet)))
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.time_base = packet.time_base
    copy.is_keyframe = packet.is_keyframe
    return copy


def with_start_codes(units: bytes) -> bytes:
    r"""H.264 units with a start code before each, where mp4 has their length.

    Raises:
        ValueError: If the lengths do not fit.

    >>> with_start_codes(b"\0\0\0\2ab\0\0\0\1c")
    b'\x00\x00\x00\x01ab\x00\x00\x00\x01c'
    """
    found = bytearray(units)
    at = 0
    while at < len(found):
        size = int.from_bytes(found[at : at + _LENGTH_BYTES], "big")
        found[at : at + _LENGTH_BYTES] = _START
        at += _LENGTH_BYTES + size
    if at != len(found):
        raise ValueError("damaged H.264 units")
    return bytes(found)
