// dW = dzᵀ x and db = Σ_rows dz, each applied by Adam at once (Kingma & Ba 2015, algorithm 1, with PyTorch's coupled
// weight decay), so that no gradient is stored. The bias is one more column, INPUTS, whose input is always 1.
override INPUTS: u32;
override OUTPUTS: u32;
override WEIGHT_OFFSET: u32;
override BIAS_OFFSET: u32;
override BETA1: f32;
override BETA2: f32;
// 1 - beta, rounded once from double precision, as in PyTorch.
override ONE_MINUS_BETA1: f32;
override ONE_MINUS_BETA2: f32;
override EPSILON: f32;

@group(0) @binding(1) var<storage, read> dz: array<f32>; // (rows, OUTPUTS)
@group(0) @binding(2) var<storage, read> x: array<f32>; // (rows, INPUTS)
@group(0) @binding(3) var<storage, read_write> parameters: array<f32>; // the canonical slabs
@group(0) @binding(4) var<storage, read_write> firstMoment: array<f32>;
@group(0) @binding(5) var<storage, read_write> secondMoment: array<f32>;

const A_DEPTH_FIRST = false;
const B_DEPTH_FIRST = false;

fn shape() -> vec3u {
  return vec3u(OUTPUTS, INPUTS + 1u, step.rows);
}

fn loadA(row: u32, k: u32) -> f32 {
  return dz[k * OUTPUTS + row];
}

fn loadB(k: u32, column: u32) -> f32 {
  if (column == INPUTS) { return 1.0; }
  return x[k * INPUTS + column];
}

fn finish(row: u32, column: u32, sum: f32) {
  let index = select(WEIGHT_OFFSET + row * INPUTS + column, BIAS_OFFSET + row, column == INPUTS);
  let gradient = sum + step.weightDecay * parameters[index];
  let m = BETA1 * firstMoment[index] + ONE_MINUS_BETA1 * gradient;
  let v = BETA2 * secondMoment[index] + ONE_MINUS_BETA2 * gradient * gradient;
  firstMoment[index] = m;
  secondMoment[index] = v;
  parameters[index] -= step.stepSize * m / (sqrt(v) * step.secondCorrection + EPSILON);
}
