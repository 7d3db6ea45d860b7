#!/bin/sh
# On the machine with the GPU, from the unpacked archive of pack.sh: tests the WebGPU engine on its adapter
# and measures it beside PyTorch, in at most twelve minutes. Each part has a time limit; what it found is kept
# whatever happens to the next.
#
#   sh scripts/gpu/measure.sh OUT        writes OUT/log.txt, OUT/bench.json, OUT/bench.md and OUT/bench.png
set -u
mkdir -p "${1:?usage: measure.sh OUT}"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
[ -x bin/node ] && PATH="$PWD/bin:$PATH"
for library in libvulkan.so.1 libEGL.so.1 libXext.so.6; do
  ldconfig -p | grep -qF "$library" && continue
  export LD_LIBRARY_PATH="$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  break
done
# Where containers keep the driver's description, which the loader does not search.
[ -n "${VK_DRIVER_FILES:-}" ] || for file in /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json \
  /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json; do
  [ -e "$file" ] && export VK_DRIVER_FILES="$file" && break
done

part() {
  name=$1 limit=$2
  shift 2
  echo "== $name" | tee -a "$out/log.txt"
  timeout -k 5 "$limit" "$@" >"$out/part.txt" 2>&1
  code=$?
  cat "$out/part.txt" >>"$out/log.txt"
  tail -n 12 "$out/part.txt"
  [ $code -eq 0 ] || echo "FAILED: $name ended with $code (124: its time was up)" | tee -a "$out/log.txt"
}

{ date -u; uname -sr; nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv; } >"$out/log.txt" 2>&1
for file in z2-b64 z8-b256 z32-b96; do
  part "parity $file" 8 node scripts/parity.ts "tests/fixtures/parity/$file.json" --device webgpu
done
part benchmark 380 node scripts/bench.ts --only gpu --out "$out"
part 'bad weather' 80 node scripts/gpu/weather.ts
part conformance 205 node tests/run.ts --limit 200 tests/engines/webgpu
rm -f "$out/part.txt"
