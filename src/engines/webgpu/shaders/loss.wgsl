// losses[lossIndex] = Σ lossParts / rows, by one workgroup in a fixed order.
override PARTS: u32;

@group(0) @binding(1) var<storage, read> lossParts: array<f32>; // (rows, PARTS)
@group(0) @binding(2) var<storage, read_write> losses: array<f32>; // (steps of this call)

const THREADS = 256u;
var<workgroup> sums: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < step.rows * PARTS; i += THREADS) { sum += lossParts[i]; }
  sums[thread] = sum;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { sums[thread] += sums[thread + half]; }
  }
  if (thread == 0u) { losses[step.lossIndex] = sums[0] / f32(step.rows); }
}
