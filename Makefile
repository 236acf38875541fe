# Everything a developer needs. Each target sets up what it stands on.
#
#   make demo       an embedded cluster, one session, code run in it
#   make demo-apps  JupyterLab and SSH in a session
#   make apps       what sessions on this machine need for JupyterLab and the web terminal
#   make test       all tests but those that need another cluster or another client; what only the
#                   system can bring is told at the end, and its tests are skipped
#   make interop    the tests against BACKEND_ENDPOINT, and official clients and the web server with the
#                   embedded cluster
#   make slurm     the tests on the site with Slurm that REALSLURM_SSH_CONFIG leads to
#   make floors     the fast tests, with the lowest versions that pyproject.toml declares
#   make newest     the same with the newest ones; both take a Python: make newest PYTHON=python3.13
#   make compatibility CLUSTERS="23.09=FILE 26.4=FILE"
#                   tries all commands of all clients, and writes the tables of docs/compatibility.md; each
#                   FILE says `export BACKEND_ENDPOINT=…` and the keys; takes some twenty minutes
#   make lint       ruff, mypy, import-linter
#   make man        the manual page, docs/atoll.1
#   make bench      speed, beside that of peers on the same machine

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: man demo demo-apps apps test floors newest interop slurm compatibility lint format bench clean

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "atoll needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(STAMP)-dev: $(STAMP) pyproject.toml
	$(BIN)/python -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"]))' > $(VENV)/dev-requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(VENV)/dev-requirements.txt
	touch $@

$(STAMP)-apps: $(STAMP) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[apps]'
	touch $@

demo: $(STAMP)
	@sh docs/demo.sh $(BIN)/atoll

demo-apps: $(STAMP)-apps
	@sh docs/demo-apps.sh $(BIN)/atoll $(BIN)/python

apps: $(STAMP)-apps

test: $(STAMP)-dev $(STAMP)-apps
	$(BIN)/python -m pytest -m "not interop and not slurm" -n auto --dist loadfile $(ARGS)

# Both begin with an empty environment each time, since what pip would install is what they are about.
FAST       := tests/core tests/plugins tests/transports tests/test_library_insides.py tests/e2e/test_first_light.py
FAST_TOOLS := hatchling hypothesis pexpect pytest-rerunfailures pytest-xdist

floors newest:
	rm -rf build/$@ && mkdir -p build/$@ && $(PYTHON) -m venv build/$@/venv
	if [ $@ = floors ]; then $(PYTHON) .ci/floors.py > build/$@/constraints.txt; else : > build/$@/constraints.txt; fi
	build/$@/venv/bin/python -m pip install --quiet --disable-pip-version-check \
	  --constraint build/$@/constraints.txt --editable '.[testing]' $(FAST_TOOLS)
	build/$@/venv/bin/python -m pytest -p no:cacheprovider -m "not interop and not slurm" -n auto --dist loadfile $(FAST) $(ARGS)

interop: $(STAMP)-dev
	$(BIN)/python -m pytest -m interop $(ARGS)

# Installed for these tests alone: the others are to see the plugins that a newcomer has.
$(STAMP)-slurm: $(STAMP)-dev contrib/atoll-slurm/pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable contrib/atoll-slurm
	touch $@

slurm: $(STAMP)-slurm
	$(BIN)/python -m pytest -m slurm tests/slurm $(ARGS)

compatibility: $(STAMP)-dev $(STAMP)-apps
	$(BIN)/python tests/interop/compatibility $(CLUSTERS)

lint: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=contrib/atoll-slurm/src $(BIN)/lint-imports

format: $(STAMP)-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

BENCHMARKS := startup keys batch sweep listing tunnel ssh transfer input top

bench: $(STAMP)-dev
	for name in $(BENCHMARKS); do $(BIN)/python tests/benchmarks/$$name.py || exit 1; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache

man: $(STAMP)
	ATOLL_HOME=build/man $(BIN)/atoll --no-plugins help --man > docs/atoll.1
