// Logits to probabilities, in place: in inference.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= step.rows) { return; }
  let base = $Z_BASE;
  let terms = softmaxTerms(base);
  for (var quad = 0u; quad < CLASS_QUADS; quad++) {
    scratch[base + quad] = endRow(exp(scratch[base + quad] - terms.x) / terms.y, quad, CLASSES, 1.0);
  }
}
