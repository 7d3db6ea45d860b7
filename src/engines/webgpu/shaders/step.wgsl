// What changes from step to step. The layout is written by `writeStep` in step-uniforms.ts.
struct Step {
  // Rows (images) of this minibatch.
  rows: u32,
  // First element of this minibatch in `order`.
  orderOffset: u32,
  // Element of `losses` that this step writes.
  lossIndex: u32,
  seed: u32,
  epoch: u32,
  // Standard deviation of the noise on the inputs.
  noiseStd: f32,
  // Adam: learningRate / (1 - beta1^t).
  stepSize: f32,
  // Adam: 1 / sqrt(1 - beta2^t).
  secondCorrection: f32,
  weightDecay: f32,
}

@group(0) @binding(0) var<uniform> step: Step;
