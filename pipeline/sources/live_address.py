"""What a stream's URL means, and what of it may be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config import LiveConfig
from pipeline.errors import InputError
from pipeline.sources.naming import safe_name, shown

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "tcp", "http", "https")

QUICK_START = {"fpsprobesize": "0"}
"""Without it FFmpeg reads 20 frames to guess the frame rate, before it gives the first: at 30
frames/s 0.7 to 0.9 s instead of 0.1 to 0.3."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(/?)(.*)", re.DOTALL)
# Some cameras take user and password as parts of the path.
_SECRET = re.compile(r"pass|pwd|user|login|token|secret|auth|key|sign", re.IGNORECASE)
_RTSP = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto"
_HTTP = "http,https,tcp,tls,crypto,hls,data"
_PROTOCOLS = {
    **dict.fromkeys(("rtsp", "rtsps"), _RTSP),
    **dict.fromkeys(("rtmp", "rtmps"), "rtmp,rtmps,rtmpt,rtmpts,tcp,tls,http,https,crypto"),
    **dict.fromkeys(("http", "https"), _HTTP),
    "udp": "udp",
    "tcp": "tcp",
    "srt": "srt",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a live stream is.

    Attributes:
        url: As FFmpeg takes it; may hold a password, so it is for FFmpeg alone.
        scheme: What stands before `://`, lower case; `v4l2` for a webcam.
        shown: The URL without login, query and parts of the path that may be secret.
        name: From host and path, safe as the name of a folder, without secrets.
    """

    url: str = field(repr=False)
    scheme: str
    shown: str
    name: str

    def options(self, config: LiveConfig) -> dict[str, str]:
        """FFmpeg's options for opening it."""
        if self.scheme == "v4l2":
            return {}
        # Playlists of strangers may not name local files.
        options = {"protocol_whitelist": _PROTOCOLS[self.scheme], **QUICK_START}
        if self.scheme in ("rtsp", "rtsps"):
            options["rtsp_transport"] = config.rtsp_transport
        if self.scheme in ("rtmp", "rtmps"):
            # FFmpeg waits 5 s for sound, which may come at any time in this format.
            options["analyzeduration"] = "500000"
        if self.scheme == "udp":
            # In packets of 188 bytes: 10 MB between the socket and the reader.
            options |= {"fifo_size": "57344", "overrun_nonfatal": "1"}
        return options


def is_url(word: str) -> bool:
    """Whether a user's word is meant as a URL: `scheme:/` with a scheme of two letters or more."""
    return _URL.match(word) is not None


def parse_address(word: str) -> Address:
    """The stream that a URL means.

    Raises:
        InputError: If it is none of `SCHEMES` or names no host.

    >>> parse_address("rtsp://bob:pw@cam.local:554/yard/gate.sdp?token=1").shown
    'rtsp://cam.local:554/yard/gate.sdp?...'
    >>> parse_address("rtsp://bob:pw@cam.local:554/yard/gate.sdp?token=1").name
    'cam.local_yard_gate'
    >>> parse_address("udp://@239.0.0.1:5000").name
    '239.0.0.1_5000'
    """
    match = _URL.match(word)
    scheme = match[1].lower() if match else ""
    if match is None or scheme not in SCHEMES:
        # The rest of it may hold a password.
        raise InputError(
            f"{shown(scheme)}://...: not a stream that can be read; give a file, or one of "
            f"{', '.join(SCHEMES)}"
        )
    host, path, query = _told(match[3])
    if not match[2] or not host:
        raise InputError(f"{scheme}://...: names no host; write {scheme}://host:port/path")
    if scheme.startswith("rtmp"):
        # The last part is often the key of the stream.
        path = [*path[:-1], "..."] if path else path
    told = f"{scheme}://" + "/".join([host, *path]) + ("?..." if query else "")
    return Address(word, scheme, shown(told), _name(host, path))


def device_address(path: Path) -> Address:
    """The webcam of a device file."""
    return Address(str(path), "v4l2", shown(path), safe_name(path.name))


def _told(rest: str) -> tuple[str, list[str], bool]:
    """Host and port, parts of the path, and whether there is a query; without secrets."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    after = rest[len(authority) :]
    if "@" in after:
        # As like as not the rest of a password that holds one of these characters.
        return "...", [], False
    path, question, _ = after.partition("#")[0].partition("?")
    host = authority.rpartition("@")[2]
    parts = ["..." if _SECRET.search(part) else part for part in path.split("/") if part]
    return host, parts, bool(question)


def _name(host: str, path: list[str]) -> str:
    if host == "...":
        return "stream"
    parts = [part for part in path if part != "..."]
    bare = re.sub(r":\d*$", "", host)
    if not parts:
        return safe_name(host.replace(":", "_").strip("_") or "stream")
    return safe_name("_".join(filter(None, [bare, *parts[:-1], Path(parts[-1]).stem])))
