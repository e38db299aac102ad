"""A store for tables that is nothing but a folder."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlcycle import codecs
from mlcycle._digest import sha256_file


class FolderFile:
    """A new file in a folder."""

    def __init__(self, folder: Path, key: str, kind: str) -> None:
        self.path, self.key, self.kind = folder / key, key, kind

    def done(self) -> dict[str, Any]:
        """Describe the file; it lies where it was written."""
        size = self.path.stat().st_size
        return {"key": self.key, "size": size, "sha256": sha256_file(self.path), "enc": None, "kind": self.kind}


class FolderBlocks:
    """The Protocol `codecs.BlockStore` over a folder; `known` is what `find` answers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, itertools.count()
        self.known: dict[str, codecs.Place] = {}

    def open(self, key: str) -> Path:
        """Return the file itself."""
        return self.folder / key

    def find(self, digest: str) -> codecs.Place | None:
        """Return what was put into `known`."""
        return self.known.get(digest)

    def new(self, kind: str) -> FolderFile:
        """Begin a file."""
        return FolderFile(self.folder, f"{kind}-{next(self.count)}.parquet", kind)

    def store(self, data: Any, **options: Any) -> codecs.Manifest:
        """Encode and write a table; return its manifest, read back."""
        written = codecs.write(codecs.encode(data, **options), self)
        return codecs.read_manifest(self.open(written.manifest["key"]))

    def round_trip(self, data: Any, **options: Any) -> pd.DataFrame:
        """Store a table and load it, checking digests."""
        return codecs.load(self.store(data), self, verify=True, **options)

    def round_trip_empty(self, data: Any) -> pd.DataFrame:
        """Store a table without rows and load it."""
        return codecs.load(self.store(data, allow_empty=True), self, verify=True)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> FolderBlocks:
    """Return a folder as a store for tables."""
    return FolderBlocks(tmp_path_factory.mktemp("blocks"))
