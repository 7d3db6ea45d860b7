// Logits z to the gradient (softmax(z) - 1[label]) / rows, in place, and each row's part of the loss: in
// training.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= step.rows) { return; }
  let base = $Z_BASE;
  let label = labelOf(row);
  let terms = softmaxTerms(base);
  scratch[step.lossAt + row].x = crossEntropy(base, terms, label) / f32(step.rows);
  for (var quad = 0u; quad < CLASS_QUADS; quad++) {
    let probability = exp(scratch[base + quad] - terms.x) / terms.y;
    let isLabel = select(vec4f(), vec4f(1.0), columnsOf(quad) == vec4u(label));
    scratch[base + quad] = endRow((probability - isLabel) / f32(step.rows), quad, CLASSES, 0.0);
  }
}
