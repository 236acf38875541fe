#!/bin/sh
# Shows atoll at work in a folder of its own, and leaves nothing running: sh docs/demo.sh [ATOLL]
set -eu
atoll=${1:-atoll}
ATOLL_HOME=$(mktemp -d)
export ATOLL_HOME
unset ATOLL_PROFILE BACKEND_ENDPOINT BACKEND_ACCESS_KEY BACKEND_SECRET_KEY
trap '"$atoll" local down; rm -rf "$ATOLL_HOME"' EXIT

show() {
    printf '\n$ atoll'
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_.:=/-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    "$atoll" "$@"
}

show run -t demo -c 'import platform; print("hello from Python", platform.python_version())' python
show ps
show rm demo
