// The same as product-tiled.wgsl, each thread on its own: for software adapters, where barriers cost more
// than the loads they save, and compiling the tiled kernel takes seconds.
fn product$JOB(tileRow: u32, tileColumn: u32, begin: u32, end: u32, thread: u32) {
  let firstRow = tileRow * TILE;
  let firstColumn = tileColumn * TILE;
  let rowQuad = firstRow / QUAD + thread / SIDE;
  let columnQuad = firstColumn / QUAD + thread % SIDE;
  if (QUAD * rowQuad < $ROWS && columnQuad < COLUMN_QUADS$JOB) {
    let aBases = aBases$JOB(rowQuad);
    let bBases = bBases$JOB(columnQuad);
    var sums = mat4x4f();
    for (var k = begin; k < end; k += QUAD) {
      let a = transpose(loadA$JOB(aBases, rowQuad, k / QUAD, end));
      sums += loadB$JOB(bBases, columnQuad, k / QUAD, end) * a;
    }
    for (var i = 0u; i < QUAD; i++) {
      let row = QUAD * rowQuad + i;
      if (row < $ROWS) { finish$JOB(row, columnQuad, sums[i]); }
    }
  }
  finishRows$JOB(firstRow, firstColumn, thread);
}
