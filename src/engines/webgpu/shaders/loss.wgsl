// The losses of an autoencoder from z, the argument of the last activation, and the targets t: element by
// element, not yet divided by their number. The numbers are those of LOSS_CODES in passes.ts.
const SQUARED_ERROR = 0u;
const BINARY_CROSS_ENTROPY = 1u;

// ln(1 + e) for e in [0, 1]: 2 artanh s with s = e / (2 + e) <= 1/3. The series is cut at s^17: an error
// below 3e-9 of the value. WGSL lets log be wrong by 5e-7 there, which is more than a small loss.
fn logOnePlus(e: vec4f) -> vec4f {
  let s = e / (2.0 + e);
  let q = s * s;
  let series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 +
    q * (1.0 / 13.0 + q / 15.0))))));
  return 2.0 * s * series;
}

// (y - t)^2, or -t ln y - (1 - t) ln(1 - y) in the form of PyTorch's binary_cross_entropy_with_logits.
fn elementLoss(z: vec4f, t: vec4f, loss: u32, activation: u32) -> vec4f {
  if (loss == BINARY_CROSS_ENTROPY) { return max(z, vec4f()) - z * t + logOnePlus(exp(-abs(z))); }
  let difference = activate(z, activation) - t;
  return difference * difference;
}

// Its derivative by z.
fn elementGradient(z: vec4f, t: vec4f, loss: u32, activation: u32) -> vec4f {
  let y = activate(z, activation);
  if (loss == BINARY_CROSS_ENTROPY) { return y - t; }
  return 2.0 * (y - t) * derivative(y, activation);
}
