// x[row][pixel] = images[order[row]][pixel] / 255, with noise added and clipped where there is noise.
override INPUTS: u32;

@group(0) @binding(1) var<storage, read> images: array<u32>; // bytes (count, INPUTS)
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>; // (rows, INPUTS)

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x;
  let row = id.y;
  if (row >= step.rows || 4u * quad >= INPUTS) { return; }
  let image = order[step.orderOffset + row];
  let noisy = step.noiseStd > 0.0;
  var noise = vec4f();
  if (noisy) { noise = step.noiseStd * imageNoise(quad, image, step.epoch, step.seed); }
  for (var i = 0u; i < 4u; i++) {
    let pixel = 4u * quad + i;
    if (pixel >= INPUTS) { return; }
    let index = image * INPUTS + pixel;
    let value = unitByte(images[index / 4u], index);
    x[row * INPUTS + pixel] = select(value, clamp(value + noise[i], 0.0, 1.0), noisy);
  }
}
