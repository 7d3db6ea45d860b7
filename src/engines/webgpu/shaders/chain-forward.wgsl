fn weightsInto(quad: u32, unit: u32) -> vec4f {
  return parameters[$FIRST_WEIGHT_ATu + unit * $IN_QUADSu + quad];
}

fn middleOf(sums: vec4f, unit: u32, rows: vec4u) -> vec4f {
  return activate(sums, $MIDDLE_ACTIVATIONu);
}

fn weightsFrom(quad: u32, middleQuad: u32) -> mat4x4f {
  let at = $SECOND_WEIGHT_ATu + middleQuad + min(columnsOf(quad), vec4u($OUTPUTSu - 1u)) * MIDDLE_QUADS;
  return transpose(mat4x4f(parameters[at.x], parameters[at.y], parameters[at.z], parameters[at.w]));
}
