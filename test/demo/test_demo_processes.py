"""The processes of `depth-completion demo`: none outlives it, and what fails is said."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from depth_completion_ros.demo.processes import make_drive


def test_after_two_signals_its_processes_are_gone_when_it_is():
    child = """
        import signal, time
        def end(*_):
            print("ending", flush=True)
            time.sleep(0.5)
            exit()
        signal.signal(signal.SIGINT, end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        print("ready", flush=True)
        while True:
            time.sleep(0.01)
    """
    parent = f"""
        import sys, time
        from depth_completion_ros.demo.processes import process
        try:
            with process([sys.executable, "-c", {textwrap.dedent(child)!r}]) as child:
                print(child.pid, flush=True)
                child.wait()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(parent)]
    it = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = {it.stdout.readline().strip() for _ in range(2)}
        assert "ready" in said
        (pid,) = said - {"ready"}
        its_child = psutil.Process(int(pid))
        it.send_signal(signal.SIGINT)
        assert it.stdout.readline() == "ending\n"
        it.send_signal(signal.SIGINT)
        assert it.stdout.readline() == "interrupted\n"
        assert not its_child.is_running()
    finally:
        it.kill()
        it.wait()
        it.stdout.close()


def test_a_drive_that_cannot_be_made_is_a_sentence(tmp_path, capfd):
    with pytest.raises(RuntimeError, match="could not be made; the reason stands above"):
        make_drive(tmp_path, frames=1, seed=0)
    assert "Argument frames of the demo drive is 1; it must be at least 2." in capfd.readouterr().err
