"""Live sources on real sockets of the loopback."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.config import LiveConfig
from pipeline.errors import InputError
from pipeline.frame import Frame
from pipeline.sources.live import LiveSource
from pipeline.sources.live_address import parse_address
from tests.pipeline.sources.rtsp_server import Coded, RtspServer, read_coded
from tests.pipeline.sources.stream_servers import (
    send_udp,
    serve_hls,
    serve_tcp,
    transport_stream,
)

COUNT = 60
RATE = 60.0
Number = Callable[[NDArray[np.uint8]], int]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures that carry their number, each tenth one a key."""
    from tests.pipeline.sources.conftest import Clip, write_clip

    options = {"crf": "10", "g": "10", "bf": "0"}
    clip = Clip(count=COUNT, options=options, size_wh=(192, 128))
    return write_clip(tmp_path_factory.mktemp("live") / "clip.mp4", clip)


@pytest.fixture(scope="module")
def coded(file: Path) -> Coded:
    return read_coded(file)


@pytest.fixture
def server(coded: Coded) -> Iterator[RtspServer]:
    with RtspServer(coded, rate=RATE) as running:
        yield running


def config(**wanted: Any) -> LiveConfig:
    given = {"policy": "all", "queue_frames": 500, "retry_s": 0.01, "open_s": 15.0, "stall_s": 5.0}
    return LiveConfig(**{**given, **wanted})


def opened(url: str, settings: LiveConfig | None = None, **limits: Any) -> LiveSource:
    return LiveSource(parse_address(url), settings or config(), **limits)


def in_turn(numbers: list[int]) -> bool:
    """Whether each is the next of the clip, which goes round."""
    return all(after == (before + 1) % COUNT for before, after in pairwise(numbers))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_gives_every_picture_at_its_time(
    transport: str, server: RtspServer, number: Number
) -> None:
    source = opened(server.url, config(rtsp_transport=transport), max_frames=40)
    frames = list(source)
    source.close()
    assert in_turn([number(frame.image) for frame in frames])
    assert [frame.index for frame in frames] == list(range(40))
    # The first has no time of its own: the second step is measured.
    steps = np.diff([frame.time_s for frame in frames])
    assert steps[2:] == pytest.approx(1 / RATE, abs=1e-3)
    assert (source.info.width, source.info.height) == (192, 128)
    assert source.info.path == server.url
    assert source.name == "127.0.0.1_yard_gate"
    assert source.lost == []


def test_it_ends_when_its_time_is_over_though_nothing_comes(server: RtspServer) -> None:
    source = opened(server.url, duration_s=0.5)
    server.stall()
    frames = list(source)
    assert frames
    assert frames[-1].time_s < 0.5
    source.close()


def test_after_a_cut_it_goes_on(server: RtspServer, number: Number) -> None:
    source = opened(server.url, config(retry_s=1.0))
    frames = iter(source)
    before = list(islice(frames, 20))
    server.cut()
    server.wait_for("clients", 2)
    after = list(islice(frames, 60))
    source.close()
    found = [*before, *after]
    assert all(a.time_s < b.time_s for a, b in pairwise(found))
    assert [frame.index for frame in found] == list(range(80))
    report = source.report
    assert (report.reconnects, list(report.faults.values())) == (1, [1])
    numbers = [number(frame.image) for frame in found]
    # A cut in the middle of a picture leaves a damaged one, whose number is anything.
    breaks = [at for at, (a, b) in enumerate(pairwise(numbers)) if b != (a + 1) % COUNT]
    assert 1 <= len(breaks) <= 2
    assert breaks[-1] - breaks[0] <= 1
    # The pause of half a second or more is in the times, what probing held back is not.
    assert max(np.diff([frame.time_s for frame in found])) > 0.5
    assert found[-1].time_s == pytest.approx(elapsed_s(found), abs=0.4)


def elapsed_s(frames: list[Frame]) -> float:
    """From the first frame's arrival to the last's."""
    first_s, last_s = frames[0].arrived_s, frames[-1].arrived_s
    assert first_s is not None
    assert last_s is not None
    return last_s - first_s


def test_a_stall_is_noticed_and_the_stream_taken_up_again(server: RtspServer) -> None:
    source = opened(server.url, config(stall_s=0.4))
    frames = iter(source)
    next(frames)
    server.stall()
    reader = threading.Thread(target=lambda: list(islice(frames, 60)), daemon=True)
    reader.start()
    # The stalled server answers, so the second client is the drain's.
    server.wait_for("clients", 2)
    server.resume()
    reader.join(20)
    assert not reader.is_alive()
    source.close()
    assert source.report.faults["no frame for 0.4 s"] >= 1
    assert source.report.reconnects == 1


@pytest.mark.parametrize("seconds", [-1000.0, 5000.0])
def test_a_jump_of_the_streams_clock_is_no_gap(seconds: float, server: RtspServer) -> None:
    source = opened(server.url)
    frames = iter(source)
    found = list(islice(frames, 20))
    server.jump(seconds)
    found += islice(frames, 50)
    source.close()
    steps = np.diff([frame.time_s for frame in found])
    assert steps.min() > 0
    assert steps.max() < 2.0
    assert source.report.breaks == ()


def test_lost_packets_cost_frames_and_no_more(server: RtspServer, number: Number) -> None:
    source = opened(server.url, config(rtsp_transport="udp"))
    frames = iter(source)
    found = list(islice(frames, 20))
    server.lose(3)
    found += islice(frames, 60)
    source.close()
    assert len({number(frame.image) for frame in found}) > COUNT // 2
    assert source.report.reconnects == 0


def test_mpegts_over_tcp(file: Path, number: Number) -> None:
    with serve_tcp(transport_stream(file), RATE, cut_after=40) as url:
        source = opened(url)
        frames = list(islice(source, 90))
        source.close()
    numbers = [number(frame.image) for frame in frames]
    assert in_turn(numbers[:40])
    assert numbers[:5] == [0, 1, 2, 3, 4]
    assert source.report.reconnects == 2
    assert all(a.time_s < b.time_s for a, b in pairwise(frames))


def test_mpegts_over_udp(file: Path, number: Number) -> None:
    with send_udp(transport_stream(file), RATE) as url:
        source = opened(url)
        frames = list(islice(source, 60))
        source.close()
    assert len({number(frame.image) for frame in frames}) > COUNT // 2
    assert all(a.time_s < b.time_s for a, b in pairwise(frames))


@pytest.fixture(scope="module")
def playlist(file: Path) -> Path:
    """A folder with the clip in segments, `live.m3u8`."""
    with (
        av.open(str(file)) as source,
        av.open(
            str(file.with_name("live.m3u8")),
            "w",
            "hls",
            options={"hls_time": "0.5", "hls_list_size": "0"},
        ) as out,
    ):
        stream = source.streams.video[0]
        copied = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = copied
                out.mux(packet)
    return file.parent


def test_live_hls_keeps_its_own_pace(playlist: Path) -> None:
    """Whole segments come at once; under `latest` all but one frame of each would be lost."""
    with serve_hls(playlist, live=True) as url:
        source = opened(f"{url}/live.m3u8")
        frames: list[Frame] = list(islice(source, 30))
        source.close()
    waited_s = [
        b.arrived_s - a.arrived_s for a, b in pairwise(frames) if a.arrived_s and b.arrived_s
    ]
    assert len(waited_s) == 29
    assert sum(waited_s) > 0.8 * (frames[-1].time_s - frames[0].time_s)


@pytest.mark.parametrize("name", ["live.m3u8", "clip.mp4"])
def test_a_recording_over_http_is_read_whole_and_ends(
    name: str, playlist: Path, number: Number
) -> None:
    with serve_hls(playlist, live=False) as url:
        source = opened(f"{url}/{name}", LiveConfig())
        frames = list(source)
        source.close()
    assert [number(frame.image) for frame in frames] == list(range(COUNT))
    assert source.lost == []
    assert source.report.policy == "all"


def test_a_playlist_cannot_name_a_local_file(file: Path, tmp_path: Path) -> None:
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{file}\n#EXT-X-ENDLIST\n"
    (tmp_path / "evil.m3u8").write_text(text)
    with serve_hls(tmp_path, live=False) as url, pytest.raises(InputError):
        opened(f"{url}/evil.m3u8")


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_sixty_cuts_in_a_row_leave_nothing_behind(coded: Coded) -> None:
    with RtspServer(coded, rate=240.0) as server:
        source = opened(server.url, config(policy="latest"))
        frames = iter(source)
        seen = []
        for cut in range(1, 61):
            next(frames)
            server.cut()
            server.wait_for("clients", cut + 1)
            while source.report.reconnects < cut:
                next(frames)
            seen.append((handles(), threading.active_count(), resident_mb()))
        source.close()
    early, late = np.array(seen[10:20]), np.array(seen[-10:])
    assert late[:, :2].max() <= early[:, :2].max() + 3
    assert late[:, 2].mean() - early[:, 2].mean() < 8


def fault(url: str, **wanted: Any) -> str:
    with pytest.raises(InputError) as found:
        opened(url, config(**wanted))
    assert "\n" not in str(found.value)
    return str(found.value)


def test_a_refused_connection_is_one_clear_line() -> None:
    with RtspServer(Coded([], [], [])) as gone:
        url = gone.url
    assert fault(url) == f"{url}: connection refused; check host and port, and that it is on"


def test_a_refused_login_is_one_clear_line(coded: Coded) -> None:
    with RtspServer(coded, login="bob:s3cret") as server:
        wrong = server.url.replace("//", "//bob:wr0ng@")
        expected = f"{server.url}: the login is refused (401); check user and password"
        assert fault(wrong) == fault(server.url) == expected
        source = opened(server.url.replace("//", "//bob:s3cret@"), max_frames=3)
        assert len(list(source)) == 3
        source.close()


def test_a_server_without_an_answer_is_given_up(server: RtspServer) -> None:
    server.stall()
    assert fault(server.url, open_s=0.5).startswith(f"{server.url}: no ")


def test_what_is_no_video_is_one_clear_line(playlist: Path) -> None:
    (playlist / "text.ts").write_text("no video at all\n" * 500)
    with serve_hls(playlist, live=False) as url:
        assert fault(f"{url}/text.ts").startswith(f"{url}/text.ts: ")
        expected = f"{url}/none.mp4: there is no such stream (404); check the path"
        assert fault(f"{url}/none.mp4") == expected


def test_closing_wakes_a_reader_that_waits(server: RtspServer) -> None:
    source = opened(server.url)
    server.stall()
    got: list[Frame] = []
    reader = threading.Thread(target=lambda: got.extend(source), daemon=True)
    reader.start()
    source.close()
    reader.join(20)
    assert not reader.is_alive()
