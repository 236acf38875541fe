#!/bin/sh
# Shows JupyterLab and SSH in a session, in a folder of its own, and leaves nothing running:
# sh docs/demo-apps.sh [ATOLL [PYTHON]]
set -eu
atoll=${1:-atoll}
python=${2:-python3}
ATOLL_HOME=$(mktemp -d)
export ATOLL_HOME
unset ATOLL_PROFILE BACKEND_ENDPOINT BACKEND_ACCESS_KEY BACKEND_SECRET_KEY
tunnel=
trap '[ -z "$tunnel" ] || kill -INT "$tunnel"; wait; "$atoll" local down; rm -rf "$ATOLL_HOME"' EXIT

show() {
    printf '\n$ atoll %s\n' "$*"
    "$atoll" "$@"
}

show start -t demo python
show apps demo
show ssh demo hostname

printf '\n$ atoll app demo jupyter\n'
"$atoll" app demo jupyter --output jsonl > "$ATOLL_HOME/address" &
tunnel=$!
until [ -s "$ATOLL_HOME/address" ]; do kill -0 "$tunnel" && sleep 0.1; done
address=$(sed 's/.*"\(http[^"]*\)".*/\1/' "$ATOLL_HOME/address")
echo "$address"
"$python" -c 'import sys, urllib.request as r; print("JupyterLab", r.urlopen(sys.argv[1] + "api").read().decode())' "$address"
if [ -t 0 ]; then
    printf 'Look at it in a browser; Enter ends this. '
    read -r _
fi
