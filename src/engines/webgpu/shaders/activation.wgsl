// The numbers are those of ACTIVATION_CODES in passes.ts.
const IDENTITY = 0u;
const RELU = 1u;
const SIGMOID = 2u;
const TANH = 3u;

// 1 / (1 + exp -x), in a form in which nothing overflows.
fn sigmoid(x: vec4f) -> vec4f {
  let e = exp(-abs(x));
  return select(vec4f(1.0), e, x < vec4f()) / (1.0 + e);
}

// WGSL's own tanh may lose all digits near 0. There the polynomial of Cephes' tanhf (S. Moshier), good to
// 1e-7; elsewhere (1 - e) / (1 + e) with e = exp -2|x|.
fn hyperbolicTangent(x: vec4f) -> vec4f {
  let e = exp(-2.0 * abs(x));
  let far = sign(x) * (1.0 - e) / (1.0 + e);
  let z = x * x;
  let high = (-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2;
  let series = (high * z + 1.33314422036e-1) * z - 3.33332819422e-1;
  return select(far, x + x * z * series, abs(x) < vec4f(0.625));
}

fn activate(x: vec4f, activation: u32) -> vec4f {
  switch activation {
    case RELU: { return max(x, vec4f()); }
    case SIGMOID: { return sigmoid(x); }
    case TANH: { return hyperbolicTangent(x); }
    default: { return x; }
  }
}

// Derivative of the activation, from its output y.
fn derivative(y: vec4f, activation: u32) -> vec4f {
  switch activation {
    case RELU: { return select(vec4f(), vec4f(1.0), y > vec4f()); }
    case SIGMOID: { return y * (1.0 - y); }
    case TANH: { return 1.0 - y * y; }
    default: { return vec4f(1.0); }
  }
}
