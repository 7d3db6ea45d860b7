// losses[row] = the cross-entropy of the row, from its logits.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= step.rows) { return; }
  let base = $Z_BASE;
  losses[row] = crossEntropy(base, softmaxTerms(base), labelOf(row));
}
