// y = f(x Wᵀ + b): rows of the batch times columns of the layer's outputs, over its inputs.
override INPUTS: u32;
override OUTPUTS: u32;
override WEIGHT_OFFSET: u32;
override BIAS_OFFSET: u32;
override ACTIVATION: u32;

@group(0) @binding(1) var<storage, read> parameters: array<f32>; // the canonical slab
@group(0) @binding(2) var<storage, read> x: array<f32>; // (rows, INPUTS)
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (rows, OUTPUTS)

const A_DEPTH_FIRST = true;
const B_DEPTH_FIRST = true;

fn shape() -> vec3u {
  return vec3u(step.rows, OUTPUTS, INPUTS);
}

fn loadA(row: u32, k: u32) -> f32 {
  return x[row * INPUTS + k];
}

fn loadB(k: u32, column: u32) -> f32 {
  return parameters[WEIGHT_OFFSET + column * INPUTS + k];
}

fn finish(row: u32, column: u32, sum: f32) {
  y[row * OUTPUTS + column] = activate(sum + parameters[BIAS_OFFSET + column], ACTIVATION);
}
