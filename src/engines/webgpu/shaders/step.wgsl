// What every pass sees: the step's uniforms, and all memory of the device. Matrices are rows of quads
// (vec4f): a row of `width` values takes width / 4 + 1 quads, rounded down: after the last value comes a 1,
// the input of the bias (0 in a gradient), then zeros. Where each matrix lies, and how the names after a
// dollar sign are filled in, is said in layout.ts and shaders.ts.

// What changes from step to step. The layout is written by `packSteps` in step-uniforms.ts.
struct Step {
  // Rows of this minibatch.
  rows: u32,
  // First element of this minibatch in `order`.
  orderOffset: u32,
  // Element of `losses` that this step writes.
  lossIndex: u32,
  seed: u32,
  epoch: u32,
  // Rows that `scratch` has room for.
  capacity: u32,
  // The parts of the loss: their first quad in `scratch`, and how many there are.
  lossAt: u32,
  lossParts: u32,
  // Weight gradients, where their sums over the rows are split: the first quad of the parts in `scratch`, how
  // many parts (1: not split), and rows of each.
  splitAt: u32,
  splits: u32,
  splitRows: u32,
  // First quad of the parameters that is trained: those before it are frozen.
  firstTrained: u32,
  // Standard deviation of the noise on the inputs.
  noiseStd: f32,
  // Adam: learningRate / (1 - beta1^t).
  stepSize: f32,
  // Adam: 1 / sqrt(1 - beta2^t).
  secondCorrection: f32,
  weightDecay: f32,
}

@group(0) @binding(0) var<uniform> step: Step;
// Binding 1 is the training rows: rows-bytes.wgsl or rows-floats.wgsl.
@group(0) @binding(2) var<storage, read> order: array<u32>;
// Bytes (count).
@group(0) @binding(3) var<storage, read> labels: array<u32>;
// Activations and gradients of a minibatch, the parts of its loss, and of split weight gradients.
@group(0) @binding(4) var<storage, read_write> scratch: array<vec4f>;
// Slabs: row o of a layer's weights holds the weights of unit o, then its bias.
@group(0) @binding(5) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> firstMoment: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> secondMoment: array<vec4f>;
// Losses of the steps of this call; in inference those of the rows.
@group(0) @binding(8) var<storage, read_write> losses: array<f32>;

// Values in a quad.
const QUAD = 4u;

// The four columns of a quad.
fn columnsOf(quad: u32) -> vec4u {
  return QUAD * quad + vec4u(0u, 1u, 2u, 3u);
}

// The values of a quad of a row of `width`, and what the layout wants after the last: `after`, then zeros.
fn endRow(values: vec4f, quad: u32, width: u32, after: f32) -> vec4f {
  let columns = columnsOf(quad);
  let end = select(vec4f(), vec4f(after), columns == vec4u(width));
  return select(end, values, columns < vec4u(width));
}
