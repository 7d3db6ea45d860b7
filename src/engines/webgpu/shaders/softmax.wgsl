// Rows of logits, one thread a row.
const CLASSES = $CLASSESu;
const WORD_BYTES = 4u;
const CLASS_QUADS = CLASSES / QUAD + 1u;

fn logit(base: u32, index: u32) -> f32 {
  return scratch[base + index / QUAD][index % QUAD];
}

// (largest logit, Σ exp(logit - largest)).
fn softmaxTerms(base: u32) -> vec2f {
  var largest = logit(base, 0u);
  for (var i = 1u; i < CLASSES; i++) { largest = max(largest, logit(base, i)); }
  var sum = 0.0;
  for (var i = 0u; i < CLASSES; i++) { sum += exp(logit(base, i) - largest); }
  return vec2f(largest, sum);
}

fn labelOf(row: u32) -> u32 {
  let number = order[step.orderOffset + row];
  return extractBits(labels[number / WORD_BYTES], 8u * (number % WORD_BYTES), 8u);
}

// -ln softmax(z)[label] = ln Σ exp z - z[label].
fn crossEntropy(base: u32, terms: vec2f, label: u32) -> f32 {
  return log(terms.y) + (terms.x - logit(base, label));
}
