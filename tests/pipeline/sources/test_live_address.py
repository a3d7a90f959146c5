from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import LiveConfig
from pipeline.errors import InputError
from pipeline.sources.live_address import device_address, is_url, parse_address

TABLE = [
    ("rtsp://cam/gate", "rtsp://cam/gate", "cam_gate"),
    ("RTSP://10.0.0.5:554/live/ch1.sdp", "rtsp://10.0.0.5:554/live/ch1.sdp", "10.0.0.5_live_ch1"),
    ("rtsp://bob:s3cret@cam/gate", "rtsp://cam/gate", "cam_gate"),
    ("rtsp://bob:s3@cret@cam/gate", "rtsp://cam/gate", "cam_gate"),
    ("rtsp://bob:s3/cret@cam/gate", "rtsp://...", "stream"),
    ("rtsp://bob:s3@a/cret@cam/gate", "rtsp://...", "stream"),
    ("rtsp://bob:s3?cret@cam/gate", "rtsp://...", "stream"),
    ("rtsp://cam/user=bob_password=s3cret_ch=1.sdp", "rtsp://cam/...", "cam"),
    ("rtmp://host/live/s3cret", "rtmp://host/live/...", "host_live"),
    ("https://host/a/b.m3u8?token=s3cret#s3cret", "https://host/a/b.m3u8?...", "host_a_b"),
    ("srt://host:9000?passphrase=s3cret&streamid=x", "srt://host:9000?...", "host_9000"),
    ("udp://@239.0.0.1:5000", "udp://239.0.0.1:5000", "239.0.0.1_5000"),
    ("udp://@:5000", "udp://:5000", "5000"),
    ("tcp://host:9000", "tcp://host:9000", "host_9000"),
    ("rtsp://[::1]:554/gate", "rtsp://[::1]:554/gate", "[::1]_gate"),
]


@pytest.mark.parametrize(("url", "shown", "name"), TABLE)
def test_what_is_told_of_a_url(url: str, shown: str, name: str) -> None:
    address = parse_address(url)
    assert (address.shown, address.name) == (shown, name)
    assert address.url == url
    assert "s3" not in repr(address)


@pytest.mark.parametrize("url", ["ftp://bob:s3cret@host/a", "rtsp:/bob:s3cret@host", "rtsp://"])
def test_what_is_no_stream_is_said_without_the_login(url: str) -> None:
    assert is_url(url)
    with pytest.raises(InputError) as found:
        parse_address(url)
    assert "s3cret" not in str(found.value)
    assert url.partition(":")[0] in str(found.value)


@pytest.mark.parametrize("word", ["flight.mp4", "a:b.mp4", "C:/flight.mp4", "a/b://c"])
def test_names_of_files_are_no_urls(word: str) -> None:
    assert not is_url(word)


@given(
    st.text(min_size=1),
    st.sampled_from(["rtsp", "rtmp", "https", "srt"]),
)
def test_no_login_gets_through(login: str, scheme: str) -> None:
    plain = parse_address(f"{scheme}://host/yard/gate")
    found = parse_address(f"{scheme}://bob:{login}@host/yard/gate")
    known = (f"{scheme}://...", "stream")
    assert (found.shown, found.name) in [(plain.shown, plain.name), known]


def test_a_playlist_may_not_open_files() -> None:
    options = parse_address("http://host/a.m3u8").options(LiveConfig())
    assert "file" not in options["protocol_whitelist"].split(",")


def test_rtsp_takes_the_transport_of_the_settings() -> None:
    options = parse_address("rtsp://host/a").options(LiveConfig(rtsp_transport="udp"))
    assert options["rtsp_transport"] == "udp"


def test_a_webcam_is_named_by_its_device() -> None:
    address = device_address(Path("/dev/video0"))
    assert (address.scheme, address.name, address.options(LiveConfig())) == ("v4l2", "video0", {})
