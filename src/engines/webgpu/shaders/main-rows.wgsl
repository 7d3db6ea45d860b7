// A product over the rows of the batch: workgroups (tiles of columns, tiles of rows).
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  product$JOB(group.y, group.x, 0u, $TERMSu, thread);
}
