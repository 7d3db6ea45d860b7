// y = f(sum), into `scratch`.
fn finish$JOB(row: u32, quad: u32, sum: vec4f) {
  scratch[$OUT_BASE + quad] = endRow(activate(sum, $ACTIVATIONu), quad, $OUTPUTSu, 1.0);
}
