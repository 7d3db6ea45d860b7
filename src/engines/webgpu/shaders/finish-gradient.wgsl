// The sum is the gradient by the output of the layer before; by the argument of its activation, into
// `scratch`.
fn finish$JOB(row: u32, quad: u32, sum: vec4f) {
  let y = scratch[$Y_BASE + quad];
  scratch[$OUT_BASE + quad] = endRow(sum * derivative(y, $ACTIVATIONu), quad, $WIDTHu, 0.0);
}
