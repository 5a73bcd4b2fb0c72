# `make demo` and `make test` install everything that they need: a virtual environment in this folder and, as root,
# system packages by apt-get.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECS ?= 0
WORKERS ?= 5

# pip installs packages without compiling them (--no-compile), because most of their modules are never imported. Python
# must therefore write the bytecode of each imported module to disk: the tests start hundreds of processes that need it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo setup test test-slow suite coverage test-newest test-newest-units test-lowest lock offline linted lint docs docs-serve dist web-assets bench bench-peers faults brokers soak fuzz image image-test clean

demo: $(VENV)/.demo
	$(BIN)/mqtt-kinesis demo --secs $(SECS)

# Programs that the tests use. Each target that may call apt-get depends on another such target, because two apt-get
# processes cannot run at the same time.
TOOLS := mosquitto strace iproute2 shells prometheus node ministack chromium

# Installs everything that the tests need, without running them: run `make setup` as root, and then `make suite` as any
# user.
setup:
	@$(MAKE) --no-print-directory -j 4 $(VENV)/.test $(TOOLS)

# The linters run while the tools are installed.
test:
	@$(MAKE) --no-print-directory -j 4 linted $(TOOLS)
	@$(MAKE) --no-print-directory suite

# Test files or folders to run; empty: all.
PARTS ?=
# The folders with unit tests. The other folders start complete processes.
UNIT := $(filter-out tests/integration tests/browser tests/docker tests/faults tests/benchmarks tests/brokers tests/fuzz tests/harness tests/fakes tests/docs tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))
# --dist loadfile: the tests of one file run in the same worker, because they share servers.
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
suite: $(VENV)/.test
	$(PYTEST) -m "not slow" $(PARTS)

# `make test` omits the slow tests, because it would take more than ten minutes with them. The slow tests cover long
# faults on the page, in `status` and with workers, and the largest payloads.
test-slow: $(VENV)/.test
	@$(MAKE) --no-print-directory -j 4 $(TOOLS)
	$(PYTEST) -m slow

# Runs the suite and measures its branch coverage, which more than doubles the time. Fails if the coverage is below
# `fail_under` in pyproject.toml.
coverage: $(VENV)/.test
	$(PYTEST) --cov --cov-report=term

# Runs the suite with the newest Python that is on the PATH or installed by pyenv. NEWEST=python3.13 selects another
# one.
NEWEST ?= $(shell for minor in 16 15 14 13 12; do \
  for python in python3.$$minor $$HOME/.pyenv/versions/3.$$minor.*/bin/python; do \
    "$$python" -c '' 2>/dev/null && { echo "$$python"; exit; }; done; done)
test-newest:
	@test -n "$(NEWEST)" || { echo "this needs a Python newer than 3.11; name one with: make test-newest NEWEST=python3.13" >&2; exit 1; }
	@echo "the newest Python of this machine: $$($(NEWEST) --version)"
	@$(MAKE) --no-print-directory VENV=build/newest PYTHON=$(NEWEST) PARTS="$(or $(PARTS),tests)" suite

# Runs the unit tests with the newest Python. Does nothing if this machine has no Python newer than 3.11.
test-newest-units:
	@if [ -n "$(NEWEST)" ]; then $(MAKE) --no-print-directory test-newest PARTS="$(UNIT)"; \
	  else echo "the newest Python of this machine is $$($(PYTHON) --version): it has run all tests"; fi

# Runs the unit tests with the oldest version of each direct dependency that pyproject.toml permits. Tests that start
# complete processes are omitted, because they are slow and would find no other errors.
test-lowest: $(VENV)/.test
	$(PYTHON) -m venv build/lowest && build/lowest/bin/pip install --quiet uv
	build/lowest/bin/uv pip install --quiet --upgrade --resolution lowest-direct --python build/lowest/bin/python --editable '.[demo,test]'
	build/lowest/bin/python -m pytest -n $(WORKERS) --dist loadfile $(UNIT)

# Writes the exact versions and hashes of all packages to docker/requirements: one file for the bridge, and for each
# extra a file with the packages that it adds.
REQUIREMENTS := docker/requirements
COMPILE = build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url
lock:
	$(PYTHON) -m venv --clear build/lock && build/lock/bin/pip install --quiet uv
	mkdir -p $(REQUIREMENTS)
	echo 'setuptools>=77,<82' | $(COMPILE) - --output-file $(REQUIREMENTS)/build.txt
	$(COMPILE) pyproject.toml --output-file $(REQUIREMENTS)/base.txt
	for extra in protobuf roles-anywhere demo; do \
	  $(COMPILE) pyproject.toml --extra $$extra --constraint $(REQUIREMENTS)/base.txt --output-file $(REQUIREMENTS)/$$extra.txt \
	    $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' $(REQUIREMENTS)/base.txt) || exit 1; done

# Writes an archive to build/offline with everything that a machine without a network needs. FOR=aarch64 and
# PYTHON_VERSION=3.12 set the processor and the Python version of that machine.
FOR ?= $(shell uname -m)
PYTHON_VERSION ?= $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
OFFLINE := build/offline/mqtt-kinesis-$(FOR)-python$(PYTHON_VERSION)
offline: dist
	rm -rf $(OFFLINE) && mkdir -p $(OFFLINE)
	$(BIN)/pip download --quiet --dest $(OFFLINE) --require-hashes --only-binary :all: --python-version $(PYTHON_VERSION) \
	  $(foreach tag,2014 _2_17 _2_28 _2_34,--platform manylinux$(tag)_$(FOR)) --requirement $(REQUIREMENTS)/base.txt
	cp $(REQUIREMENTS)/base.txt $(OFFLINE)/requirements.txt && cp build/dist/mqtt_kinesis-*.whl $(OFFLINE)
	cd $(OFFLINE) && sha256sum *.whl > SHA256SUMS
	tar --create --gzip --file $(OFFLINE).tar.gz --directory build/offline $(notdir $(OFFLINE))
	@echo "$(OFFLINE).tar.gz"

linted: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint: $(VENV)/.test
	$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/mypy

# Writes the generated parts of docs/ and builds the site in build/site; warnings, such as a broken link, are errors.
docs: $(VENV)/.docs
	$(BIN)/python -m tests.docs
	$(BIN)/zensical build --strict --clean

docs-serve: $(VENV)/.docs
	$(BIN)/zensical serve

# Builds the wheel in build/dist from the last commit. HOME_URL=https://HOST/OWNER/NAME makes the links of the README
# absolute, for a package index.
dist: $(VENV)/.test
	rm -rf build/source && mkdir -p build/source && git archive HEAD | tar -x -C build/source
	$(if $(HOME_URL),$(BIN)/python -m tests.docs.package_readme $(HOME_URL) build/source)
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir build/dist build/source

# Bundles the libraries of the page, at the exact versions of bridge/web/bundle/package-lock.json. The bundles are
# committed, so npm is needed only for new versions.
BUNDLE := build/web-assets
web-assets:
	rm -rf $(BUNDLE) && mkdir -p $(BUNDLE) && cp bridge/web/bundle/* $(BUNDLE)
	cd $(BUNDLE) && npm ci --silent --no-audit --no-fund --ignore-scripts && node build.mjs $(CURDIR)/bridge/web/static/vendor

# Measures every figure, prints it beside its target, and writes build/bench.json. ONLY="word word" measures only the
# sections whose names contain one of the words.
bench: $(VENV)/.test mosquitto
	$(BIN)/python -m tests.benchmarks $(ONLY)

# Measures the same work with a simple script, and with Telegraf, Redpanda Connect, Vector and Fluent Bit if they are on
# the PATH. ONLY="word word" runs only the programs whose names contain one of the words. DOCS=1 writes the tables of
# docs/explanation/performance.md.
bench-peers: $(VENV)/.test mosquitto
	$(BIN)/python -m tests.benchmarks.peers $(ONLY) $(if $(DOCS),--docs)

# Runs the fault suite and writes the table of docs/explanation/fault-suite.md. ONLY="word word" runs only the scenarios
# whose names contain one of the words.
faults: $(VENV)/.test mosquitto fault-tools
	$(BIN)/python -m tests.faults $(ONLY)

# Runs the checks of tests/brokers on every broker that is installed, and writes docs/reference/brokers.md.
# BROKERS="name name" selects brokers.
brokers: $(VENV)/.test mosquitto broker-servers
	$(BIN)/python -m tests.brokers $(BROKERS)

# Causes load and random faults for SECS seconds (default: half an hour). SEED=… repeats the faults of an earlier run.
# HOSTILE=1 adds hostile messages.
soak: $(VENV)/.test mosquitto fault-tools
	$(BIN)/python -m tests.faults.soak --secs $(or $(filter-out 0,$(SECS)),1800) $(if $(SEED),--seed $(SEED)) $(if $(HOSTILE),--hostile)

# Tests ten thousand malformed inputs of each kind. `make test` tests fifty of each kind.
fuzz: $(VENV)/.test
	$(BIN)/pytest tests/fuzz --hypothesis-profile=long --timeout=0

# Builds the image. BASE=… selects another base image, and DOCKER=podman another program. `image-test` also runs the
# image and checks that it delivers messages.
DOCKER ?= docker
image: docker-engine
	$(DOCKER) build --network host $(if $(BASE),--build-arg BASE=$(BASE)) --file docker/Dockerfile --tag mqtt-kinesis .

image-test: image $(VENV)/.test mosquitto
	$(BIN)/pytest tests/docker/image.py

.PHONY: docker-engine
docker-engine:
	@command -v $(DOCKER) >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io >/dev/null; \
	  else echo "this needs Docker: sudo apt-get install docker.io" >&2; exit 1; fi; }

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "this needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --no-compile --editable '.[demo]'
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --no-compile --editable '.[demo,test]'
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	$(BIN)/pip install --quiet --no-compile --editable '.[demo,test,docs]'
	@touch $@

# The tests use a real broker. Debian installs mosquitto in /usr/sbin, which is not on every user's PATH.
.PHONY: mosquitto
mosquitto:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mosquitto mosquitto-clients >/dev/null; \
	  else echo "the tests need the mosquitto broker: sudo apt-get install mosquitto mosquitto-clients" >&2; exit 1; fi; }

# Installs brokers from the registries of npm, Go, Rust and Maven, if the tools of the registry are on this machine. As
# root, installs RabbitMQ and ejabberd by apt-get.
JAVA_BROKERS := hivemq moquette artemis
.PHONY: broker-servers
broker-servers: build/brokers/.installed

build/brokers/.installed: Makefile tests/brokers/servers/mochi/main.go $(JAVA_BROKERS:%=tests/brokers/servers/%/Main.java)
	@mkdir -p build/brokers/bin build/brokers/mochi
	@! command -v npm >/dev/null || npm install --silent --no-audit --no-fund --prefix build/brokers aedes@1 ws@8
	@! command -v go >/dev/null || { cp tests/brokers/servers/mochi/main.go build/brokers/mochi/ && cd build/brokers/mochi \
	  && { [ -f go.mod ] || go mod init mochi; } && go get github.com/mochi-mqtt/server/v2@v2.7.9 && go mod tidy \
	  && go build -o ../bin/mochi . && GOBIN=$(CURDIR)/build/brokers/bin go install github.com/nats-io/nats-server/v2@v2.15.3; }
	@! command -v cargo >/dev/null || cargo install --quiet --root build/brokers rumqttd || echo "rumqttd is not built" >&2
	@! { command -v mvn && command -v javac; } >/dev/null || for name in $(JAVA_BROKERS); do \
	  mvn -q -B -f tests/brokers/servers/$$name/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/build/brokers/java/$$name \
	  && javac -cp "build/brokers/java/$$name/*" -d build/brokers/java/$$name/classes tests/brokers/servers/$$name/Main.java || exit 1; done
	@{ command -v rabbitmq-server && command -v ejabberdctl; } >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null \
	  || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rabbitmq-server ejabberd >/dev/null; } \
	  || echo "RabbitMQ and ejabberd are not installed" >&2
	@touch $@

# Programs that cause faults: ip and tc (network namespaces, slow links), iptables (packet filters), strace (errors of
# system calls), faketime (a wrong clock).
.PHONY: fault-tools
fault-tools:
	@PATH="$$PATH:/usr/sbin:/sbin" && command -v ip >/dev/null && command -v iptables >/dev/null \
	  && command -v strace >/dev/null && command -v faketime >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq iproute2 iptables strace faketime >/dev/null; \
	  else echo "the fault suite needs: sudo apt-get install iproute2 iptables strace faketime" >&2; exit 1; fi; }

# The tests record system calls with strace, to compute what a disk would contain after a power failure.
.PHONY: strace
strace: | mosquitto
	@command -v strace >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq strace >/dev/null; \
	  else echo "the tests need strace: sudo apt-get install strace" >&2; exit 1; fi; }

# Packages that exist only for Node: a Sparkplug edge node, KPL de-aggregation, a Kinesis emulator that splits and
# merges shards, and a checker of the page's accessibility.
.PHONY: node
node: build/node/.installed

build/node/.installed: Makefile | chromium
	@command -v npm >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; \
	  else echo "the tests need Node and npm: sudo apt-get install nodejs npm" >&2; exit 1; fi; }
	@mkdir -p build/node
	@npm install --silent --no-audit --no-fund --prefix build/node sparkplug-client@3 aws-kinesis-agg@4 kinesis-local@0.6 axe-core@4
	@touch $@

# The tests slow down links in the kernel, with network namespaces (ip) and traffic control (tc).
.PHONY: iproute2
iproute2: | strace
	@PATH="$$PATH:/usr/sbin:/sbin" && { command -v ip && command -v tc; } >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq iproute2 >/dev/null; \
	  else echo "the tests need ip and tc: sudo apt-get install iproute2" >&2; exit 1; fi; }

# The tests try the completion of commands in the shells that it supports.
.PHONY: shells
shells: | iproute2
	@{ command -v zsh && command -v fish; } >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends zsh fish >/dev/null; \
	  else echo "the tests need these shells: sudo apt-get install zsh fish" >&2; exit 1; fi; }

# The tests evaluate the dashboard's queries and the alert rules with Prometheus. Prometheus is unpacked and not
# installed, because its installation would start a server on every network interface.
.PHONY: prometheus
prometheus: build/prometheus/.installed

build/prometheus/.installed: Makefile | shells
	@mkdir -p build/prometheus
	@{ command -v prometheus && command -v promtool; } >/dev/null || { cd build/prometheus \
	  && { apt-get -qq -o APT::Sandbox::User=root download prometheus 2>/dev/null \
	    || { apt-get update -qq && apt-get -qq -o APT::Sandbox::User=root download prometheus; }; } \
	  && dpkg -x prometheus_*.deb . && rm prometheus_*.deb; } \
	  || { echo "the tests need Prometheus: put prometheus and promtool on the PATH" >&2; exit 1; }
	@touch $@

# The tests open the page in a real browser: chromium-headless-shell, or chromium if there is no package of the former.
.PHONY: chromium
chromium: | prometheus
	@command -v chromium-headless-shell >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && export DEBIAN_FRONTEND=noninteractive GET="apt-get install -y -qq --no-install-recommends" \
	  && { $$GET chromium-headless-shell fonts-dejavu-core || $$GET chromium fonts-dejavu-core; } >/dev/null 2>&1; } \
	  || command -v chromium >/dev/null \
	  || { echo "the tests need a browser: sudo apt-get install chromium fonts-dejavu-core" >&2; exit 1; }

# ministack emulates AWS, and checks signatures and IAM policies. ministack needs a certain version of botocore, so it
# gets a separate virtual environment.
.PHONY: ministack
ministack: build/ministack/.installed

build/ministack/.installed: Makefile
	@$(PYTHON) -m venv build/ministack
	@build/ministack/bin/pip install --quiet --no-compile 'ministack>=1.5,<2'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
