"""How processes end: a second signal, a parent that is gone, imports, and an end that takes too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager

import psutil
import pytest

from depth_completion_ros.ros.process.launching import QUIET_START
from depth_completion_ros.ros.process.stopping import PARENT

BEGIN = """
from depth_completion_ros.ros.process import stopping
from depth_completion_ros.ros.process.stopping import stop, Interrupted
"""


@contextmanager
def program(text: str, *, prefix=(), end_limit_s: float = 60.0, **environment: str):
    """A Python program; it says `ready`, and is killed if it is still there in the end.

    Args:
        end_limit_s: long, as a machine that stands still must not fail what is no test of it.
    """
    text = f"{BEGIN}stopping.END_LIMIT_S = {end_limit_s}\n{textwrap.dedent(text)}"
    child = subprocess.Popen(
        [*prefix, sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | environment,
    )
    try:
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def rest_of(child) -> str:
    """All that is still said until the end; `communicate` would lose what is read already."""
    output = child.stdout.read()
    child.wait(20)
    return output


LOOP = """
    import sys, time
    stop.take_signals()
    print("ready", flush=True)
    while not stop.is_set():
        time.sleep(0.01)
    stop.leave()
    print("ending", flush=True)
    time.sleep(0.3)
    sys.exit(3)
"""


def test_a_signal_while_one_is_handled_cannot_wait_for_itself():
    # A lock in the handler, as that of threading.Event, would be waited for by the thread that holds it.
    text = """
        import signal
        stop.take_signals()
        print("ready", flush=True)
        def trace(frame, event, argument):
            if frame.f_code.co_name == "_on_signal" and not stop.is_set():
                signal.raise_signal(signal.SIGTERM)
            return trace
        import sys
        sys.settrace(trace)
        signal.raise_signal(signal.SIGINT)
        sys.settrace(None)
        print("stopped" if stop.is_set() and stop.by_signal else "not stopped")
        stop.leave()
    """
    with program(text) as child:
        assert rest_of(child) == "stopped\n"
    assert child.returncode == 0


def test_many_signals_of_both_kinds_do_not_change_the_exit_code():
    with program(LOOP) as child:
        for _ in range(50):
            for number in (signal.SIGINT, signal.SIGTERM):
                child.send_signal(number)
        assert child.stdout.readline() == "ending\n"
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 3


@pytest.mark.skipif(not QUIET_START, reason="signals are held back on Linux alone")
def test_a_sigint_before_signals_are_taken_waits_until_they_are():
    text = """
        import signal, time
        print("ready", flush=True)
        while signal.SIGINT not in signal.sigpending():
            time.sleep(0.01)
        print("is" if stop.is_set() else "is not", flush=True)
        stop.take_signals()
        print("is" if stop.is_set() else "is not", flush=True)
        stop.leave()
    """
    with program(text, prefix=QUIET_START) as child:
        child.send_signal(signal.SIGINT)
        assert rest_of(child) == "is not\nis\n"
    assert child.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_imports_ends_the_process_without_a_word(number):
    text = """
        import time
        stop.take_signals()
        with stop.importing():
            print("ready", flush=True)
            time.sleep(60)
    """
    with program(text) as child:
        child.send_signal(number)
        assert rest_of(child) == ""
    assert child.returncode == 0


def test_a_signal_before_imports_ends_the_process_without_them():
    text = """
        import signal
        stop.take_signals()
        print("ready", flush=True)
        signal.raise_signal(signal.SIGINT)
        with stop.importing(exit_code=5):
            print("imported", flush=True)
    """
    with program(text) as child:
        assert rest_of(child) == ""
    assert child.returncode == 5


def test_a_signal_interrupts_what_takes_minutes_and_lets_it_clean_up_undisturbed():
    text = """
        import time
        stop.take_signals()
        try:
            with stop.making():
                print("ready", flush=True)
                time.sleep(60)
        except Interrupted:
            print("cleaning", flush=True)
            time.sleep(0.5)
            print("clean", flush=True)
        stop.leave()
    """
    with program(text) as child:
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "cleaning\n"
        child.send_signal(signal.SIGINT)
        assert rest_of(child) == "clean\n"
    assert child.returncode == 0


@pytest.mark.parametrize("begin", ["signal.raise_signal(signal.SIGINT)", "stop.limit_the_end()"])
def test_an_end_that_hangs_shows_the_stacks_and_is_over(begin):
    text = f"""
        import signal, time
        stop.take_signals()
        print("ready", flush=True)
        {begin}
        def hangs():
            while True:
                time.sleep(1)
        hangs()
    """
    with program(text, end_limit_s=1.0) as child:
        output = rest_of(child)
    assert child.returncode == 1
    assert "Timeout" in output and "in hangs" in output


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_process_ends_when_its_parent_is_killed():
    middle = f"""
        import os, subprocess, sys
        text = sys.argv[1]
        os.environ["{PARENT}"] = str(os.getpid())
        child = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        print(child.pid, flush=True)
        child.wait()
    """
    text = f"from depth_completion_ros.ros.process.stopping import stop\n{textwrap.dedent(LOOP)}"
    command = [sys.executable, "-c", textwrap.dedent(middle), text]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        grandchild = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        assert grandchild.is_running()
        gone, _ = psutil.wait_procs([grandchild], timeout=20)
        assert gone == [grandchild]
    finally:
        parent.stdout.close()


def test_a_process_whose_parent_is_gone_before_it_starts_ends_at_once():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    with program(LOOP, **{PARENT: str(gone.pid)}) as child:
        assert child.wait(20) == 3


def test_without_such_a_parent_it_lives_on():
    with program(LOOP, **{PARENT: ""}) as child:
        time.sleep(0.5)
        assert child.poll() is None
