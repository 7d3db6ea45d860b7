// What a thread of a tile of 64 sums: two by two blocks, by first or second row and column of them.
struct Sums { block00: mat4x4f, block01: mat4x4f, block10: mat4x4f, block11: mat4x4f }

// Adds one term, of which A's part lies at placeA, B's at placeB.
fn addTerms(sums: ptr<function, Sums>, placeA: u32, placeB: u32) {
  let a0 = tile[placeA];
  let a1 = tile[placeA + SIDE];
  let b0 = tile[placeB];
  let b1 = tile[placeB + SIDE];
  addTerm(&(*sums).block00, a0, b0);
  addTerm(&(*sums).block01, a0, b1);
  addTerm(&(*sums).block10, a1, b0);
  addTerm(&(*sums).block11, a1, b1);
}

fn keepSums(sums: Sums, place: u32, isFirst: bool) {
  let below = place + QUAD * SIDE * TILE_QUADS;
  addBlock(place, isFirst, sums.block00);
  addBlock(place + SIDE, isFirst, sums.block01);
  addBlock(below, isFirst, sums.block10);
  addBlock(below + SIDE, isFirst, sums.block11);
}
