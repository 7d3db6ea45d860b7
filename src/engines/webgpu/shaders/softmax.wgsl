// y = softmax(y) of every row, in place.
override OUTPUTS: u32;

@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (rows, OUTPUTS)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= step.rows) { return; }
  let first = row * OUTPUTS;
  var largest = y[first];
  for (var i = 1u; i < OUTPUTS; i++) { largest = max(largest, y[first + i]); }
  var sum = 0.0;
  for (var i = 0u; i < OUTPUTS; i++) { sum += exp(y[first + i] - largest); }
  for (var i = 0u; i < OUTPUTS; i++) { y[first + i] = exp(y[first + i] - largest) / sum; }
}
