// The sums of the tile at (tileRow, tileColumn), for terms from `begin` up to `end`; `finish` gets each quad
// inside the shape. Every sum has one order: the terms of a slice ascending, then the slices.
fn product$JOB(tileRow: u32, tileColumn: u32, begin: u32, end: u32, thread: u32) {
  let firstRow = tileRow * TILE;
  let firstColumn = tileColumn * TILE;

  // What this thread brings, clamped to the shape.
  let bringsA = BRINGS_BOTH || thread < BLOCKS;
  let bringsB = BRINGS_BOTH || !bringsA;
  let blockA = blockAt(thread % BLOCKS, A_DEPTH_FIRST$JOB);
  let blockB = blockAt(thread % BLOCKS, B_DEPTH_FIRST$JOB);
  let quadA = min(firstRow / QUAD + blockA.y, ($ROWS - 1u) / QUAD);
  let quadB = min(firstColumn / QUAD + blockB.y, COLUMN_QUADS$JOB - 1u);
  var basesA = vec4u();
  var basesB = vec4u();
  if (A_DEPTH_FIRST$JOB && bringsA) { basesA = aBases$JOB(quadA); }
  if (B_DEPTH_FIRST$JOB && bringsB) { basesB = bBases$JOB(quadB); }

  // What this thread sums.
  let slice = thread / (SIDE * SIDE);
  let y = (thread / SIDE) % SIDE;
  let x = thread % SIDE;
  var sums: Sums;

  // The next blocks are under way while the ones before are summed.
  for (var start = begin; start < end + DEPTH; start += DEPTH) {
    var nextA: mat4x4f;
    var nextB: mat4x4f;
    if (bringsA) { nextA = loadA$JOB(basesA, quadA, start / QUAD + blockA.x, end); }
    if (bringsB) { nextB = loadB$JOB(basesB, quadB, start / QUAD + blockB.x, end); }
    if (start > begin) {
      for (var q = 0u; q < SLICE_QUADS; q++) {
        let placeA = placeOf(slice * SLICE_QUADS + q, y);
        let placeB = PLACE_B + placeOf(slice * SLICE_QUADS + q, x);
        addTerms(&sums, placeA, placeB);
        addTerms(&sums, placeA + TILE_QUADS, placeB + TILE_QUADS);
        addTerms(&sums, placeA + 2u * TILE_QUADS, placeB + 2u * TILE_QUADS);
        addTerms(&sums, placeA + 3u * TILE_QUADS, placeB + 3u * TILE_QUADS);
      }
    }
    workgroupBarrier();
    if (bringsA) { storeBlock(placeOf(blockA.x, blockA.y), nextA); }
    if (bringsB) { storeBlock(PLACE_B + placeOf(blockB.x, blockB.y), nextB); }
    workgroupBarrier();
  }

  // The slices add up in order.
  for (var turn = 0u; turn < SLICES; turn++) {
    if (slice == turn) { keepSums(sums, QUAD * TILE_QUADS * y + x, turn == 0u); }
    workgroupBarrier();
  }
  for (var at = thread; at < TILE * TILE_QUADS; at += THREADS) {
    let row = firstRow + at / TILE_QUADS;
    let column = firstColumn / QUAD + at % TILE_QUADS;
    if (row < $ROWS && column < COLUMN_QUADS$JOB) { finish$JOB(row, column, tile[at]); }
  }
  finishRows$JOB(firstRow, firstColumn, thread);
}
