#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion as a person meets it: bash, zsh and fish on a terminal, a word begun, and the Tab
key."""
import os

from lib.paths import PELORUS, ROOT
from lib.prober import Prober
from lib.tap import done, ok
from lib.terminal import BASH, Terminal

FOLDER = os.path.join(ROOT, "tools", "completion")
NAME = "db.cluster-abc123.us-east-1.rds.amazonaws.com"
SHELLS = {
    "bash": (BASH, f"bind 'set bell-style none'; source {FOLDER}/pelorus.bash"),
    "zsh": ("env PS1='$ ' zsh -f", f"unsetopt beep; fpath=({FOLDER} $fpath); autoload -U compinit; "
            "compinit -u -D; [[ $_comps[pelorus] == _pelorus ]]"),
    "fish": ("fish --no-config -C 'function fish_prompt; echo \"\\$ \"; end; set fish_greeting'",
             f"source {FOLDER}/pelorus.fish; set fish_autosuggestion_enabled 0"),
}
ROWS = [("topol", "topology"), ("topology --form", "topology --format"),
        ("check --role wr", "check --role writer"), ("env --shell sys", "env --shell systemd"),
        ("config sh", "config show"), ("resolve db.cluster-a", f"resolve {NAME}"),
        ("run --cluster db.cluster-a", f"run --cluster {NAME}"), ("metr", "metrics"),
        ("run pelorus-na", "run pelorus-namesake"), ("lab fail", "lab failover"),
        ("run -- pelorus-na", "run -- pelorus-namesake"), ("prober ref", "prober refresh"),
        ("reader ad", "reader admit"), ("reader warm --fro", "reader warm --from"),
        ("reader dr", "reader drain"), ("reader drain --dr", "reader drain --dry-run"),
        ("help topol", "help topology"), ("run --env-f", "run --env-file")]


def shell(name, environment):
    command, prepare = SHELLS[name]
    with Terminal(environment, shell=command) as terminal:
        terminal.wait(lambda s: "$" in s, f"{name} is there")
        terminal.type(f"{prepare} && clear && echo prepared")
        terminal.wait(lambda s: "prepared" in s, f"{name} takes the completion")
        for begun, whole in ROWS:
            terminal.tmux("send-keys", "-l", f"pelorus {begun}")
            terminal.key("Tab")
            terminal.wait(lambda s, w=whole: f"$ pelorus {w}" in s, f"{name}: pelorus {whole}")
            terminal.key("C-u")


def main():
    with Prober() as prober:
        prober.start()
        ok(prober.ask("follow", name=NAME).startswith("ok"), "a name is followed")
        folder = os.path.join(prober.folder, "bin")
        os.mkdir(folder)
        with open(os.open(os.path.join(folder, "pelorus-namesake"), os.O_WRONLY | os.O_CREAT,
                          0o755),
                  "w") as program:
            program.write("#!/bin/sh\n")
        path = f"{folder}:{os.path.dirname(PELORUS)}:{os.environ['PATH']}"
        for name in SHELLS:
            shell(name, dict(prober.environment, PATH=path))
    done()


main()
