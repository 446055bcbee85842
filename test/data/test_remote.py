"""Data behind URLs is fetched once, kept in step, and never written outside the cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from depth_completion_ros.data.remote.cache import VARIABLE, fetch, fetch_one
from depth_completion_ros.data.remote.urls import is_glob, url_of

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def store():
    """A store in memory, empty."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    yield memory
    memory.store.clear()


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("s3://bucket/a", "s3://bucket/a"),
        (Path("s3://bucket/a"), "s3://bucket/a"),
        (Path("GS://bucket"), "gs://bucket"),
        (Path("file:///data/a"), "file:///data/a"),
        ("drives/monday", None),
        ("/data/s3:/a", None),
        ("C:/data", None),
        ("a:b", None),
    ],
)
def test_a_url_is_told_from_a_path_even_where_pathlib_took_a_stroke(path, url):
    assert url_of(path) == url


def test_what_is_there_by_the_name_of_a_url_is_a_path(tmp_path, monkeypatch):
    (tmp_path / "s3:" / "bucket").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert url_of("s3://bucket") is None


def test_the_query_of_a_url_is_no_glob():
    assert not is_glob("https://host/a.mcap?key=1") and is_glob("s3://bucket/2011_*")


def test_a_folder_is_fetched_once_and_kept_in_step(store, cache):
    store.pipe({"/drives/monday/a.txt": b"1", "/drives/monday/deep/b.txt": b"2", "/drives/other": b"3"})
    folder = fetch_one("memory://drives/monday")
    assert folder == cache / "memory/drives/monday"
    assert {file.name for file in folder.rglob("*") if file.is_file()} == {"a.txt", "b.txt"}
    before = (folder / "deep/b.txt").stat().st_mtime_ns

    store.pipe("/drives/monday/a.txt", b"one")
    store.pipe("/drives/monday/c.txt", b"new")
    assert fetch_one("memory://drives/monday") == folder
    assert (folder / "a.txt").read_bytes() == b"one" and (folder / "c.txt").read_bytes() == b"new"
    assert (folder / "deep/b.txt").stat().st_mtime_ns == before

    store.rm("/drives/monday/c.txt")
    (folder / "a.txt").unlink()  # by somebody who tidies the cache up
    fetch("memory://drives/monday")
    assert not (folder / "c.txt").exists() and (folder / "a.txt").read_bytes() == b"one"


def test_a_glob_and_a_file_and_a_whole_store(store, cache):
    store.pipe({"/d/2011_1/a": b"1", "/d/2011_2/a": b"2", "/d/2012/a": b"3", "/d/bag.mcap": b"4"})
    assert [path.name for path in fetch("memory://d/2011_*")] == ["2011_1", "2011_2"]
    assert fetch_one("memory://d/bag.mcap").read_bytes() == b"4"
    assert len([file for file in fetch_one("memory://").rglob("a") if file.is_file()]) == 3
    with pytest.raises(ValueError, match="is 2 drives; it must be one"):
        fetch_one("memory://d/2011_*")


def test_a_download_that_breaks_leaves_what_was_there(store, monkeypatch):
    store.pipe("/d/a", b"before")
    file = fetch_one("memory://d/a")
    store.pipe("/d/a", b"after")

    def breaks(self, key, target, **options):
        Path(target).write_bytes(b"af")
        raise TimeoutError("the line is dead")

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "get_file", breaks)
        with pytest.raises(OSError, match="'memory://d/a' cannot be fetched: the line is dead"):
            fetch("memory://d/a")
    assert file.read_bytes() == b"before" and len(list(file.parent.iterdir())) == 2
    assert fetch_one("memory://d/a").read_bytes() == b"after"


@pytest.mark.parametrize("url", ["memory://nothing", "memory://nothing/2011_*"])
def test_nothing_there_is_told(store, url):
    with pytest.raises(FileNotFoundError, match="There is nothing at"):
        fetch(url)


def test_a_name_that_leads_out_of_the_cache_is_refused(store, cache):
    store.store["/d/../../../evil"] = store.store.setdefault(
        "/d/a", fsspec.implementations.memory.MemoryFile()
    )
    with pytest.raises(ValueError, match="leads out of its folder"):
        fetch("memory://d")
    assert not list(cache.parent.rglob("evil"))


def test_protocols_that_are_not_there_are_told():
    with pytest.raises(ValueError, match="protocol that fsspec does not know"):
        fetch("nosuch://bucket/drive")
    with pytest.raises(ValueError, match="chain of URLs"):
        fetch("zip://drive::s3://bucket/drives.zip")
    try:
        import s3fs  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match=r"^'s3://bucket/drive' needs a further Python package: .*s3fs"):
            fetch("s3://bucket/drive")


def test_without_fsspec_it_is_told_what_to_install():
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from depth_completion_ros.data.reader import open_reader\n"
        "try: open_reader('s3://bucket/drive')\n"
        "except ImportError as error: print(error)"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert "'s3://bucket/drive' needs the Python package 'fsspec'" in said.stdout
    assert "pip install 'depth_completion_ros[remote]'" in said.stdout
