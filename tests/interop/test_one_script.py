"""The same script on every cluster prints the same, but for ids, times and what is named here.

The clusters are the embedded one, that of `BACKEND_ENDPOINT`, and those whose files
`ATOLL_INTEROP_ENVIRONMENTS` names, separated by colons: `export BACKEND_ENDPOINT=…` and the keys.
"""

import os
import re
from pathlib import Path
from uuid import uuid4

import pytest

pytestmark = pytest.mark.interop

SCRIPT = """
# A user's day: folders, files, sessions, code, templates, and some administration.
profile list --output jsonl
vfolder create {x}data
vfolder list-own --output jsonl | grep -c {x}data
vfolder upload {x}data note.txt deep
vfolder ls {x}data --output jsonl | grep -o '"name": "[^"]*"' | sort
vfolder mkdir {x}data -p one/two
vfolder mv {x}data note.txt one/two/note.txt
vfolder rename-file {x}data one/two/note.txt memo.txt
vfolder ls {x}data one/two --output jsonl | grep -o '"name": "[^"]*"'
vfolder cp {x}data:one/two/memo.txt back
! cat back/memo.txt
vfolder rename {x}data {x}kept
vfolder info {x}kept --output jsonl | grep -oE '"(name|permission|usage_mode)": "[^"]*"'
dotfile create -f note.txt --perm 644 .{x}
dotfile list --output csv
dotfile get .{x}
dotfile update -f other.txt --perm 600 .{x}
dotfile get .{x}
dotfile delete -f .{x}
start -t {x}s -r cpu=1 -r mem=512m -v {x}kept {image}
ps --name-only --filter 'name == "{x}s"'
ps -f name,status,type --output csv --filter 'name == "{x}s"'
run -t {x}s -c 'print(6*7)' {image}
run -t {x}s -c 'kept = "still here"' {image}
run -t {x}s -c 'print(kept)' {image}
run -t {x}s -c 'import sys; print("to stderr", file=sys.stderr)' {image}
run -t {x}s -c 'print(open("{x}kept/one/two/memo.txt").read(), end="")' {image}
run -t {x}s -c '_ = open("/home/work/made.txt", "w").write("made inside")' {image}
run -t {x}s --exec 'cat note.txt' {image} note.txt
ls {x}s made.txt --output jsonl | grep -o '"filename": "made.txt"'
upload {x}s other.txt
download {x}s made.txt --dest back
! cat back/made.txt
run -t {x}s --exec 'cat other.txt' {image}
run -t {x}s --exec 'exit 3' {image}
info {x}s --output jsonl | grep -oE '"(status|type|cluster_mode)": "[^"]*"'
rename {x}s {x}t
ps --name-only --filter 'name == "{x}t"'
events {x}t --help | head -1
rm {x}t
sesstpl create -f template.yaml --output jsonl | sed -E 's/.*("name": "[^"]+").*/\\1/'
sesstpl list --output jsonl | grep -c {x}tpl
sesstpl check template.yaml
sesstpl delete -f {x}tpl
admin domain add {x}d -d 'a domain' --output csv
admin domain info {x}d -f name,description,is_active --output csv
admin domain update {x}d --description changed
admin domains -f name,description --output csv | grep {x}d
admin group add {x}d {x}g --output jsonl | sed -E 's/.*("name": "[^"]+").*/\\1/'
admin groups -d {x}d -f name,is_active --output csv | grep {x}g
admin groups purge {x}g --yes
admin domain purge {x}d --yes
admin keypair-resource-policy add {x}p --max-concurrent-sessions 2 --output csv
admin keypair-resource-policy update {x}p --idle-timeout 60
admin keypair-resource-policies -f name,idle_timeout --output csv | grep {x}p
admin keypair-resource-policy delete {x}p --yes
admin etcd set {x}/k blue --yes
admin etcd get {x}/k
admin etcd delete -p {x} --yes
vfolder delete {x}kept --yes
"""
TEMPLATE = """\
api_version: 6
kind: task_template
metadata: {{name: {x}tpl}}
spec: {{kernel: {{image: "{image}", environ: {{MODE: quiet}}}}}}
"""


def environments():
    """Return how each cluster is found, by a name for it."""
    files = filter(None, os.environ.get("ATOLL_INTEROP_ENVIRONMENTS", "").split(":"))
    export = re.compile(r"^export (BACKEND_\w+)=(.*)$", re.MULTILINE)
    return {file: dict(export.findall(Path(file).read_text())) for file in files}


@pytest.fixture
def printed(tmp_path, place_program, image):
    """Run the script on a cluster; returns its lines, each with what came of it."""

    def run(number, environ):
        x = f"s{uuid4().hex[:8]}"
        home = tmp_path / str(number)
        (home / "deep").mkdir(parents=True)
        for name, text in (("note.txt", "a note\n"), ("other.txt", "Ada\n"), ("deep/x", "x\n")):
            (home / name).write_text(text)
        (home / "template.yaml").write_text(TEMPLATE.format(x=x, image=image))
        atoll = place_program(home, "atoll", **environ)
        done = atoll("--keep-going", stdin=SCRIPT.format(x=x, image=image))
        return _steady(done.out, x), _steady(done.err, x)

    return run


def _steady(text, x):
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace(x, "X")
    text = re.sub(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", "ID", text)
    return re.sub(r"http\S+|\d{4}-\d\d-\d\dT[\d:.+]+", "VARIES", text).splitlines()


def test_the_same_on_every_cluster(request, embedded, printed):
    clusters = {"embedded": embedded.environ, **environments()}
    if "BACKEND_ENDPOINT" in os.environ:
        clusters["endpoint"] = request.getfixturevalue("endpoint").environ
    if len(clusters) == 1:
        pytest.skip("no other cluster: neither BACKEND_ENDPOINT nor ATOLL_INTEROP_ENVIRONMENTS")
    found = {name: printed(number, one) for number, (name, one) in enumerate(clusters.items())}
    assert len(SCRIPT.strip().splitlines()) >= 60
    for name, (out, _err) in found.items():
        assert out == found["embedded"][0], (name, found)
