// The numbers are those of ACTIVATION_CODES in passes.ts.
const IDENTITY = 0u;
const RELU = 1u;
const SIGMOID = 2u;

fn activate(x: f32, activation: u32) -> f32 {
  switch activation {
    case RELU: { return max(x, 0.0); }
    case SIGMOID: { return 1.0 / (1.0 + exp(-x)); }
    default: { return x; }
  }
}

// Derivative of the activation, from its output y.
fn derivative(y: f32, activation: u32) -> f32 {
  switch activation {
    case RELU: { return select(0.0, 1.0, y > 0.0); }
    case SIGMOID: { return y * (1.0 - y); }
    default: { return 1.0; }
  }
}
