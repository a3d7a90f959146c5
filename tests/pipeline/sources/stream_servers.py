"""Servers on the loopback for streams other than RTSP: MPEG-TS over TCP and UDP, and HLS."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av

DATAGRAM = 1316


def transport_stream(path: Path) -> list[bytes]:
    """The packets of a file's video as MPEG-TS, one piece for each picture."""
    pieces: list[bytes] = []
    buffer = io.BytesIO()
    with (
        av.open(str(path)) as source,
        av.open(buffer, "w", "mpegts", options={"flush_packets": "1"}) as out,
    ):
        stream = source.streams.video[0]
        copied = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = copied
                out.mux(packet)
                pieces.append(buffer.getvalue())
                buffer.seek(0)
                buffer.truncate()
    return pieces


class Pace:
    """Gives each turn when it is due, until it is stopped."""

    def __init__(self, rate: float) -> None:
        self.stopped = threading.Event()
        self._rate = rate
        self._started_s = time.monotonic()

    def __iter__(self) -> Iterator[int]:
        turn = 0
        while not self.stopped.wait(
            max(0.0, self._started_s + turn / self._rate - time.monotonic())
        ):
            yield turn
            turn += 1


@contextmanager
def serve_tcp(pieces: list[bytes], rate: float, *, cut_after: int = 10**9) -> Iterator[str]:
    """The URL of a TCP server that sends each client the pieces from the first, round and round.

    It hangs up after `cut_after` pieces.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    pace = Pace(rate)

    def serve() -> None:
        while not pace.stopped.is_set():
            with suppress(OSError):
                client, _ = listener.accept()
                with client:
                    own = Pace(rate)
                    own.stopped = pace.stopped
                    for turn in own:
                        if turn >= cut_after:
                            break
                        client.sendall(pieces[turn % len(pieces)])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        pace.stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextmanager
def send_udp(pieces: list[bytes], rate: float) -> Iterator[str]:
    """The URL of a port that is sent the pieces, round and round."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        peer = probe.getsockname()
    pace = Pace(rate)

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for turn in pace:
                piece = pieces[turn % len(pieces)]
                for start in range(0, len(piece), DATAGRAM):
                    with suppress(ConnectionRefusedError):
                        out.sendto(piece[start : start + DATAGRAM], peer)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield f"udp://127.0.0.1:{peer[1]}"
    finally:
        pace.stopped.set()
        thread.join()


@contextmanager
def serve_hls(folder: Path, *, live: bool) -> Iterator[str]:
    """The URL of the playlist in a folder; a live one never says where it ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / Path(self.path).name.partition("?")[0]
            if not path.is_file():
                self.send_error(404)
                return
            body = path.read_bytes()
            if live and path.suffix == ".m3u8":
                body = body.replace(b"#EXT-X-ENDLIST\n", b"")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
