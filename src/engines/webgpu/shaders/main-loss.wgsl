// The last layer: as main-rows.wgsl, and the workgroup leaves its part of the loss.
@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  product$JOB(group.y, group.x, 0u, $TERMSu, thread);
  workgroupBarrier();
  tile[thread].x = lossSum;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { tile[thread].x += tile[thread + half].x; }
  }
  if (thread == 0u) { scratch[step.lossAt + group.y * groups.x + group.x].x = tile[0].x; }
}
