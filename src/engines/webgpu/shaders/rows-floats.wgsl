// Training rows as floats, laid out like every matrix.
@group(0) @binding(1) var<storage, read> rows: array<vec4f>; // (count, ROW_QUADS)

const ROW_INPUTS = $INPUTS;
const ROW_QUADS = ROW_INPUTS / QUAD + 1u;
const CLIPS_NOISE = false;

// First quad of row `index` of the minibatch.
fn rowsBase(index: u32) -> u32 {
  return order[step.orderOffset + index] * ROW_QUADS;
}

fn rowsQuad(base: u32, quad: u32) -> vec4f {
  return rows[base + quad];
}
