#!/bin/sh
# Builds the operator as it goes into the image. Of the same sources, toolchain and C compiler come the
# same bytes, wherever the folders are.
#
#   hack/image/build.sh [TRIPLE]    for another machine: x86_64- or aarch64-unknown-linux-gnu
set -eu
cd "$(dirname "$0")/../.."

cargo_home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
# What is compiled names its sources, Rust for panics and C for errors: not by where they happen to be.
remap() { printf '%s=%s=%s %s=%s=%s %s=%s=%s' "$1" "$PWD" /src "$1" "$cargo_home" /cargo "$1" "$sysroot" /rust; }
RUSTFLAGS="$(remap --remap-path-prefix)"
CFLAGS="$(remap -ffile-prefix-map)"
export RUSTFLAGS CFLAGS CARGO_INCREMENTAL=0

triple=${1:-$(rustc -vV | sed -n 's/^host: //p')}
case $triple in
  "$(rustc -vV | sed -n 's/^host: //p')") ;;
  x86_64-unknown-linux-gnu) export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc ;;
  aarch64-unknown-linux-gnu) export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc ;;
  *) echo "no image is made for $triple" >&2; exit 2 ;;
esac
cargo build --locked --release --package operator --bin mcp-gateway-operator --target "$triple"
