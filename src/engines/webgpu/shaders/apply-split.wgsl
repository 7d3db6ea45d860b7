// Adam, where the sums of the weight gradients are split: the parts of each add up in order.
const SLAB_QUADS = $SLAB_QUADSu;
const THREADS = $THREADSu;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = step.firstTrained + (group.y * groups.x + group.x) * THREADS + thread;
  if (index >= SLAB_QUADS) { return; }
  var sum = vec4f();
  for (var part = 0u; part < step.splits; part++) {
    sum += scratch[step.splitAt + part * SLAB_QUADS + index];
  }
  adam(index, sum);
}
