"""An RTSP server on the loopback that cuts, stalls, loses and restarts on command.

It serves one H.264 clip to any number of clients, over TCP (interleaved) or UDP, at the clip's
own pace. The clip goes round and its place moves on whether anybody looks or not, as a camera's.
"""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.bitstream import BitStreamFilterContext

RTP_CLOCK = 90_000
MOST_BYTES = 1200
_PAYLOAD_TYPE = 96
_FU_A = 28


@dataclass(frozen=True)
class Coded:
    """An H.264 clip as its NAL units: parameter sets apart, and those of each picture."""

    parameters: list[bytes]
    pictures: list[list[bytes]]
    keys: list[bool]


def read_coded(path: Path) -> Coded:
    """The video of a file without B-frames."""
    parameters: dict[bytes, None] = {}
    pictures, keys = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            for plain in annexb.filter(packet if packet.size else None):
                units = list(nal_units(bytes(plain)))
                parameters.update((unit, None) for unit in units if unit[0] & 31 in (7, 8))
                pictures.append([unit for unit in units if unit[0] & 31 in (1, 5)])
                keys.append(plain.is_keyframe)
    return Coded(list(parameters), pictures, keys)


def nal_units(annexb: bytes) -> Iterator[bytes]:
    """The NAL units between start codes."""
    for unit in annexb.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1"):
        if unit:
            yield unit


def payloads(unit: bytes) -> Iterator[bytes]:
    """One NAL unit as RTP payloads: whole, or in fragments (RFC 6184, FU-A)."""
    if len(unit) <= MOST_BYTES:
        yield unit
        return
    indicator, kind, body = unit[0] & 0xE0 | _FU_A, unit[0] & 31, unit[1:]
    for start in range(0, len(body), MOST_BYTES):
        flags = (start == 0) << 7 | (start + MOST_BYTES >= len(body)) << 6
        yield bytes((indicator, flags | kind)) + body[start : start + MOST_BYTES]


@dataclass
class _Session:
    """One client: where its packets go, and its counters."""

    connection: socket.socket
    transport: str = ""
    channel: int = 0
    datagrams: socket.socket | None = None
    peer: tuple[str, int] = ("", 0)
    sequence: int = 0
    began: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, payload: bytes, ticks: int, *, last: bool) -> None:
        head = (0x80, last << 7 | _PAYLOAD_TYPE, self.sequence, ticks & 0xFFFFFFFF, 0x5EED)
        self.sequence = self.sequence + 1 & 0xFFFF
        packet = struct.pack("!BBHII", *head) + payload
        if self.datagrams is not None:
            self.datagrams.sendto(packet, self.peer)
            return
        with self.lock:
            self.connection.sendall(struct.pack("!cBH", b"$", self.channel, len(packet)) + packet)

    def close(self) -> None:
        for one in (self.connection, self.datagrams):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()


class RtspServer:
    """Serves a clip at `url` until the `with` block is left.

    Args:
        clip: Goes round; starts at a picture that can be decoded alone.
        rate: Pictures per second.
        login: `user:password` that clients must give (basic authentication).

    Attributes:
        clients: How many have played so far.
        sent: Pictures sent so far, to all clients together.
    """

    def __init__(self, clip: Coded, *, rate: float = 30.0, login: str | None = None) -> None:
        self.clip = clip
        self.rate = rate
        self.clients = 0
        self.sent = 0
        self._login = login
        self._changed = threading.Condition()
        self._sessions: list[_Session] = []
        self._threads: list[threading.Thread] = []
        self._stalled = self._closed = self._refusing = False
        self._lose = 0
        self._clock = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.started_s = time.monotonic()

    @property
    def url(self) -> str:
        """Without a login."""
        return f"rtsp://127.0.0.1:{self.port}/yard/gate"

    @property
    def place(self) -> int:
        """The picture that is due now, counted from the start; the clip goes round."""
        return int((time.monotonic() - self.started_s) * self.rate)

    def cut(self) -> None:
        """Closes all connections."""
        with self._changed:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def stall(self) -> None:
        """Sends nothing more but keeps the connections, and answers no new ones' pictures."""
        with self._changed:
            self._stalled = True

    def resume(self) -> None:
        """Ends a stall, and refusing."""
        with self._changed:
            self._stalled = self._refusing = False
            self._changed.notify_all()

    def refuse(self) -> None:
        """Answers no request until `resume`."""
        with self._changed:
            self._refusing = True

    def lose(self, packets: int) -> None:
        """Leaves out the next RTP packets."""
        with self._changed:
            self._lose = packets

    def jump(self, seconds: float) -> None:
        """Moves the times in the packets, and only those."""
        with self._changed:
            self._clock += round(seconds * RTP_CLOCK)

    def wait_for(self, what: str, least: int, timeout_s: float = 20.0) -> None:
        """Waits until the attribute `what` is at least `least`."""
        with self._changed:
            found = self._changed.wait_for(lambda: getattr(self, what) >= least, timeout_s)
        assert found, f"{what} is {getattr(self, what)} after {timeout_s} s, not {least}"

    def __enter__(self) -> RtspServer:
        self._start(self._listen)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name="rtsp-server", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                if self._refusing or self._closed:
                    connection.close()
                    continue
                session = _Session(connection)
                self._sessions.append(session)
            self._start(self._serve, session)

    def _serve(self, session: _Session) -> None:
        try:
            with session.connection.makefile("rb") as requests:
                while request := self._read_request(requests):
                    self._answer(session, *request)
        except (OSError, ValueError):
            pass
        finally:
            session.close()
            with self._changed:
                if session in self._sessions:
                    self._sessions.remove(session)

    @staticmethod
    def _read_request(requests: Any) -> tuple[str, dict[str, str]] | None:
        line = b""
        while not line.strip():
            first = requests.read(1)
            if first == b"$":  # the client's RTCP
                _, size = struct.unpack("!BH", requests.read(3))
                requests.read(size)
                continue
            line = first + requests.readline()
            if not first:
                return None
        headers = {}
        while (header := requests.readline().decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
        return line.decode().split()[0], headers

    def _answer(self, session: _Session, method: str, headers: dict[str, str]) -> None:
        status, extra, body = "200 OK", ["Session: 1;timeout=60"], ""
        if method == "OPTIONS":
            extra = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"]
        elif self._login is not None and not self._knows(headers.get("authorization", "")):
            status, extra = "401 Unauthorized", ['WWW-Authenticate: Basic realm="yard"']
        elif method == "DESCRIBE":
            body, extra = self._description(), ["Content-Type: application/sdp"]
        elif method == "SETUP":
            extra.append(self._set_up(session, headers["transport"]))
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('cseq', '0')}", *extra]
        lines += [f"Content-Length: {len(body)}"] if body else []
        with session.lock:
            session.connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if method == "PLAY" and status == "200 OK":
            with self._changed:
                self.clients += 1
                self._changed.notify_all()
            self._start(self._play, session)
        elif method == "TEARDOWN":
            session.close()

    def _knows(self, authorization: str) -> bool:
        assert self._login is not None
        return authorization == "Basic " + base64.b64encode(self._login.encode()).decode()

    def _description(self) -> str:
        sets = ",".join(base64.b64encode(unit).decode() for unit in self.clip.parameters)
        lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=gate", "c=IN IP4 0.0.0.0", "t=0 0"]
        lines += [f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}"]
        lines += [f"a=rtpmap:{_PAYLOAD_TYPE} H264/{RTP_CLOCK}"]
        lines += [f"a=fmtp:{_PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={sets}"]
        return "\r\n".join([*lines, f"a=framerate:{self.rate:g}", "a=control:track1", ""])

    @staticmethod
    def _set_up(session: _Session, wanted: str) -> str:
        if "TCP" in wanted:
            session.transport = "tcp"
            return "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
        session.transport = "udp"
        ports = wanted.split("client_port=")[1].split(";")[0]
        session.peer = ("127.0.0.1", int(ports.split("-")[0]))
        session.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        session.datagrams.bind(("127.0.0.1", 0))
        own = session.datagrams.getsockname()[1]
        return f"Transport: RTP/AVP;unicast;client_port={ports};server_port={own}-{own + 1}"

    def _play(self, session: _Session) -> None:
        place = self.place
        try:
            while self._wait_until(place, session):
                self._send_picture(session, place)
                place += 1
        except OSError:
            session.close()

    def _wait_until(self, place: int, session: _Session) -> bool:
        """Whether the session is still there when that picture is due."""
        with self._changed:
            while not self._closed and session in self._sessions:
                left_s = self.started_s + place / self.rate - time.monotonic()
                if left_s <= 0 and not self._stalled:
                    return True
                self._changed.wait(left_s if left_s > 0 else None)
        return False

    def _send_picture(self, session: _Session, place: int) -> None:
        index = place % len(self.clip.pictures)
        if session.began is None:
            if not self.clip.keys[index]:
                return
            session.began = place
        ticks = round((place - session.began) * RTP_CLOCK / self.rate) + self._clock
        units = self.clip.pictures[index]
        if self.clip.keys[index]:
            units = [*self.clip.parameters, *units]
        self._send_units(session, units, ticks)
        with self._changed:
            self.sent += 1
            self._changed.notify_all()

    def _send_units(self, session: _Session, units: Sequence[bytes], ticks: int) -> None:
        for number, unit in enumerate(units, 1):
            parts = list(payloads(unit))
            for part_number, part in enumerate(parts, 1):
                last = number == len(units) and part_number == len(parts)
                with self._changed:
                    lost = self._lose > 0
                    self._lose -= lost
                if lost:
                    session.sequence = session.sequence + 1 & 0xFFFF
                else:
                    session.send(part, ticks, last=last)
