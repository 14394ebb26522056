# syntax=docker/dockerfile:1
# The image of the operator: the program, glibc, certificates. docs/image.md says how it is built with docker,
# podman and buildah, and what of it has been tried.

# As rust-toolchain.toml has it; a test compares them.
ARG RUST_VERSION=1.95.0

# glibc for the machine that the image is for. Nothing runs here, so no emulation is needed.
FROM debian:bookworm-slim AS debian

# Builds on the machine at hand, for the other one with Debian's cross compiler.
FROM --platform=$BUILDPLATFORM rust:${RUST_VERSION}-slim-bookworm AS build
ARG RUST_VERSION
ARG BUILDARCH
ARG TARGETARCH
# The toolchain of this image, without the components that only lints need.
ENV RUSTUP_TOOLCHAIN=${RUST_VERSION}
WORKDIR /src
# Debian keeps one version of each package, so a version that is pinned here is soon gone.
# hadolint ignore=DL3008
RUN case "$TARGETARCH" in \
      amd64) echo x86_64-unknown-linux-gnu > /triple; echo gcc-x86-64-linux-gnu libc6-dev-amd64-cross > /compiler ;; \
      arm64) echo aarch64-unknown-linux-gnu > /triple; echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross > /compiler ;; \
      *) echo "no image is made for $TARGETARCH: amd64 and arm64 only" >&2; exit 2 ;; \
    esac \
    && if [ "$TARGETARCH" != "$BUILDARCH" ]; then \
      apt-get update \
      && xargs apt-get install -y --no-install-recommends < /compiler \
      && rm -rf /var/lib/apt/lists/* \
      && xargs rustup target add < /triple; \
    fi
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY xtask xtask
COPY hack/image hack/image
# Dependencies that have been downloaded and compiled once are kept between builds.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    --mount=type=bind,from=debian,source=/,target=/debian \
    hack/image/build.sh "$(cat /triple)" \
    && hack/image/root.sh "target/$(cat /triple)/release/mcp-gateway-operator" /debian \
      /etc/ssl/certs/ca-certificates.crt /image

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mcp-gateway-operator" \
      org.opencontainers.image.description="Keeps MCP servers registered as targets of Bedrock AgentCore gateways" \
      org.opencontainers.image.source="https://github.com/mcp-gateway-operator/mcp-gateway-operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
USER 65532:65532
# 8081: probes; 8443: metrics.
EXPOSE 8081 8443
ENTRYPOINT ["/mcp-gateway-operator"]
