"""The appearance of interactive shells in sessions: prompt and colours."""

from collections.abc import Mapping
from pathlib import Path

from .environment import KernelPaths

BASHRC = "bashrc"
"""The file beside a kernel's settings that Bash reads when it starts."""
_PROMPT = r"""
# Who, where and in which session; the names of the host are not those of the session.
_who='${USER:-\u}@${BACKENDAI_CLUSTER_HOST:-\h}'
_session='${BACKENDAI_SESSION_NAME:+[$BACKENDAI_SESSION_NAME]}'
case $TERM in
    '' | dumb) PS1="$_who$_session:\\w\\\$ " ;;
    *)
        PS1="\\[\\e[1;32m\\]$_who\\[\\e[0m\\]$_session:\\[\\e[1;34m\\]\\w\\[\\e[0m\\]\\\$ "
        alias ls='ls --color=auto' grep='grep --color=auto' diff='diff --color=auto'
        ;;
esac
unset _who _session
alias ll='ls -l' la='ls -A'
"""
_INTERACTIVE_ALONE = """\
case $- in
    *i*) ;;
    *) return ;;
esac
"""
_PROFILE = r"""
if [ -n "$BASH_VERSION" ]; then
    . /etc/bash.bashrc
    if ! [ -e ~/.bash_profile ] && ! [ -e ~/.bash_login ] && ! [ -e ~/.profile ]; then
        [ -r ~/.bashrc ] && . ~/.bashrc
    fi
elif [ -n "$PS1" ]; then
    PS1='$USER@$BACKENDAI_CLUSTER_HOST[$BACKENDAI_SESSION_NAME]:$PWD\$ '
fi
:
"""


def argv(paths: KernelPaths, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command of the user's shell in a terminal; it is not a login shell."""
    shell = environ.get("SHELL", "/bin/sh")
    if Path(shell).name == "bash":
        return shell, "--rcfile", str(paths.share / BASHRC)
    return (shell,)


def bashrc() -> str:
    """Return the text of Bash's start file, which also reads `~/.bashrc`."""
    return f"{_PROMPT}[ -r ~/.bashrc ] && . ~/.bashrc\n:\n"


def etc() -> Mapping[str, str]:
    """Return files for the sandbox's /etc, which shells read that other programs start."""
    return {"bash.bashrc": f"{_INTERACTIVE_ALONE}{_PROMPT}", "profile": _PROFILE}
