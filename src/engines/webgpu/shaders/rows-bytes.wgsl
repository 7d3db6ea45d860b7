// Training rows as bytes, of which the network sees value / 255: one little-endian word is one quad.
@group(0) @binding(1) var<storage, read> rows: array<u32>; // (count, ROW_WORDS)

const ROW_INPUTS = $INPUTS;
const ROW_WORDS = (ROW_INPUTS + QUAD - 1u) / QUAD;
// Rows of bytes stay in [0, 1] with noise, too.
const CLIPS_NOISE = true;

// First word of row `index` of the minibatch.
fn rowsBase(index: u32) -> u32 {
  return order[step.orderOffset + index] * ROW_WORDS;
}

fn rowsQuad(base: u32, quad: u32) -> vec4f {
  var values = vec4f();
  if (quad < ROW_WORDS) {
    let word = vec4u(rows[base + quad]) >> vec4u(0u, 8u, 16u, 24u);
    values = vec4f(word & vec4u(255u)) / 255.0;
  }
  return endRow(values, quad, ROW_INPUTS, 1.0);
}
