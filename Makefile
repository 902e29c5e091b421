# Every command sets up what it needs by itself. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
DEMO := build
# `make demo CHECK=1` starts the service, calls it as a client would, and stops it.
CHECK ?=
JOBS ?= 2
NGINX_IMAGE ?= nginx:1.26
# Empty in CI, where colours and progress bars are noise.
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test docker mutants bench check lock clean
.DELETE_ON_ERROR:

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(BIN)/.base ## generate the default project in build/ and run it on https://localhost:8443
	@$(BIN)/python bake.py $(DEMO)
	@$(MAKE) --no-print-directory -C $(DEMO)/hardened-fastapi-service run CHECK=$(CHECK)

test: $(BIN)/.dev ## pass every test, the generated project's own included
	@$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadgroup $(PYTEST_ARGS)

# Layers 1 to 3 are the edge's; tests/docker has what needs an engine, or an nginx with HTTP/3.
docker: $(BIN)/.base ## attack the edge on nginx 1.26, in Docker; it must answer already
	@docker version >/dev/null 2>&1 || { echo "make docker needs a Docker engine that answers" >&2; exit 1; }
	@$(BIN)/python bake.py $(DEMO)
	@$(MAKE) --no-print-directory -C $(DEMO)/hardened-fastapi-service attack NGINX_IMAGE=$(NGINX_IMAGE) \
		TESTS='tests/docker tests/attacks/test_http*.py tests/attacks/test_headers*.py tests/attacks/test_cors*.py'

mutants: $(BIN)/.base ## break each layer on purpose; its own tests must notice
	@$(BIN)/python -m tests.mutants --jobs $(JOBS)

bench: $(BIN)/.base ## measure what the ten layers cost, into build/bench.json
	@$(BIN)/python bake.py $(DEMO)
	@$(MAKE) --no-print-directory -C $(DEMO)/hardened-fastapi-service install
	@$(BIN)/python -m benchmarks --project $(DEMO)/hardened-fastapi-service \
		--python $(DEMO)/hardened-fastapi-service/.venv/bin/python $(BENCH_ARGS)

check: $(BIN)/.dev ## lint and type-check the template, the generated project's source included
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_purity.py $(PYTEST_ARGS)

lock: $(BIN)/.dev ## write the locks anew; UPGRADE=1 takes the newest versions
	@cd requirements && for name in base dev; do \
		../$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
			--no-header --no-annotate $(if $(UPGRADE),--upgrade) $$name.in -o $$name.lock; \
	done

clean: ## remove what the commands made
	@rm -rf build .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Debian ships venv apart from Python; the generated project knows how to get it.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@sh '{{cookiecutter.__project_slug}}/dev/system-packages.sh' venv "$(PYTHON)"
	@$(PYTHON) -m venv .venv

$(BIN)/.base: requirements/base.lock | $(BIN)/python
	@echo "Installing what generating takes ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(BIN)/.dev: requirements/dev.lock | $(BIN)/python
	@echo "Installing what testing takes ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(BIN)/.base
