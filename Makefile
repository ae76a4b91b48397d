.DEFAULT_GOAL := help
.PHONY: help env up down clean demo dev console logs check lint checkov unit security portability test test-all e2e model chaos bench bench-cost
MADE := .venv .rollcall .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
PYTHON := python3.13, from your system or from pyenv
RUN := uv run --no-sync
HINT := command -v rollcall >/dev/null || echo 'to type rollcall yourself: export PATH="$$PWD/.venv/bin:$$PWD/.rollcall/uv/bin:$$PATH"'
# uv from the machine if it has one, else the one that `env` brings.
export PATH := $(PATH):$(CURDIR)/.rollcall/uv/bin
export UV_FROZEN := 1
# Where it is set, every process compiles all that it imports: each test's command, the engine, each function.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo "ENGINE=native|docker chooses the engine, ROLLCALL_PORT=4570 another port: make up ENGINE=native"

up: env ## Start the sandbox and deploy both stacks
	$(RUN) rollcall up
	@$(HINT)

down: env ## Stop the sandbox
	$(RUN) rollcall down

clean: ## Stop this checkout's sandboxes, and remove all that make and the tests have made
	@test ! -x .venv/bin/rollcall || .venv/bin/python -m sandbox.host.clean
	rm -rf $(MADE)
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "left: uv's cache, which your other projects use too (uv cache clean)"

demo: env ## Start, send 1,000 items through each architecture, compare
	$(RUN) rollcall demo
	@$(HINT)

dev: env ## Put every saved edit of your work live
	$(RUN) rollcall dev

console: env ## Serve pages about the sandbox's batches on 127.0.0.1, until Ctrl-C
	$(RUN) rollcall console

logs: env ## Show the functions' log lines
	$(RUN) rollcall logs

check: env ## Lint, types and the tests that need no engine
	@$(MAKE) --no-print-directory --jobs 2 lint unit

lint: env
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) cfn-lint

# It gets no setting of the user's: with a key of its maker's platform it would send results there.
checkov: .rollcall/checkov/.installed ## Check the templates with checkov, offline
	env -i PATH="$$PATH" HOME="$(CURDIR)/.rollcall/checkov" .rollcall/checkov/bin/checkov

unit: env
	$(RUN) pytest tests --ignore tests/e2e --ignore tests/security --ignore tests/portability --numprocesses 2 --dist worksteal --durations 10

security: env ## Attack the sandbox, natively and in Docker: web pages, other users, settings, services
	$(RUN) python -m tests.suites security

portability: .rollcall/ministack/.installed ## Whole batches on MiniStack, an emulator that knows nothing of Rollcall
	$(RUN) pytest tests/portability -rx --durations 10

e2e: env ## End to end, natively and what differs in Docker; TEST=one test, module or word; CLOCK=real; ALL=1
	$(RUN) python -m tests.suites e2e $(if $(TEST),--test '$(TEST)') $(if $(CLOCK),--clock $(CLOCK)) $(if $(ALL),--all)

test: env ## The checks, the attacks, and whole batches of both architectures, on one engine
	$(RUN) python -m tests.suites test

test-all: env ## Everything, natively and in Docker, with chaos; AFTER=test: what `make test` left out
	$(RUN) python -m tests.suites all $(if $(AFTER),--after $(AFTER))

model: env ## The protocol's model, for as long as a night allows: 100,000 steps and more
	ROLLCALL_MODEL=nightly $(RUN) pytest tests/model

chaos: env ## Whole batches under random faults, natively: BATCHES=100 SEED=7, or MINUTES=30; CLOCK=real
	$(RUN) python -m tests.chaos $(if $(BATCHES),--batches $(BATCHES)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(if $(CLOCK),--clock $(CLOCK))

bench: env $(if $(ALONE),,.rollcall/ministack/.installed) ## Measure speed, natively, beside MiniStack; ALONE=1: without it
	$(RUN) python -m bench $(if $(ALONE),--alone)

# The environments of programs that no lock can hold beside LocalStack: each pins a botocore of its own.
.rollcall/ministack/.installed: bench/ministack/requirements.txt | env
	@echo "installing MiniStack, another emulator of AWS"
	@uv venv --quiet --clear .rollcall/ministack && \
		uv pip sync --quiet --require-hashes --python .rollcall/ministack $< || \
		{ echo "MiniStack could not be installed: that needs a network, once. Without it: make bench ALONE=1" >&2; exit 1; }
	@touch $@

.rollcall/checkov/.installed: checkov-requirements.txt | env
	@echo "installing checkov"
	@uv venv --quiet --clear .rollcall/checkov && \
		uv pip sync --quiet --require-hashes --python .rollcall/checkov $< || \
		{ echo "checkov could not be installed: that needs a network, once" >&2; exit 1; }
	@touch $@

bench-cost: env ## Dollars of the same items through Rollcall and three obvious ways
	$(RUN) python -m bench.cost

env: .venv/.synced ## Bring uv and the locked packages; every target does

.venv/.synced: pyproject.toml uv.lock uv-requirements.txt .python-version
	@python3.13 --version >/dev/null 2>&1 || uv python find --no-python-downloads 3.13 >/dev/null 2>&1 || \
		echo "Python 3.13 is not installed: uv will download it from github.com; where that cannot be, install $(PYTHON)"
	@command -v uv >/dev/null || { python3 -m venv .rollcall/uv && \
		.rollcall/uv/bin/pip install --quiet --require-hashes --only-binary :all: -r uv-requirements.txt; }
	@echo "installing the locked packages"
	@uv sync --quiet || { uv python find --no-python-downloads 3.13 >/dev/null 2>&1 || \
		echo "there is no Python 3.13: install $(PYTHON), then run make again" >&2; exit 1; }
	@$(RUN) python -m sandbox.engine.catalog
	@touch $@
