// What a thread of a tile of 32 sums: one block.
struct Sums { block: mat4x4f }

// Adds one term, of which A's part lies at placeA, B's at placeB.
fn addTerms(sums: ptr<function, Sums>, placeA: u32, placeB: u32) {
  addTerm(&(*sums).block, tile[placeA], tile[placeB]);
}

fn keepSums(sums: Sums, place: u32, isFirst: bool) {
  addBlock(place, isFirst, sums.block);
}
