// losses[row] = the mean over the row of the autoencoder's loss, from z, the argument of the last activation.
const THREADS = 64u;
var<workgroup> sums: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = group.x;
  let base = $Z_BASE;
  let rowBase = rowsBase(row);
  var sum = 0.0;
  for (var quad = thread; quad < $OUT_QUADSu; quad += THREADS) {
    let loss = elementLoss(scratch[base + quad], rowsQuad(rowBase, quad), $LOSSu, $ACTIVATIONu);
    sum += dot(endRow(loss, quad, $OUTPUTSu, 0.0), vec4f(1.0));
  }
  sums[thread] = sum;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { sums[thread] += sums[thread + half]; }
  }
  if (thread == 0u) { losses[row] = sums[0] / f32($OUTPUTSu); }
}
