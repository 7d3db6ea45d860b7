// Forward: y = f(x Wᵀ + b), dz is the loss's gradient by the argument of f. The gradient by the argument of the layer
// before: dx = (dz W) ⊙ f'(x), overwritten. Comes before the layer's weight-gradient.wgsl, which changes W.
override INPUTS: u32;
override OUTPUTS: u32;
override WEIGHT_OFFSET: u32;
// Of the layer before, whose output is x.
override ACTIVATION: u32;

@group(0) @binding(1) var<storage, read> parameters: array<f32>; // the canonical slab
@group(0) @binding(2) var<storage, read> dz: array<f32>; // (rows, OUTPUTS)
@group(0) @binding(3) var<storage, read> x: array<f32>; // (rows, INPUTS)
@group(0) @binding(4) var<storage, read_write> dx: array<f32>; // (rows, INPUTS)

const A_DEPTH_FIRST = true;
const B_DEPTH_FIRST = false;

fn shape() -> vec3u {
  return vec3u(step.rows, INPUTS, OUTPUTS);
}

fn loadA(row: u32, k: u32) -> f32 {
  return dz[row * OUTPUTS + k];
}

fn loadB(k: u32, column: u32) -> f32 {
  return parameters[WEIGHT_OFFSET + k * INPUTS + column];
}

fn finish(row: u32, column: u32, sum: f32) {
  let index = row * INPUTS + column;
  dx[index] = sum * derivative(x[index], ACTIVATION);
}
