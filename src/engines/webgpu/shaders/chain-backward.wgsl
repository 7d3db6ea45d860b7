// Beyond the last unit of the wide layer behind, its gradient is 0, and whose weights they are does not
// matter.
fn weightsInto(quad: u32, unit: u32) -> vec4f {
  let at = $SECOND_WEIGHT_ATu + unit / QUAD + min(columnsOf(quad), vec4u($IN_WIDTHu - 1u)) * MIDDLE_QUADS;
  let c = unit % QUAD;
  return vec4f(parameters[at.x][c], parameters[at.y][c], parameters[at.z][c], parameters[at.w][c]);
}

fn yBase(row: u32) -> u32 { return $Y_MIDDLE_BASE; }

fn middleOf(sums: vec4f, unit: u32, rows: vec4u) -> vec4f {
  let at = vec4u(yBase(rows.x), yBase(rows.y), yBase(rows.z), yBase(rows.w)) + unit / QUAD;
  let c = unit % QUAD;
  let y = vec4f(scratch[at.x][c], scratch[at.y][c], scratch[at.z][c], scratch[at.w][c]);
  return sums * derivative(y, $MIDDLE_ACTIVATIONu);
}

fn weightsFrom(quad: u32, middleQuad: u32) -> mat4x4f {
  let at = $FIRST_WEIGHT_ATu + quad + min(columnsOf(middleQuad), vec4u(MIDDLE - 1u)) * $OUT_QUADSu;
  return mat4x4f(parameters[at.x], parameters[at.y], parameters[at.z], parameters[at.w]);
}
