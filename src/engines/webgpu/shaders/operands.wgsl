// The operands of a product sum(row, column) = Σ_k A(row, k) · B(k, column). One is `depth first` where k
// runs along its rows of quads, else its rows are the terms. $ROWS is the number of rows of the result; B has
// COLUMNS rows if depth first.
const A_DEPTH_FIRST$JOB = $A_DEPTH_FIRST;
const B_DEPTH_FIRST$JOB = $B_DEPTH_FIRST;
const COLUMNS$JOB = $COLUMNSu;
// Of a row of the result, with what comes after the last value.
const COLUMN_QUADS$JOB = $COLUMN_QUADSu;

// Where row `i` of an operand begins, and a quad of it.
fn aBase$JOB(i: u32) -> u32 { return $A_BASE; }
fn aQuad$JOB(base: u32, quad: u32) -> vec4f { return $A_QUAD; }
fn bBase$JOB(i: u32) -> u32 { return $B_BASE; }
fn bQuad$JOB(base: u32, quad: u32) -> vec4f { return $B_QUAD; }

// Where the four rows of a depth first operand begin that make quad `quad` of the result's rows (columns).
// Beyond the last one it is taken again: its sums are dropped.
fn aBases$JOB(quad: u32) -> vec4u {
  let i = min(columnsOf(quad), vec4u($ROWS - 1u));
  return vec4u(aBase$JOB(i.x), aBase$JOB(i.y), aBase$JOB(i.z), aBase$JOB(i.w));
}
fn bBases$JOB(quad: u32) -> vec4u {
  let i = min(columnsOf(quad), vec4u(COLUMNS$JOB - 1u));
  return vec4u(bBase$JOB(i.x), bBase$JOB(i.y), bBase$JOB(i.z), bBase$JOB(i.w));
}

// The 4 × 4 values at a quad of rows (columns) and a quad of terms, as four columns, one a term; 0 from `end`
// on. Written out, not as a loop: the four loads are to be under way at once (a third of the first product's
// time on an H200).
fn loadA$JOB(bases: vec4u, quad: u32, kQuad: u32, end: u32) -> mat4x4f {
  let k = QUAD * kQuad;
  if (!A_DEPTH_FIRST$JOB) {
    return mat4x4f(termA$JOB(k, quad, end), termA$JOB(k + 1u, quad, end), termA$JOB(k + 2u, quad, end),
      termA$JOB(k + 3u, quad, end));
  }
  if (k >= end) { return mat4x4f(); }
  return transpose(mat4x4f(aQuad$JOB(bases.x, kQuad), aQuad$JOB(bases.y, kQuad), aQuad$JOB(bases.z, kQuad),
    aQuad$JOB(bases.w, kQuad)));
}
fn termA$JOB(k: u32, quad: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(); }
  return aQuad$JOB(aBase$JOB(k), quad);
}
fn loadB$JOB(bases: vec4u, quad: u32, kQuad: u32, end: u32) -> mat4x4f {
  let k = QUAD * kQuad;
  if (!B_DEPTH_FIRST$JOB) {
    return mat4x4f(termB$JOB(k, quad, end), termB$JOB(k + 1u, quad, end), termB$JOB(k + 2u, quad, end),
      termB$JOB(k + 3u, quad, end));
  }
  if (k >= end) { return mat4x4f(); }
  return transpose(mat4x4f(bQuad$JOB(bases.x, kQuad), bQuad$JOB(bases.y, kQuad), bQuad$JOB(bases.z, kQuad),
    bQuad$JOB(bases.w, kQuad)));
}
fn termB$JOB(k: u32, quad: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(); }
  return bQuad$JOB(bBase$JOB(k), quad);
}

// Where the last value of a row ends its quad, what comes after it has a quad of its own, which no sum
// belongs to: the workgroup with the last columns writes it.
fn finishRows$JOB(firstRow: u32, firstColumn: u32, thread: u32) {
  let isOdd = COLUMNS$JOB % TILE == 0u && COLUMN_QUADS$JOB * QUAD > COLUMNS$JOB;
  if (!isOdd || firstColumn + TILE != COLUMNS$JOB) { return; }
  for (var i = thread; i < TILE; i += THREADS) {
    if (firstRow + i < $ROWS) { finish$JOB(firstRow + i, COLUMN_QUADS$JOB - 1u, vec4f()); }
  }
}
