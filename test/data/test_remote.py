"""Data behind URLs is fetched once, kept in step, and never written outside the cache."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from depth_completion_ros.data.remote.cache import VARIABLE, fetch, fetch_one
from depth_completion_ros.data.remote.urls import folder_of, is_glob, path_of, shown, url_of

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem  # noqa: E402
from fsspec.utils import infer_storage_options  # noqa: E402


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
    assert file.read_bytes() == b"before" and len(list(file.parent.iterdir())) == 1
    assert fetch_one("memory://d/a").read_bytes() == b"after"


@pytest.mark.parametrize("url", ["memory://nothing", "memory://nothing/2011_*"])
def test_nothing_there_is_told(store, url):
    with pytest.raises(FileNotFoundError, match="There is nothing at"):
        fetch(url)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sftp://me:secret@one:22/a", "sftp://me:***@one:22/a"),
        ("sftp://me:sec@ret@one/a", "sftp://me:***@one/a"),
        ("sftp://me@one/a@b:c", "sftp://me@one/a@b:c"),
        ("https://one/a.mcap?sig=secret", "https://one/a.mcap?..."),
        ("github://org:drives@main/a", "github://org:drives@main/a"),
        ("s3://bucket/2011_*", "s3://bucket/2011_*"),
        ("drives/monday?", "drives/monday?"),
    ],
)
def test_people_are_not_shown_passwords_and_keys(url, told):
    assert shown(url) == told


def test_an_error_shows_neither_password_nor_key(store, cache):
    for url in ("nonsense://me:secret@one/a?key=secret", "nonsense://me:secret@one/a::memory://b"):
        with pytest.raises(ValueError, match="me:\\*\\*\\*@one/a") as error:
            fetch(url)
        assert "secret" not in str(error.value)


def test_an_error_of_a_store_shows_neither_password_nor_key(monkeypatch):
    def refuse(url):
        raise ValueError(f"Cannot parse {url}")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(ValueError, match=r"^Cannot parse memory://me:\*\*\*@one/a\?\.\.\.$"):
        fetch("memory://me:secret@one/a?key=secret")


def test_a_name_that_leads_out_of_the_cache_is_refused(store, cache):
    store.store["/d/../../../evil"] = store.store.setdefault(
        "/d/a", fsspec.implementations.memory.MemoryFile()
    )
    with pytest.raises(ValueError, match="leads out of its folder"):
        fetch("memory://d")
    assert not list(cache.parent.rglob("evil"))


@pytest.fixture
def victims(tmp_path, cache):
    """Files that no fetch has a right to, by the names that lead to them from memory://d/monday."""
    outside, beside = tmp_path / "home", cache / "memory/other"
    for file in (outside, beside):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")
    return {
        "../../../../home": outside,
        str(outside): outside,
        "../../other": beside,
        "deep/../../../other": beside,
    }


def record(cache):
    """The only record there is."""
    (path,) = (cache / ".records").glob("*.json")
    return path


def test_a_record_among_the_data_is_data_alone(store, cache, victims):
    hostile = json.dumps(dict.fromkeys(victims, "state")).encode()
    names = ("d/.monday.fetched.json", "d/monday/.fetched.json", "d/.records/x.json", ".records/x.json")
    store.pipe({f"/{name}": hostile for name in names} | {"/d/monday/a": b"1"})
    for url in ("memory://", "memory://d", "memory://d/monday", "memory://d/monday"):
        fetch(url)
    assert all(file.read_text() == "mine" for file in victims.values())
    assert all((cache / "memory" / name).read_bytes() == hostile for name in names)
    assert not (cache / ".records/x.json").exists()


def test_hostile_names_in_the_record_itself_delete_nothing(store, cache, victims):
    store.pipe({"/d/monday/a": b"1", "/d/monday/deep/b": b"2"})
    folder = fetch_one("memory://d/monday")
    states = json.loads(record(cache).read_text())
    for name, file in victims.items():
        record(cache).write_text(json.dumps({**states, name: "state"}))
        assert (folder / name).samefile(file), "the name leads to the victim"
        assert fetch_one("memory://d/monday") == folder
        assert file.read_text() == "mine" and json.loads(record(cache).read_text()) == states


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1}', '{"a": null}', "3", "\xff", "[" * 100_000])
def test_a_damaged_record_counts_as_none(store, cache, content):
    store.pipe("/d/monday/a", b"1")
    folder = fetch_one("memory://d/monday")
    states = record(cache).read_text()
    record(cache).write_bytes(content.encode("latin-1"))
    assert (fetch_one("memory://d/monday") / "a").read_bytes() == b"1"
    assert record(cache).read_text() == states and folder.is_dir()


@pytest.mark.parametrize("protocol", [".records", "../memory", ""])
def test_no_protocol_reaches_the_records(protocol):
    with pytest.raises(ValueError, match="protocol that fsspec does not know"):
        fetch(f"{protocol}://a")


@pytest.mark.parametrize(
    ("url", "root", "place"),
    [
        ("s3://bucket/a/b.mcap", "bucket/a/b.mcap", "s3/bucket/a/b.mcap"),
        ("file:///data/a", "/data/a", "file/data/a"),
        ("sftp://one/data/a", "/data/a", "sftp/one/data/a"),
        ("sftp://data/data/a", "/data/a", "sftp/data/data/a"),
        ("sftp://me:secret@one:22/a", "/a", "sftp/me@one:22/a"),
        ("abfs://c@one.dfs.core.windows.net/a", "c/a", "abfs/c@one.dfs.core.windows.net/c/a"),
        ("github://org:drives@main/a", "a", "github/org:drives@main/a"),
        ("https://me:secret@one:80/a.mcap", "https://me:secret@one:80/a.mcap", "https/me@one:80/a.mcap"),
    ],
)
def test_where_a_copy_lies_has_host_and_account_but_no_password(url, root, place):
    assert str(folder_of(url, root) / path_of(root)) == place


def test_a_host_that_leads_out_of_the_cache_is_refused():
    with pytest.raises(ValueError, match="leads out of its folder"):
        folder_of("sftp://../a", "/a")


def test_two_queries_are_two_files_of_one_name():
    one, two = (path_of(f"https://host/download/a.mcap?id={number}") for number in (1, 2))
    assert one != two and one.name == two.name == "a.mcap"
    assert one == path_of("https://host/download/a.mcap?id=1")


class Hosts(MemoryFileSystem):
    """A store whose keys are without the host, as those of sftp are."""

    protocol = "hosts"

    def __init__(self, host, **options):
        super().__init__(global_store=False, **options)
        self.store["/a"] = MemoryFile(self, "/a", host.encode())

    @staticmethod
    def _get_kwargs_from_urls(url):
        return {"host": infer_storage_options(url)["host"]}

    @classmethod
    def _strip_protocol(cls, path):
        return infer_storage_options(path)["path"] if path.startswith("hosts://") else path


def test_the_host_of_a_url_is_asked_and_kept_apart(cache):
    fsspec.register_implementation("hosts", f"{__name__}.Hosts", clobber=True)
    copies = [fetch_one(f"hosts://{host}/a") for host in ("one", "two", "one")]
    assert [copy.read_text() for copy in copies] == ["one", "two", "one"]
    assert copies[1] == cache / "hosts/two/a"


def test_an_interrupted_fetch_goes_on_where_it_ended(store, monkeypatch):
    store.pipe({f"/d/{name}": name.encode() for name in "abc"})
    real, asked = type(store).get_file, []

    def interrupted(self, key, target, **options):
        asked.append(key)
        if len(asked) == 3:
            raise KeyboardInterrupt
        real(self, key, target, **options)

    monkeypatch.setattr(type(store), "get_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch("memory://d")
    folder = fetch_one("memory://d")
    assert len(asked) == 4 and asked[2] == asked[3]
    assert {file.name: file.read_text() for file in folder.iterdir()} == {name: name for name in "abc"}


def test_a_record_is_written_now_and_then_before_the_end(store, cache, monkeypatch):
    """So that little is lost to a kill, which nothing can catch."""
    store.pipe({f"/d/{number:03}": b"" for number in range(101)})
    real, noted = type(store).get_file, []

    def look(self, key, target, **options):
        path = next((cache / ".records").glob("*.json"), None)
        noted.append(len(json.loads(path.read_text())) if path else 0)
        real(self, key, target, **options)

    monkeypatch.setattr(type(store), "get_file", look)
    fetch("memory://d")
    assert noted[-1] == 100 and len(json.loads(record(cache).read_text())) == 101


def test_a_place_is_locked_while_it_is_fetched(store, cache, monkeypatch):
    store.pipe("/d/a", b"1")
    real, refused = type(store).get_file, []

    def lock():
        (path,) = (cache / ".records").glob("*.lock")
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def look(self, key, target, **options):
        with pytest.raises(BlockingIOError):
            lock()
        refused.append(key)
        real(self, key, target, **options)

    monkeypatch.setattr(type(store), "get_file", look)
    fetch("memory://d")
    assert refused == ["/d/a"]
    lock()  # it is free again


def test_a_second_fetch_waits_and_finds_all_there(store, monkeypatch):
    store.pipe("/d/a", b"1")
    real, asked = type(store).get_file, []
    second = threading.Thread(target=fetch, args=("memory://d",))

    def starts_another(self, key, target, **options):
        asked.append(key)
        if len(asked) == 1:
            second.start()
        real(self, key, target, **options)

    monkeypatch.setattr(type(store), "get_file", starts_another)
    fetch("memory://d")
    second.join()
    assert asked == ["/d/a"]


def test_a_file_may_become_a_folder_and_a_folder_a_file(store):
    store.pipe({"/d/a": b"file", "/d/b/c/e": b"folder"})
    for _ in range(2):
        assert fetch_one("memory://d/a").read_bytes() == b"file"
        assert (fetch_one("memory://d") / "b/c/e").read_bytes() == b"folder"
        store.rm("/d", recursive=True)
        store.pipe({"/d/a/c": b"folder", "/d/b": b"file"})
        assert (fetch_one("memory://d/a") / "c").read_bytes() == b"folder"
        assert (fetch_one("memory://d") / "b").read_bytes() == b"file"
        store.rm("/d", recursive=True)
        store.pipe({"/d/a": b"file", "/d/b/c/e": b"folder"})


def test_what_is_below_a_former_file_is_fetched(store):
    store.pipe("/d/a", b"file")
    fetch("memory://d/a")
    store.rm("/d/a")
    store.pipe("/d/a/b/c", b"deep")
    assert fetch_one("memory://d/a/b/c").read_bytes() == b"deep"


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
