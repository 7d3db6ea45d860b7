// The sum is the gradient by a quad of the layer's weights, or, where sums are split, this part of it.
fn finish$JOB(row: u32, quad: u32, sum: vec4f) {
  let index = $WEIGHT_ATu + row * $COLUMN_QUADSu + quad;
  if (step.splits == 1u) {
    adam(index, sum);
  } else {
    scratch[step.splitAt + split * SLAB_QUADS + index] = sum;
  }
}
