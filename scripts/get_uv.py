"""Makes a virtual environment with uv in it: `python3 scripts/get_uv.py .venv`.

Needs the standard library only. Debian and Ubuntu ship Python without `ensurepip`; there pip is
run from its wheel, which PyPI serves and whose hash is checked.
"""

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)


def main(folder: Path) -> None:
    """Creates or completes the environment.

    Raises:
        SystemExit: If this Python is too old or too new, or PyPI cannot be reached.
    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"error: Python 3.11 to 3.14 is needed, not {found}; try make PYTHON=python3.12")
    has_pip = importlib.util.find_spec("ensurepip") is not None
    if not (folder / "bin/python").exists():
        venv.create(folder, with_pip=has_pip)
    python = str(folder / "bin/python")
    if has_pip:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        return
    with tempfile.TemporaryDirectory() as temporary:
        wheel = download_pip(Path(temporary))
        subprocess.run([python, f"{wheel}/pip", "install", "--quiet", "uv"], check=True)


def download_pip(folder: Path) -> Path:
    """The newest wheel of pip that PyPI has, its hash checked."""
    with urllib.request.urlopen("https://pypi.org/pypi/pip/json") as answer:
        files = json.load(answer)["urls"]
    wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
    # A mirror may state the address relative to its index page.
    url = urllib.parse.urljoin("https://pypi.org/simple/pip/", wheel["url"])
    with urllib.request.urlopen(url) as answer:
        content: bytes = answer.read()
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        sys.exit(f"error: {url}: the download is damaged; try again")
    path = folder / str(wheel["filename"])
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
