// The sum is z, the argument of the last activation. Its gradient into `scratch`; the loss is added up in
// `lossSum`.
var<private> lossSum: f32;

fn finish$JOB(row: u32, quad: u32, sum: vec4f) {
  let wanted = rowsQuad(rowsBase(row), quad);
  let scale = 1.0 / (f32(step.rows) * f32($OUTPUTSu));
  let loss = endRow(elementLoss(sum, wanted, $LOSSu, $ACTIVATIONu), quad, $OUTPUTSu, 0.0);
  lossSum += scale * (loss.x + loss.y + loss.z + loss.w);
  let gradient = scale * elementGradient(sum, wanted, $LOSSu, $ACTIVATIONu);
  scratch[$OUT_BASE + quad] = endRow(gradient, quad, $OUTPUTSu, 0.0);
}
