// The minibatch's inputs with noise, into `scratch`.
const INPUT_QUADS = ROW_INPUTS / QUAD + 1u;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x;
  let row = id.y;
  if (row >= step.rows || quad >= INPUT_QUADS) { return; }
  let number = order[step.orderOffset + row];
  var values = rowsQuad(rowsBase(row), quad) + step.noiseStd * rowNoise(quad, number, step.epoch, step.seed);
  if (CLIPS_NOISE) { values = clamp(values, vec4f(), vec4f(1.0)); }
  scratch[$OUT_BASE + quad] = endRow(values, quad, ROW_INPUTS, 1.0);
}
