// One step of Adam on a quad of parameters (Kingma & Ba 2015, algorithm 1, with PyTorch's coupled weight
// decay).
const BETA_1 = $BETA_1;
const BETA_2 = $BETA_2;
// 1 - beta, rounded once from double precision, as in PyTorch.
const ONE_MINUS_BETA_1 = $ONE_MINUS_BETA_1;
const ONE_MINUS_BETA_2 = $ONE_MINUS_BETA_2;
const EPSILON = $EPSILON;

fn adam(index: u32, lossGradient: vec4f) {
  let gradient = lossGradient + step.weightDecay * parameters[index];
  let m = BETA_1 * firstMoment[index] + ONE_MINUS_BETA_1 * gradient;
  let v = BETA_2 * secondMoment[index] + ONE_MINUS_BETA_2 * gradient * gradient;
  firstMoment[index] = m;
  secondMoment[index] = v;
  parameters[index] -= step.stepSize * m / (sqrt(v) * step.secondCorrection + EPSILON);
}
