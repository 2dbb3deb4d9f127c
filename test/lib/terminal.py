# SPDX-License-Identifier: Apache-2.0
"""A real terminal for scenarios: tmux holds it, resizes it, presses keys, tells what stands on
it."""
import os
import shutil
import subprocess
import tempfile

from lib.tap import ok
from lib.waiting import wait_for

BASH = "env PS1='$ ' bash --norc --noprofile"


class Terminal:
    """A terminal of its own, with a shell that goes on after the command."""

    def __init__(self, environment, width=100, height=30, shell=BASH):
        self.folder = tempfile.mkdtemp(prefix="ptmux-")
        self.socket = os.path.join(self.folder, "s")
        self.environment = dict(environment, TERM="xterm-256color", LANG="C.UTF-8")
        self.environment.pop("TMUX", None)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height,
                  shell)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *map(str, words)], text=True,
                              env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        shutil.rmtree(self.folder, ignore_errors=True)

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def key(self, name):
        self.tmux("send-keys", name)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", width, "-y", height)

    def lines(self):
        return self.tmux("capture-pane", "-p").splitlines()

    def wait(self, condition, text):
        """True as soon as the condition holds for the lines of the screen."""
        try:
            wait_for(lambda: condition(self.lines()), every=0.05)
            return ok(True, text)
        except TimeoutError:
            return ok(False, text, "\n".join(self.lines()))

    def setting(self):
        """The terminal's own settings and whether the cursor shows."""
        return self.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").strip()


def shows(lines, *texts):
    return all(any(t in line for line in lines) for t in texts)
