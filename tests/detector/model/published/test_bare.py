from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from detector.model.published.bare import refuse_bare_pickle


def fault(path: Path) -> str:
    with pytest.raises(ValueError, match=r".") as error:
        refuse_bare_pickle(path)
    return str(error.value)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_what_a_bare_pickle_would_call_is_named(tmp_path: Path, protocol: int) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/marker",)

    path = tmp_path / "t.pt"
    path.write_bytes(pickle.dumps({"model": Evil()}, protocol))
    assert fault(path).startswith(f"holds {os.name}.system,")
    torch.save(Evil(), path, _use_new_zipfile_serialization=False)
    assert fault(path).startswith(f"holds {os.name}.system,")
    assert not (tmp_path / "marker").exists()


def test_harmless_ones_are_refused_by_their_format(tmp_path: Path) -> None:
    path = tmp_path / "t.pt"
    path.write_bytes(pickle.dumps({}))
    assert fault(path) == "a bare pickle, not a file of torch.save"
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert "from before version 1.6; load it and save it with a newer torch" in fault(path)
    torch.save({"model": torch.nn.Linear(2, 2)}, path, _use_new_zipfile_serialization=False)
    assert "from before version 1.6; load it and save it with a newer torch" in fault(path)


def test_other_files_pass_by(tmp_path: Path) -> None:
    path = tmp_path / "t.pt"
    for content in (b"", b"PK\x03\x04", b"text"):
        path.write_bytes(content)
        refuse_bare_pickle(path)
