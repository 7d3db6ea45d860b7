// The last pass of a step: the weight gradients of the layers that are trained, and Adam on each as it comes,
// so that no gradient is stored. Workgroups: x, y, the first for the loss, then the tiles of one layer's
// weights after the other; z, the parts that sums over the rows are split into.
const SLAB_QUADS = $SLAB_QUADSu;
const HAS_LOSS = $HAS_LOSS;
var<private> split: u32;

// losses[lossIndex] = the sum of the loss's parts, in a fixed order.
fn sumLoss(thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < step.lossParts; i += THREADS) { sum += scratch[step.lossAt + i].x; }
  tile[thread].x = sum;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { tile[thread].x += tile[thread + half].x; }
  }
  if (thread == 0u) { losses[step.lossIndex] = tile[0].x; }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  split = group.z;
  let begin = group.z * step.splitRows;
  let end = min(begin + step.splitRows, step.rows);
  var job = group.y * groups.x + group.x;
  if (HAS_LOSS) {
    if (job == 0u) {
      if (group.z == 0u) { sumLoss(thread); }
      return;
    }
    job -= 1u;
  }
$JOBS
}
