// loss = Σ (y - t)² / (rows · OUTPUTS); dz = 2 (y - t) f'(y) / (rows · OUTPUTS), with the clean image as target t.
override OUTPUTS: u32;
override ACTIVATION: u32;
// Threads a row. Each takes every so-manieth column and leaves one part of the row's sum.
override PARTS: u32;

@group(0) @binding(1) var<storage, read> y: array<f32>; // (rows, OUTPUTS)
@group(0) @binding(2) var<storage, read> images: array<u32>; // bytes (count, OUTPUTS)
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> dz: array<f32>; // (rows, OUTPUTS)
@group(0) @binding(5) var<storage, read_write> lossParts: array<f32>; // (rows, PARTS)

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let part = id.x;
  let row = id.y;
  if (row >= step.rows || part >= PARTS) { return; }
  let image = order[step.orderOffset + row];
  let scale = 2.0 / (f32(step.rows) * f32(OUTPUTS));
  var sum = 0.0;
  for (var column = part; column < OUTPUTS; column += PARTS) {
    let pixel = image * OUTPUTS + column;
    let output = y[row * OUTPUTS + column];
    let difference = output - unitByte(images[pixel / 4u], pixel);
    sum += difference * difference;
    dz[row * OUTPUTS + column] = scale * difference * derivative(output, ACTIVATION);
  }
  lossParts[row * PARTS + part] = sum / f32(OUTPUTS);
}
