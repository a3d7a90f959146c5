"""Streams through the ffmpeg program, played by a stub unless the true one is there."""

from __future__ import annotations

import socket
import stat
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.config import LiveConfig
from pipeline.errors import InputError
from pipeline.sources import live_pipe
from pipeline.sources.live import LiveSource
from pipeline.sources.live_address import parse_address
from tests.pipeline.sources.stream_servers import transport_stream

URL = "srt://127.0.0.1:9?passphrase=s3cret"

STUB = """#!{python}
import sys, time
assert sys.argv[sys.argv.index("-i") + 1] == {url!r}, sys.argv
sys.stdout.buffer.write(open({stream!r}, "rb").read() * (5 if {hangs} else 1))
sys.stdout.buffer.flush()
if {hangs}:
    time.sleep(1000)
"""


@pytest.fixture
def stub(
    tmp_path: Path, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """`stub(hangs=...)` puts a program `ffmpeg` on the path that gives 20 pictures."""

    def make(*, hangs: bool) -> None:
        pieces = transport_stream(clip(tmp_path / "clip.mp4", options={"bf": "0", "crf": "10"}))
        (tmp_path / "stream.ts").write_bytes(b"".join(pieces))
        program = tmp_path / "ffmpeg"
        stream = str(tmp_path / "stream.ts")
        program.write_text(STUB.format(python=sys.executable, url=URL, stream=stream, hangs=hangs))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))

    return make


def opened(**wanted: Any) -> LiveSource:
    config = LiveConfig(policy="all", retry_s=0.01, **wanted)
    return LiveSource(parse_address(URL), config)


def test_srt_comes_through_the_program_and_again_after_its_end(
    stub: Callable[..., None], number: Callable[[NDArray[np.uint8]], int]
) -> None:
    stub(hangs=False)
    source = opened()
    frames = list(islice(source, 40))
    source.close()
    assert [number(frame.image) for frame in frames] == [*range(20), *range(20)]
    assert source.report.reconnects == 1
    assert source.info.path == "srt://127.0.0.1:9?..."


def test_a_program_that_hangs_is_killed(stub: Callable[..., None]) -> None:
    stub(hangs=True)
    source = opened(stall_s=0.3, open_s=20.0)
    assert len(list(islice(source, 110))) == 110
    source.close()
    assert source.report.faults == {"no frame for 0.3 s": 1}


def test_without_the_program_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match="SRT needs the ffmpeg program; install the extra `live`"):
        opened()


def test_a_true_program_finds_nobody_there() -> None:
    try:
        live_pipe.find_ffmpeg()
    except InputError:
        pytest.skip("no ffmpeg program")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"srt://127.0.0.1:{silent.getsockname()[1]}?passphrase=s3cret12345"
        with pytest.raises(InputError, match=r"^srt://127.0.0.1:\d+\?\.\.\.: ") as found:
            LiveSource(parse_address(url), LiveConfig(open_s=0.5))
    assert "s3cret" not in str(found.value)
