// From the logits z of a softmax layer: loss = mean over rows of ln Σ exp z - z[label]; dz = (softmax(z) - 1[label]) / rows.
override OUTPUTS: u32;

@group(0) @binding(1) var<storage, read> z: array<f32>; // (rows, OUTPUTS)
@group(0) @binding(2) var<storage, read> labels: array<u32>; // bytes (count)
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> dz: array<f32>; // (rows, OUTPUTS)
@group(0) @binding(5) var<storage, read_write> lossParts: array<f32>; // (rows)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= step.rows) { return; }
  let image = order[step.orderOffset + row];
  let label = extractBits(labels[image / 4u], 8u * (image % 4u), 8u);
  let first = row * OUTPUTS;
  var largest = z[first];
  for (var i = 1u; i < OUTPUTS; i++) { largest = max(largest, z[first + i]); }
  var sum = 0.0;
  for (var i = 0u; i < OUTPUTS; i++) { sum += exp(z[first + i] - largest); }
  for (var i = 0u; i < OUTPUTS; i++) {
    let probability = exp(z[first + i] - largest) / sum;
    dz[first + i] = (probability - select(0.0, 1.0, i == label)) / f32(step.rows);
  }
  lossParts[row] = log(sum) + largest - z[first + label];
}
